"""The gate in real Postgres: what holds, what stops, and what concurrency must not break."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from contracts.events import Channel, DeliveryState, MessageClass, MessagePlanned, Watermark
from notifier import metrics
from notifier.app.deliver import Claim, Ref, pass_gate
from notifier.domain.verdict import Expire, Hold, Stop, Suppress
from notifier.edges.consumer import Consumer
from notifier.edges.gateways import SmsGateway
from notifier.edges.send_store import SendStore
from plumbing.absence import Absence
from plumbing.consume import NotReady
from simulators.sms import SmsGateway as SmsSimulator
from support.bench import PARTITIONS
from support.eventually import eventually

from .conftest import (
    RULE,
    SERVICE,
    SHANGHAI_NOON,
    SHOP,
    House,
    consent,
    person,
    planned,
    recalled,
)

MARKETING = MessageClass.MARKETING


async def gate(house: House, one: MessagePlanned) -> Claim | Stop | None:
    ref = Ref(one.shop_id, one.customer_id, one.message_id)
    async with house.tx() as conn:
        store = SendStore(conn, house.vault, PARTITIONS)
        return await pass_gate(store, house.texts.render, house.terms, ref)


async def test_the_gate_leaves_an_attempt_and_a_claim_before_any_request(house: House) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)

    claim = await gate(house, one)

    assert isinstance(claim, Claim)
    assert await house.state(one) == (DeliveryState.CLAIMED, "")
    (attempt,) = await house.rows("select * from attempt")
    assert (attempt["message_id"], attempt["attempt_no"]) == (one.message_id, 1)
    assert attempt["outcome"] is None
    assert await gate(house, one) is None  # a claim is nobody else's


async def test_at_night_a_message_waits_and_is_judged_again_at_the_opening(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    one = planned(expires_at=SHANGHAI_NOON + timedelta(days=2))
    night = SHANGHAI_NOON + timedelta(hours=8, minutes=59, seconds=57)
    await house.set_time(night + timedelta(seconds=3))  # 21:00:00
    await house.feed(person())
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}):
        row = await house.comes_to(one, DeliveryState.PLANNED)
        await eventually(lambda: _reason(house, one, "quiet"))
        row = await house.message(one)
        opening = SHANGHAI_NOON + timedelta(hours=21)
        assert opening <= row["next_at"] < opening + timedelta(minutes=30)
        assert sms.ledger.requests == []

        # By then the shop's customer has moved to London, where it is night.
        await house.feed(person(revision=2, zone="Europe/London"))
        await house.set_time(row["next_at"])
        await eventually(lambda: _next_moved(house, one, row["next_at"]))
        assert (await house.message(one))["reason"] == "quiet"
        assert sms.ledger.requests == []

        await house.set_time((await house.message(one))["next_at"])
        await house.comes_to(one, DeliveryState.SENT)

    assert [state for _, state, _ in await house.states(one)] == ["planned", "claimed", "sent"]


async def _reason(house: House, one: MessagePlanned, reason: str) -> bool:
    return bool((await house.message(one))["reason"] == reason)


async def _next_moved(house: House, one: MessagePlanned, before: datetime) -> bool:
    return bool((await house.message(one))["next_at"] > before)


async def test_the_last_second_of_the_window_is_in_and_the_next_is_out(house: House) -> None:
    await house.feed(person())
    first, second = planned("a"), planned("b")
    await house.feed(first, second)

    await house.set_time(SHANGHAI_NOON + timedelta(hours=8, minutes=59, seconds=58))
    inside = await gate(house, first)
    await house.set_time(SHANGHAI_NOON + timedelta(hours=9))
    outside = await gate(house, second)

    assert isinstance(inside, Claim)
    assert isinstance(outside, Hold)


async def test_a_message_waits_for_its_receivers_contact(
    house: House, sms_gateway: SmsGateway
) -> None:
    one, other = planned("a"), planned("b", "c2")
    await house.feed(one, other)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: _reason(house, one, "no_address"))
        await house.feed(person(phone=None))  # an e-mail address is no help here
        assert await house.state(one) == (DeliveryState.PLANNED, "no_address")
        await house.feed(person(revision=2))
        await house.comes_to(one, DeliveryState.SENT)
        await house.set_time(other.expires_at)
        await eventually(lambda: _is(house, other, DeliveryState.EXPIRED))

    assert (await house.state(other))[1] == "no_address"


async def _is(house: House, one: MessagePlanned, state: DeliveryState) -> bool:
    return (await house.state(one))[0] is state


async def test_an_older_profile_changes_nothing(house: House) -> None:
    one = planned()
    await house.feed(person(revision=5, phone="+8613900139000"))
    await house.feed(person(revision=4))
    await house.feed(one)

    claim = await gate(house, one)

    assert isinstance(claim, Claim)
    assert claim.draft.address == "+8613900139000"


async def test_the_erased_get_nothing_and_stay_erased(house: House) -> None:
    pending, later = planned("a"), planned("b")
    await house.feed(person())
    await house.feed(pending)
    await house.erase("c1")
    await house.feed(person(revision=9))  # an older event on a detour
    await house.feed(later)

    assert await house.state(pending) == (DeliveryState.SUPPRESSED, "erased")
    assert await gate(house, later) == Suppress("erased")
    assert await house.rows("select * from contact") == []


@pytest.mark.parametrize("order", ["plan first", "recall first", "one batch"])
async def test_a_recalled_message_is_not_sent_whatever_came_first(house: House, order: str) -> None:
    one = planned()
    await house.feed(person())
    events = [one, recalled(one)]
    if order == "recall first":
        events.reverse()
    if order == "one batch":
        await house.feed(*events)
    else:
        for event in events:
            await house.feed(event)

    assert await house.state(one) == (DeliveryState.SUPPRESSED, "paid")
    assert await gate(house, one) is None
    assert await house.states(one) == [(2, DeliveryState.SUPPRESSED, "paid")]


async def test_a_recall_between_two_attempts_is_met_at_the_gate(house: House) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)
    await gate(house, one)
    await house.feed(recalled(one))  # too late for the claim
    async with house.tx() as conn:
        await conn.exec_driver_sql("update message set state = 'planned', next_at = due_at")

    assert await gate(house, one) == Suppress("paid")


async def test_marketing_needs_consent_and_obeys_its_withdrawal(house: House) -> None:
    plans = [planned(once, message_class=MARKETING) for once in ("a", "b", "c")]
    await house.feed(*plans)

    await house.feed(person())
    assert await gate(house, plans[0]) == Suppress("no_consent")
    await house.feed(person(revision=2, consents=(consent(),)))
    assert isinstance(await gate(house, plans[1]), Claim)
    await house.feed(person(revision=3, consents=(consent(given=False),)))
    assert await gate(house, plans[2]) == Suppress("no_consent")


async def test_of_fifty_marketing_messages_at_once_one_goes_a_day(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    plans = [planned(f"m{n}", message_class=MARKETING, priority=n) for n in range(50)]
    await house.feed(person(consents=(consent(),)))
    await house.feed(*plans)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: _all_judged(house, 50), within_s=20)

    assert len(sms.ledger.accepted) == 1
    assert sms.ledger.accepted[0]["text"].endswith("退订回T")
    rows = await house.rows("select state, reason, count(*) as n from message group by 1, 2")
    assert {(row["state"], row["reason"]): row["n"] for row in rows} == {
        ("sent", ""): 1,
        # 24 h after noon is after the next midnight: they wait for tomorrow
        ("planned", "capped"): 49,
    }
    (count,) = await house.rows("select n from cap_count")
    assert count["n"] == 1


async def _all_judged(house: House, n: int) -> bool:
    rows = await house.rows(
        "select count(*) as n from message"
        " where state = 'sent' or state = 'planned' and reason <> '' or state = 'suppressed'"
    )
    return bool(rows[0]["n"] == n)


async def test_three_service_messages_a_day_go(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    plans = [planned(f"s{n}", message_class=MessageClass.SERVICE) for n in range(10)]
    await house.feed(person())
    await house.feed(*plans)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: _all_judged(house, 10))

    assert len(sms.ledger.accepted) == 3


async def test_the_same_words_go_once_to_a_number_even_under_two_names(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    people = [person(f"c{n}", consents=(consent(),)) for n in range(10)]
    same = planned().variables
    plans = [planned(f"m{n}", f"c{n}", message_class=MARKETING, variables=same) for n in range(10)]
    await house.feed(*people)
    await house.feed(*plans)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: _all_judged(house, 10))

    assert len(sms.ledger.accepted) == 1
    rows = await house.rows("select reason from message where state = 'suppressed'")
    assert [row["reason"] for row in rows] == ["repeat"] * 9


async def test_a_bad_text_is_not_sent(house: House) -> None:
    one = planned(variables=())
    await house.feed(person())
    await house.feed(one)

    assert await gate(house, one) == Suppress("bad_text")


async def test_a_message_waits_for_its_rule_and_goes_by_the_next_version(house: House) -> None:
    one = planned(rule_version=2)
    await house.feed(person())
    await house.feed(one)

    assert await gate(house, one) == Hold("rule_unknown", (await house.message(one))["next_at"])
    await house.feed(replace(RULE, version=3))
    await house.set_time(SHANGHAI_NOON + timedelta(minutes=1))
    assert isinstance(await gate(house, one), Claim)


async def test_an_expired_message_is_not_sent(house: House) -> None:
    one = planned(expires_at=SHANGHAI_NOON - timedelta(seconds=1))
    await house.feed(person())
    await house.feed(one)

    assert await gate(house, one) == Expire("expired")


async def test_a_reminder_is_held_until_the_payments_are_known(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    one = planned(needs_freshness=True)
    held = metrics.HELD.labels("freshness")._value.get()  # noqa: SLF001 - the counter's own
    await house.feed(person())
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}, late_start_s=5):
        await eventually(lambda: _reason(house, one, "freshness"))
        await house.mark_fresh(age_s=5)
        await eventually(lambda: _reason(house, one, "freshness"))
        assert sms.ledger.requests == []
        await house.mark_fresh()
        await house.comes_to(one, DeliveryState.SENT)

    assert metrics.HELD.labels("freshness")._value.get() > held  # noqa: SLF001 - no public way to ask
    reasons = [reason for _, state, reason in await house.states(one) if state == "planned"]
    assert reasons == ["freshness"]  # held many times, told once


async def test_a_watermark_never_falls(house: House) -> None:
    await house.feed(Watermark(SHANGHAI_NOON), part=1)
    await house.feed(Watermark(SHANGHAI_NOON - timedelta(seconds=9)), part=1)

    (row,) = await house.rows("select at from watermark where part = 1")
    assert row["at"] == SHANGHAI_NOON


async def test_a_recall_before_the_watermark_stops_the_reminder(house: House) -> None:
    """A payment's recall and the watermark behind it may share a batch."""
    one = planned(needs_freshness=True)
    await house.feed(person())
    await house.feed(one)
    assert isinstance(await gate(house, one), Hold)
    part = (await house.message(one))["part"]
    now = await house.rows("select clock_timestamp() as now")

    await house.feed(recalled(one), Watermark(now[0]["now"]), part=part)

    assert await house.state(one) == (DeliveryState.SUPPRESSED, "paid")


