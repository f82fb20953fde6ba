"""The gates, in their order."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from contracts.events import Channel, MessageClass, Purpose
from notifier.domain.channel import Reached
from notifier.domain.gate import Terms, enter, judge, today
from notifier.domain.message import Case, DayCount, Receiver
from notifier.domain.send_window import quiet_until
from notifier.domain.verdict import Expire, Go, Hold, Suppress, Verdict

from .cases import DRAFT, MAIL, MESSAGE, NOON, PHONE, RECEIVER, RULE, SHOP, TERMS, case, consent

BY_SMS = Reached(Channel.SMS, PHONE)
BY_MAIL = Reached(Channel.EMAIL, "li@mail.example")
MARKETING = {"message_class": MessageClass.MARKETING}
SERVICE = {"message_class": MessageClass.SERVICE}
IMPLIED = replace(SHOP, marketing_consent_implied=True)


def judged(one: Case, reached: Reached = BY_SMS) -> Verdict:
    return judge(one, reached, DRAFT, TERMS, repeated=False)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(case(), BY_SMS, id="the first planned channel"),
        pytest.param(case(receiver=Receiver(email="li@mail.example")), BY_MAIL, id="the next"),
        pytest.param(
            case(receiver=Receiver(phone="+862112345678", email="li@mail.example")),
            BY_MAIL,
            id="a landline gets no SMS",
        ),
        pytest.param(case(message={"channels": (Channel.EMAIL,)}), BY_MAIL, id="e-mail only"),
        pytest.param(
            case(message={"channels": (Channel.TASK,)}),
            Hold("no_address", NOON + timedelta(hours=24)),
            id="a channel that is not ours",
        ),
        pytest.param(
            case(receiver=None), Hold("no_address", NOON + timedelta(hours=24)), id="unknown"
        ),
        pytest.param(
            case(receiver=Receiver(), now=NOON + timedelta(hours=24)),
            Expire("no_address"),
            id="still unknown when it expires",
        ),
        pytest.param(case(erased=True, receiver=None), Suppress("erased"), id="erased first"),
        pytest.param(case(recalled="paid"), Suppress("paid"), id="recalled"),
        pytest.param(
            case(rule=None), Hold("rule_unknown", NOON + timedelta(seconds=1)), id="no rule yet"
        ),
        pytest.param(
            case(rule=None, now=NOON + timedelta(hours=25)),
            Expire("rule_unknown"),
            id="no rule ever",
        ),
    ],
)
def test_a_message_goes_by_the_first_channel_that_is_open(one: Case, expected: object) -> None:
    assert enter(one, TERMS) == expected


def test_a_channel_without_a_gateway_is_closed() -> None:
    only_mail = Terms({Channel.EMAIL: MAIL})

    assert enter(case(), only_mail) == BY_MAIL


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(case(message=MARKETING), Suppress("no_consent"), id="M: none recorded"),
        pytest.param(case(message=MARKETING, shop=IMPLIED), BY_SMS, id="M: implied by the shop"),
        pytest.param(
            case(message=MARKETING, receiver=replace(RECEIVER, consents=(consent(),))),
            BY_SMS,
            id="M: recorded",
        ),
        pytest.param(
            case(message=MARKETING, receiver=replace(RECEIVER, consents=(consent(Channel.EMAIL),))),
            BY_MAIL,
            id="M: recorded for e-mail only",
        ),
        pytest.param(
            case(
                message=MARKETING,
                shop=IMPLIED,
                receiver=replace(
                    RECEIVER,
                    consents=(consent(days_ago=3), consent(given=False), consent(days_ago=2)),
                ),
            ),
            BY_MAIL,
            id="M: withdrawn for SMS, implied for e-mail",
        ),
        pytest.param(
            case(
                message=MARKETING,
                shop=IMPLIED,
                receiver=replace(
                    RECEIVER,
                    opted_out=frozenset(
                        {(Channel.SMS, Purpose.MARKETING), (Channel.EMAIL, Purpose.MARKETING)}
                    ),
                ),
            ),
            Suppress("opted_out"),
            id="M: opted out everywhere",
        ),
        pytest.param(case(message=SERVICE), BY_SMS, id="S: needs none"),
        pytest.param(
            case(
                message=SERVICE | {"channels": (Channel.SMS,)},
                receiver=replace(
                    RECEIVER, consents=(consent(purpose=Purpose.ORDER_NOTICES, given=False),)
                ),
            ),
            Suppress("opted_out"),
            id="S: stopped by all messages off",
        ),
        pytest.param(
            case(
                receiver=replace(
                    RECEIVER, opted_out=frozenset((Channel.SMS, one) for one in Purpose)
                )
            ),
            BY_SMS,
            id="T: stopped by nothing",
        ),
    ],
)
def test_consent_is_asked_for_by_class_and_channel(one: Case, expected: object) -> None:
    assert enter(one, TERMS) == expected


def at(hour: int, minute: int, second: int = 0) -> datetime:
    """Return that time of 11 November 2026 in Shanghai."""
    return NOON + timedelta(hours=hour - 12, minutes=minute, seconds=second)


@pytest.mark.parametrize(
    ("now", "goes"),
    [(at(8, 59, 59), False), (at(9, 0), True), (at(20, 59, 59), True), (at(21, 0), False)],
)
@pytest.mark.parametrize("one", list(MessageClass))
def test_sms_goes_from_nine_to_nine_where_the_receiver_is(
    now: datetime, goes: bool, one: MessageClass
) -> None:
    verdict = judged(case(now=now, message={"message_class": one, "expires_at": at(60, 0)}))

    assert isinstance(verdict, Go if goes else Hold)
    if isinstance(verdict, Hold):
        assert verdict.reason == "quiet"
        opening = at(9, 0) if now < NOON else at(33, 0)
        assert opening <= verdict.until < opening + timedelta(minutes=30)


def test_the_receivers_own_zone_goes_before_the_shops() -> None:
    abroad = replace(RECEIVER, zone="America/New_York")  # 23:00 there

    verdict = judged(case(receiver=abroad))

    assert isinstance(verdict, Hold)
    assert verdict.until >= datetime.fromisoformat("2026-11-11T14:00:00+00:00")


@pytest.mark.parametrize(
    ("one", "reached"),
    [
        pytest.param(case(now=at(23, 0)), BY_MAIL, id="e-mail about a transaction"),
        pytest.param(
            case(now=at(23, 0), rule=replace(RULE, quiet_exempt=True)), BY_SMS, id="an exempt kind"
        ),
    ],
)
def test_some_messages_go_at_any_time(one: Case, reached: Reached) -> None:
    assert isinstance(judged(one, reached), Go)


def test_a_message_that_expires_in_the_night_is_not_kept() -> None:
    one = case(now=at(22, 0), message={"expires_at": at(33, 0)})

    assert judged(one) == Expire("quiet")


def test_a_message_that_only_just_fits_leaves_at_the_opening() -> None:
    one = case(now=at(22, 0), message={"expires_at": at(33, 0, 1)})

    assert judged(one) == Hold("quiet", at(33, 0))


def test_zones_whose_windows_never_meet_hold_the_message_until_it_expires() -> None:
    zones = ["Pacific/Kiritimati", "Asia/Dhaka", "Atlantic/South_Georgia"]  # +14, +6, -2

    until = quiet_until(MESSAGE, NOON, zones, spread=timedelta(minutes=30))

    assert until == MESSAGE.expires_at


def sent(*days_ago: int, one: MessageClass = MessageClass.MARKETING) -> tuple[DayCount, ...]:
    return tuple(
        DayCount(today(case()) - timedelta(days=ago), one, Channel.SMS, 1) for ago in days_ago
    )


@pytest.mark.parametrize(
    ("one", "counts", "until_day"),
    [
        pytest.param(MessageClass.MARKETING, sent(), None, id="nothing sent"),
        pytest.param(MessageClass.MARKETING, sent(0), 1, id="one today"),
        pytest.param(MessageClass.MARKETING, sent(1), None, id="one yesterday"),
        pytest.param(MessageClass.MARKETING, sent(6, 3, 1), 1, id="three in seven days"),
        pytest.param(MessageClass.MARKETING, sent(7, 3, 1), None, id="the seventh day is out"),
        pytest.param(
            MessageClass.MARKETING, sent(29, 20, 18, 16, 14, 12), 1, id="six in thirty days"
        ),
        pytest.param(
            MessageClass.MARKETING, sent(30, 20, 18, 16, 14, 12), None, id="the thirtieth is out"
        ),
        pytest.param(
            MessageClass.MARKETING, sent(0, one=MessageClass.SERVICE), 1, id="service counts"
        ),
        pytest.param(MessageClass.SERVICE, sent(0, 0, 0), None, id="marketing holds no service"),
        pytest.param(
            MessageClass.SERVICE,
            sent(0, 0, 0, one=MessageClass.SERVICE),
            1,
            id="three service SMS a day",
        ),
        pytest.param(MessageClass.TRANSACTIONAL, sent(0, 0, 0, 0), None, id="T is never held"),
    ],
)
def test_nobody_is_spoken_to_too_often(
    one: MessageClass, counts: tuple[DayCount, ...], until_day: int | None
) -> None:
    verdict = judged(
        case(sent=counts, message={"message_class": one, "expires_at": NOON + timedelta(days=9)})
    )

    if until_day is None:
        assert isinstance(verdict, Go)
    else:
        midnight = NOON - timedelta(hours=12)
        assert verdict == Hold("capped", midnight + timedelta(days=until_day))


def test_service_by_mail_is_not_held_by_the_cap_of_sms() -> None:
    one = case(sent=sent(0, 0, 0, one=MessageClass.SERVICE), message=SERVICE)

    assert isinstance(judged(one, BY_MAIL), Go)


def test_over_the_cap_until_it_expires_is_dropped() -> None:
    one = case(sent=sent(0), message=MARKETING | {"expires_at": NOON + timedelta(hours=12)})

    assert judged(one) == Expire("capped")


def test_the_same_words_twice_a_day_are_not_sent() -> None:
    assert judge(case(), BY_SMS, DRAFT, TERMS, repeated=True) == Suppress("repeat")


def test_a_bad_text_is_not_sent() -> None:
    assert judge(case(), BY_SMS, None, TERMS, repeated=False) == Suppress("bad_text")


def test_an_expired_message_is_not_sent() -> None:
    assert judged(case(message={"expires_at": NOON})) == Expire("expired")


def test_a_reminder_waits_for_the_payments_to_be_known() -> None:
    reminder = {"needs_freshness": True}

    assert judged(case(message=reminder, fresh=False)) == Hold(
        "freshness", NOON + timedelta(seconds=1)
    )
    assert isinstance(judged(case(message=reminder)), Go)
    assert isinstance(judged(case(fresh=False)), Go)


def test_it_counts_for_the_shops_day() -> None:
    verdict = judged(case(shop=replace(SHOP, zone="America/New_York")))

    assert isinstance(verdict, Go)
    assert verdict.day.isoformat() == "2026-11-10"
    assert verdict.draft == DRAFT


def test_without_a_rule_no_window_is_known() -> None:
    assert isinstance(judged(case(rule=None, now=at(23, 0))), Go)


def test_a_hidden_receiver_is_never_printed() -> None:
    printed = repr(case()) + repr(DRAFT) + repr(BY_SMS)

    assert PHONE not in printed
    assert "小李" not in printed
