"""The unpaid reminder on a real database: sent once, or stopped by the payment's transaction."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

from care_triggers.edges.rows import SERVICE
from care_triggers.edges.store import PostgresStore
from contracts import topics
from contracts.events import (
    Decision,
    DecisionResult,
    DeliveryChanged,
    DeliveryState,
    MessagePlanned,
    MessageRecalled,
    Shop,
    Watermark,
)
from plumbing.resources import worker_role, worker_tx
from support.database import connect
from support.eventually import eventually

HALF_AN_HOUR = timedelta(minutes=30)
SECOND = timedelta(seconds=1)


def told(decisions: list[Decision]) -> list[tuple[DecisionResult, str]]:
    return [(one.result, one.reason) for one in decisions]


async def test_an_unpaid_order_gets_one_reminder_when_its_timer_falls_due(care: Any) -> None:
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    assert await care.fire() == 0

    await care.advance(HALF_AN_HOUR)
    assert await care.fire() == 1
    assert await care.fire() == 0

    (message,) = await care.announced(MessagePlanned)
    assert (message.rule_id, message.rule_version, message.order_id) == (
        "unpaid_first",
        1,
        "o-1001",
    )
    assert message.needs_freshness
    assert {one.name: one.value for one in message.variables}["tail"] == "1001"
    assert told(await care.announced(Decision)) == [(DecisionResult.PLANNED, "")]
    (row,) = await care.rows("select result, facts from decision")
    assert row["facts"]["order.amount_minor"] == 12_800


async def test_a_payment_that_comes_before_its_order_never_lets_a_reminder_begin(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.order(version=2, paid_at=now))
    await care.feed(topics.ORDERS, care.placed(now))

    assert await care.rows("select key from timer") == []
    await care.advance(HALF_AN_HOUR)
    assert await care.fire() == 0
    assert await care.announced(MessagePlanned, Decision) == []


async def test_a_payment_one_second_before_the_due_instant_cancels_in_its_own_transaction(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.advance(HALF_AN_HOUR - SECOND)

    async with worker_tx(care.engine, worker_role(SERVICE)) as conn:
        await care.handle(conn, topics.ORDERS, care.order(version=2, paid_at=await care.now()))
        await conn.rollback()
    assert len(await care.rows("select key from timer")) == 1

    await care.feed(topics.ORDERS, care.order(version=2, paid_at=await care.now()))
    assert await care.rows("select key from timer") == []
    await care.advance(SECOND)
    assert await care.fire() == 0
    assert await care.announced(MessagePlanned) == []
    assert told(await care.announced(Decision)) == [(DecisionResult.CANCELLED, "paid")]


async def test_a_payment_after_the_plan_recalls_the_message_in_its_own_transaction(
    care: Any,
) -> None:
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    await care.advance(HALF_AN_HOUR)
    await care.fire()

    await care.feed(topics.ORDERS, care.order(version=2, paid_at=await care.now()))

    (planned,) = await care.announced(MessagePlanned)
    (recalled,) = await care.announced(MessageRecalled)
    assert (recalled.message_id, recalled.reason) == (planned.message_id, "paid")
    assert told(await care.announced(Decision)) == [
        (DecisionResult.PLANNED, ""),
        (DecisionResult.RECALLED, "paid"),
    ]


async def test_a_message_that_has_gone_out_is_not_recalled(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.advance(HALF_AN_HOUR)
    await care.fire()
    (planned,) = await care.announced(MessagePlanned)
    sent = DeliveryChanged(
        "tea", "ann", planned.message_id, 2, DeliveryState.SENT, "unpaid_first", 1, "unpaid_first"
    )
    await care.feed(topics.DELIVERIES, sent, sent)

    await care.feed(topics.ORDERS, care.order(version=2, paid_at=await care.now()))

    assert await care.announced(MessageRecalled) == []


async def test_repeating_a_payment_and_a_late_unpaid_snapshot_change_nothing(care: Any) -> None:
    now = await care.now()
    order, paid = care.placed(now), care.order(version=2, paid_at=now)
    await care.feed(topics.ORDERS, order, paid)
    before = await care.rows("select state, steps from order_fact")

    await care.feed(topics.ORDERS, paid, paid)
    await care.feed(topics.ORDERS, order)

    assert await care.rows("select state, steps from order_fact") == before
    assert await care.rows("select key from timer") == []
    await care.advance(HALF_AN_HOUR)
    assert await care.fire() == 0
    assert await care.announced(Decision, MessagePlanned) == []


async def test_paying_one_order_leaves_its_siblings_alone(care: Any) -> None:
    now = await care.now()
    others = [care.placed(now, f"o-{n}", lines=()) for n in range(20)]
    await care.feed(topics.ORDERS, *others)

    await care.feed(topics.ORDERS, care.order("o-7", 2, paid_at=now))

    await care.advance(HALF_AN_HOUR)
    assert await care.fire() == 19
    assert len(await care.announced(MessagePlanned)) == 19


async def test_buying_the_same_items_anew_stops_the_first_reminder(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now, "o-1"))
    await care.feed(topics.ORDERS, care.placed(now + SECOND, "o-2", paid_at=now + SECOND))

    assert told(await care.announced(Decision)) == [(DecisionResult.CANCELLED, "rebought")]


async def test_an_order_learnt_after_the_one_that_replaced_it_is_judged_when_due(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now + SECOND, "o-2", paid_at=now + SECOND))
    await care.feed(topics.ORDERS, care.placed(now, "o-1"))
    await care.advance(HALF_AN_HOUR)
    await care.fire()

    assert await care.announced(MessagePlanned) == []
    assert told(await care.announced(Decision)) == [(DecisionResult.CANCELLED, "rebought")]


async def test_any_arrival_of_placed_cancelled_and_restored_ends_in_one_reminder(
    care: Any,
) -> None:
    now = await care.now()
    arrivals = list(permutations(range(3)))
    for n, arrival in enumerate(arrivals):
        name = f"o-{n}"
        facts = [
            care.placed(now, name, lines=()),
            care.order(name, 2, cancelled_at=now + SECOND),
            care.order(name, 3, restored_at=now + 2 * SECOND),
        ]
        for place in arrival:
            await care.feed(topics.ORDERS, facts[place])

    await care.advance(HALF_AN_HOUR)
    await care.fire()

    assert len(await care.announced(MessagePlanned)) == len(arrivals)


async def test_news_that_come_too_late_are_told_as_stale_and_history_is_not_told_of(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(
        topics.ORDERS,
        care.placed(now - timedelta(days=2), "o-1"),
        care.placed(now - timedelta(days=500), "o-2"),
    )

    (only,) = await care.announced(Decision)
    assert (only.once_key, only.result, only.reason) == ("o-1", DecisionResult.SKIPPED, "stale")


async def test_a_firing_pass_leaves_an_order_alone_whose_payment_is_being_merged(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.advance(HALF_AN_HOUR)

    async with worker_tx(care.engine, worker_role(SERVICE)) as conn:
        await care.handle(conn, topics.ORDERS, care.order(version=2, paid_at=now))
        assert await asyncio.wait_for(care.fire(), 5) == 0

    assert await care.fire() == 0
    assert await care.announced(MessagePlanned) == []


async def test_the_order_row_alone_is_enough_to_be_passed_over(care: Any) -> None:
    """The payment's transaction may have the order, and not yet the timer."""
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    await care.advance(HALF_AN_HOUR)

    async with worker_tx(care.engine, worker_role(SERVICE)) as conn:
        await PostgresStore(conn, care.house).lock_orders([("tea", "o-1001")])
        assert await asyncio.wait_for(care.fire(), 5) == 0

    assert await care.fire() == 1