async def test_a_key_with_an_open_letter_holds_its_reminders(house: House) -> None:
    one, other = planned("a", needs_freshness=True), planned("b", "c2", needs_freshness=True)
    await house.feed(person(), person("c2"))
    await house.feed(one, other)
    broken = house.record(planned("x"))
    await house.feed_records([structs.replace(broken, value=b"\xff\xff")])

    await house.mark_fresh()

    assert isinstance(await gate(house, one), Hold)
    assert isinstance(await gate(house, other), Claim)
    (letter,) = await house.rows("select reason, sealed from dead_letter")
    assert letter["reason"]
    assert letter["sealed"]


async def test_a_reminder_whose_request_would_begin_too_late_is_given_back(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    one = planned(needs_freshness=True)
    await house.feed(person())
    await house.feed(one)
    await house.mark_fresh()
    deliveries = house.deliveries({Channel.SMS: sms_gateway}, late_start_s=0.0)

    await deliveries._send(Ref("tea", "c1", one.message_id))  # noqa: SLF001 - one message's way

    assert await house.state(one) == (DeliveryState.PLANNED, "late_start")
    assert sms.ledger.requests == []


async def test_an_unknown_shop_is_awaited_then_a_dead_letter(house: House) -> None:
    stray = planned(shop_id="nobody")

    with pytest.raises(NotReady):
        await house.feed(stray)
    house.consumer = Consumer(SERVICE, house.vault, PARTITIONS, Absence(patience_s=0))
    await house.feed(stray, planned("good"))

    (letter,) = await house.rows("select reason from dead_letter")
    assert letter["reason"] == "unknown shop"
    assert [row["shop_id"] for row in await house.rows("select shop_id from message")] == ["tea"]
    await house.feed(replace(SHOP, shop_id="nobody", revision=2), replace(SHOP, shop_id="nobody"))
    await house.feed(stray)
    assert await house.state(stray) == (DeliveryState.PLANNED, "")


async def test_the_higher_priority_goes_first_then_the_earlier_due(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    early = SHANGHAI_NOON - timedelta(hours=1)
    plans = [
        planned("low", priority=10, due_at=early),
        planned("late", priority=80),
        planned("early", priority=80, due_at=early),
    ]
    await house.feed(person())
    await house.feed(*plans)

    async with house.delivering({Channel.SMS: sms_gateway}, in_flight=1):
        await eventually(lambda: len(sms.ledger.accepted) == 3)

    order = [entry["id"] for entry in sms.ledger.accepted]
    assert order == [plans[2].message_id, plans[1].message_id, plans[0].message_id]


async def test_many_gates_of_two_pods_send_each_message_once(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    plans = [planned(f"p{n}", f"c{n % 20}") for n in range(60)]
    await house.feed(*(person(f"c{n}") for n in range(20)))
    await house.feed(*plans)

    async with asyncio.TaskGroup() as pods:
        stop = asyncio.Event()
        for _ in range(2):
            pods.create_task(house.deliveries({Channel.SMS: sms_gateway}).run(stop))
        await eventually(lambda: len(sms.ledger.accepted) >= 60, within_s=20)
        stop.set()

    assert sms.ledger.twice() == {}
    assert len(await house.rows("select 1 as one from message where state = 'sent'")) == 60
