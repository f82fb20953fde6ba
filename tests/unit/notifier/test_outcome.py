"""What an answer, a receipt or a reply makes of a message."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import Channel, DeliveryState, MessageClass, MessagePlanned, Purpose
from notifier.domain.message import Message, announce, from_plan, moved
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure, settle, wait
from notifier.domain.receipts import ENDED, ON_ITS_WAY, RANK, STATES, Receipt, climb
from notifier.domain.replies import is_stopped, stopped_purposes

from .cases import MESSAGE, NOON

CLAIMED = replace(
    MESSAGE,
    state=DeliveryState.CLAIMED,
    revision=2,
    attempt_no=1,
    channel=Channel.SMS,
    gateway="sms",
    pieces=1,
    price_micros=45_000,
    currency="CNY",
    sent_at=NOON,
)
TRY_AGAIN = Refused("http_429", retryable=True)


def receipt(state: DeliveryState) -> Receipt:
    return Receipt("sms", state, "m1", "p1")


def test_an_acceptance_is_sent() -> None:
    after = settle(CLAIMED, 1, Accepted("p1"), NOON)

    assert (after.state, after.provider_id, after.revision) == (DeliveryState.SENT, "p1", 3)
    assert after.price_micros == 45_000


def test_a_definite_refusal_is_rejected_and_costs_nothing() -> None:
    after = settle(CLAIMED, 1, Refused("http_422", retryable=False), NOON)

    assert (after.state, after.reason) == (DeliveryState.REJECTED, "http_422")
    assert (after.pieces, after.price_micros, after.sent_at) == (None, None, None)


def test_a_refusal_that_passes_is_tried_again() -> None:
    after = settle(CLAIMED, 1, TRY_AGAIN, NOON)

    assert (after.state, after.next_at) == (DeliveryState.PLANNED, NOON + timedelta(seconds=1))
    assert after.attempt_no == 1


def test_the_gateway_may_say_how_long_to_wait() -> None:
    asked = Refused("http_429", retryable=True, retry_after=timedelta(seconds=30))
    absurd = Refused("http_429", retryable=True, retry_after=timedelta(days=9))

    assert settle(CLAIMED, 1, asked, NOON).next_at == NOON + timedelta(seconds=30)
    assert settle(CLAIMED, 1, absurd, NOON).next_at == NOON + timedelta(hours=1)


def test_waits_double_up_to_five_minutes() -> None:
    seconds = [wait(n).total_seconds() for n in (1, 2, 3, 9, 10, 1000)]

    assert seconds == [1, 2, 4, 256, 300, 300]


def test_no_try_is_left_when_the_next_would_be_too_late() -> None:
    late = replace(CLAIMED, expires_at=NOON + timedelta(seconds=1))

    assert settle(late, 1, TRY_AGAIN, NOON).state is DeliveryState.REJECTED


def test_doubt_is_unknown_and_keeps_its_cost() -> None:
    after = settle(CLAIMED, 1, Unsure("read_timeout"), NOON)

    assert (after.state, after.reason) == (DeliveryState.UNKNOWN, "read_timeout")
    assert after.price_micros == 45_000


@pytest.mark.parametrize("outcome", [Accepted("p"), TRY_AGAIN, Unsure("x")])
def test_the_answer_to_an_earlier_attempt_changes_nothing(outcome: Outcome) -> None:
    second = replace(CLAIMED, attempt_no=2)

    assert settle(second, 1, outcome, NOON) is second


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.CLOSED_UNKNOWN])
def test_a_late_acceptance_still_counts_but_a_late_refusal_resends_nothing(
    state: DeliveryState,
) -> None:
    given_up = replace(CLAIMED, state=state)

    assert settle(given_up, 1, Accepted("p1"), NOON).state is DeliveryState.SENT
    assert settle(given_up, 1, TRY_AGAIN, NOON) is given_up
    assert settle(given_up, 1, Unsure("late"), NOON) is given_up


def test_a_receipt_before_the_answer_keeps_its_state_and_gets_the_gateways_id() -> None:
    delivered = replace(CLAIMED, state=DeliveryState.DELIVERED)
    told = replace(delivered, provider_id="p0")

    after = settle(delivered, 1, Accepted("p1"), NOON)

    assert (after.state, after.provider_id) == (DeliveryState.DELIVERED, "p1")
    assert settle(told, 1, Accepted("p1"), NOON) is told


@pytest.mark.parametrize("state", list(DeliveryState))
@pytest.mark.parametrize("told", STATES)
def test_receipts_only_climb(state: DeliveryState, told: DeliveryState) -> None:
    before = replace(CLAIMED, state=state)

    after = climb(before, receipt(told))

    if RANK[told] > RANK[state]:
        assert (after.state, after.provider_id) == (told, "p1")
    else:
        assert after is before


def test_a_message_that_was_never_tried_has_no_receipt() -> None:
    assert climb(MESSAGE, receipt(DeliveryState.DELIVERED)) is MESSAGE


@pytest.mark.parametrize("state", list(DeliveryState))
@pytest.mark.parametrize("told", STATES)
def test_a_receipt_that_nobody_signed_ends_what_is_on_its_way_and_nothing_else(
    state: DeliveryState, told: DeliveryState
) -> None:
    before = replace(CLAIMED, state=state)

    after = climb(before, replace(receipt(told), is_signed=False))

    if state in ON_ITS_WAY and told in ENDED:
        assert after.state is told
    else:
        assert after is before


def test_a_failure_tells_the_gateways_own_code() -> None:
    after = climb(CLAIMED, replace(receipt(DeliveryState.FAILED), code="30003"))

    assert (after.state, after.reason) == (DeliveryState.FAILED, "30003")


@given(st.lists(st.sampled_from(STATES), max_size=8))
def test_the_first_final_receipt_stays(told: list[DeliveryState]) -> None:
    one: Message = CLAIMED
    for state in told:
        one = climb(one, receipt(state))

    final = [state for state in told if RANK[state] == 4]
    expected = final[0] if final else (told[0] if told else DeliveryState.CLAIMED)
    assert one.state is expected


@pytest.mark.parametrize(
    "text",
    [
        "T",
        "t",
        " TD ",
        "n",
        "退订",
        "退 订",
        "Ｔ",
        "ｔｄ",
        "【退订】",
        "stop",
        "Stop.",
        "UNSUBSCRIBE",
    ],
)
def test_the_words_that_stop_marketing_are_known_in_any_dress(text: str) -> None:
    assert stopped_purposes(text) == (Purpose.MARKETING,)


@pytest.mark.parametrize("text", ["全部退订", "Stop all"])
def test_all_messages_can_be_stopped(text: str) -> None:
    assert set(stopped_purposes(text)) == set(Purpose)


@pytest.mark.parametrize("text", ["", "Thanks", "不退订", "TT", "please stop", "好的"])
def test_other_replies_stop_nothing(text: str) -> None:
    assert stopped_purposes(text) == ()


@pytest.mark.parametrize(
    ("message_class", "purposes", "falls"),
    [
        (MessageClass.MARKETING, (Purpose.MARKETING,), True),
        (MessageClass.SERVICE, (Purpose.MARKETING,), False),
        (MessageClass.SERVICE, tuple(Purpose), True),
        (MessageClass.TRANSACTIONAL, tuple(Purpose), False),
    ],
)
def test_an_opt_out_stops_what_is_pending_of_its_class(
    message_class: MessageClass, purposes: tuple[Purpose, ...], falls: bool
) -> None:
    one = replace(MESSAGE, message_class=message_class)

    assert is_stopped(one, Channel.SMS, purposes) is falls
    assert not is_stopped(replace(one, channels=(Channel.EMAIL,)), Channel.SMS, purposes)


def test_a_plan_becomes_a_message_and_its_change_is_announced() -> None:
    planned = MessagePlanned(
        shop_id="tea",
        customer_id="c1",
        message_id="m1",
        rule_id="shipped",
        rule_version=1,
        kind="shipped",
        message_class=MESSAGE.message_class,
        priority=50,
        channels=MESSAGE.channels,
        due_at=NOON,
        expires_at=MESSAGE.expires_at,
        once_key="p1",
        order_id="o1",
        variables=MESSAGE.variables,
    )

    one = from_plan(planned, 2)
    told = announce(moved(one, DeliveryState.SUPPRESSED, reason="paid"), NOON)

    assert one == MESSAGE
    assert (told.revision, told.state, told.reason) == (2, DeliveryState.SUPPRESSED, "paid")
    assert (told.order_id, told.changed_at) == ("o1", NOON)