async def test_a_payment_waits_for_the_pass_that_plans_and_then_recalls(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.advance(HALF_AN_HOUR)
    admin = await connect(care.db.admin_url)
    try:
        async with worker_tx(care.engine, worker_role(SERVICE)) as conn:
            store = PostgresStore(conn, care.house)
            (due,) = await store.take_due(await store.now(), 10)
            paying = asyncio.create_task(
                care.feed(topics.ORDERS, care.order(version=2, paid_at=now))
            )

            async def waits() -> bool:
                return bool(
                    await admin.fetchval(
                        "select exists (select from pg_stat_activity where wait_event_type = 'Lock'"
                        " and datname = current_database())"
                    )
                )

            await eventually(waits, within_s=5)
            assert due.order is not None
            assert due.order.paid_at is None
            await conn.rollback()
        await paying
    finally:
        await admin.close()

    assert await care.rows("select key from timer") == []
    assert told(await care.announced(Decision)) == [(DecisionResult.CANCELLED, "paid")]


async def test_many_payments_race_many_passes_and_each_order_ends_once(care: Any) -> None:
    """Each order is another customer's: those of one customer come in one partition, in turn."""
    now = await care.now()
    names = [f"o-{n}" for n in range(40)]
    await care.feed(
        topics.ORDERS, *(care.placed(now, name, customer_id=f"c{name}") for name in names)
    )
    await care.advance(HALF_AN_HOUR)

    async def pay(name: str) -> None:
        paid = care.order(name, 2, paid_at=now, customer_id=f"c{name}")
        await care.feed(topics.ORDERS, paid)

    await asyncio.gather(*(pay(name) for name in names[::2]), *(care.fire(7) for _ in range(12)))
    while await care.fire():
        pass

    planned = [one.order_id for one in await care.announced(MessagePlanned)]
    recalled = {one.message_id for one in await care.announced(MessageRecalled)}
    standing = {
        one.order_id
        for one in await care.announced(MessagePlanned)
        if one.message_id not in recalled
    }
    assert len(planned) == len(set(planned))
    assert standing == set(names[1::2])
    assert await care.rows("select key from timer") == []


async def test_a_watermark_goes_on_behind_the_recalls_to_the_same_partition(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.advance(HALF_AN_HOUR)
    await care.fire()

    await care.feed(
        topics.ORDERS,
        Watermark(now),
        care.order(version=2, paid_at=now),
        Watermark(now + SECOND),
        part=3,
    )

    *_, (part, last) = await care.outbox()
    assert (part, last) == (3, Watermark(now + SECOND))
    kinds = [type(one) for one in await care.announced()]
    assert kinds.index(MessageRecalled) < kinds.index(Watermark)
    assert kinds.count(Watermark) == 1


async def test_a_reminder_is_held_while_a_fact_of_the_person_cannot_be_read(care: Any) -> None:
    order = care.placed(await care.now())
    await care.feed(topics.ORDERS, order)
    good = care.record(order, topic=topics.ORDERS)
    bad = type(good)(good.topic, good.part, 999, good.key, b"\xff", good.headers, 0)
    await care.feed(topics.ORDERS, bad)
    await care.advance(HALF_AN_HOUR)

    assert await care.fire() == 1
    assert await care.fire() == 0
    assert await care.announced(MessagePlanned) == []
    (letter,) = await care.rows("select reason from dead_letter")
    assert "OrderFacts" in letter["reason"]


async def test_orders_that_somebody_holds_keep_no_other_waiting(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, *(care.placed(now, f"o-{n}") for n in range(5)))
    await care.feed(topics.ORDERS, care.placed(now + SECOND, "o-9"))
    await care.advance(HALF_AN_HOUR + SECOND)

    holder = await connect(care.db.url("care-triggers"))
    try:
        async with holder.transaction():
            held = "select from order_fact where order_id <> 'o-9' for update"
            await holder.execute("set local role care_triggers_worker")
            await holder.execute(held)
            assert await care.fire(2) == 1
        (first,) = await care.announced(MessagePlanned)
        assert first.order_id == "o-9"
    finally:
        await holder.close()
    while await care.fire(2):
        pass
    assert len(await care.announced(MessagePlanned)) == 6


async def test_two_reminders_of_one_order_are_both_noted_beside_it(care: Any) -> None:
    first = care.rules["unpaid_first"]
    care.rules["unpaid_again"] = replace(first, rule_id="unpaid_again")
    await care.feed(topics.SHOPS, Shop("tea", 2, "Tea", "Asia/Shanghai", "CNY", "CN", "zh", "茶"))
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    await care.advance(HALF_AN_HOUR)

    assert await care.fire() == 2
    (row,) = await care.rows("select steps from order_fact")
    noted = {rule_id: step[0] for rule_id, step in row["steps"].items()}
    assert noted == {"unpaid_first": "planned", "unpaid_again": "planned"}
