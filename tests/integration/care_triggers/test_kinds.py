"""Parcels, reviews and birthdays on a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care_triggers.edges.rows import SERVICE
from care_triggers.edges.timers import birthdays
from care_triggers.main import HOME
from contracts import topics
from contracts.codec import customer_key, tombstone
from contracts.events import (
    Birthday,
    Cell,
    ChangeReason,
    CustomerProfile,
    Decision,
    DecisionResult,
    MessagePlanned,
    MessageRecalled,
    RefundFacts,
    ReviewFacts,
    SegmentChanged,
    ShipmentFacts,
    Shop,
)
from plumbing.absence import Absence
from plumbing.consume import NotReady
from plumbing.migrate import check

MINUTE = timedelta(minutes=1)


def parcel(name: str, version: int = 1, **known: Any) -> ShipmentFacts:
    return ShipmentFacts("tea", "ann", "o-1001", name, version, **known)


async def test_each_parcel_of_an_order_gets_its_own_message(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now, paid_at=now))
    await care.feed(
        topics.SHIPMENTS,
        parcel("p1", handed_over_at=now, number="SF1", carrier="sf"),
        parcel("p1", handed_over_at=now, number="SF1", carrier="sf"),
    )
    await care.feed(topics.SHIPMENTS, parcel("p2", handed_over_at=now, number="SF2"))
    await care.advance(5 * MINUTE)

    assert await care.fire() == 2

    messages = await care.announced(MessagePlanned)
    assert {one.parcel_id for one in messages} == {"p1", "p2"}
    assert len({one.message_id for one in messages}) == 2
    parts = [{v.name: v.value for v in one.variables}["part"] for one in messages]
    assert sorted(parts) == ["1/2", "2/2"]


async def test_a_parcel_signed_or_refunded_in_time_is_not_told_of(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now, paid_at=now))
    await care.feed(
        topics.SHIPMENTS,
        *(parcel(name, handed_over_at=now, number=name) for name in ("p1", "p2")),
    )
    await care.feed(topics.SHIPMENTS, parcel("p1", 2, signed_at=now))
    money = RefundFacts("f1", 2, amount_minor=12_800, agreed_at=now)
    await care.feed(topics.ORDERS, care.order(version=2, refunds=(money,)))

    await care.advance(5 * MINUTE)
    assert await care.fire() == 0
    reasons = {(one.once_key, one.reason) for one in await care.announced(Decision)}
    assert reasons == {("p1", "signed"), ("p2", "refunded")}


async def test_a_refund_recalls_the_message_of_a_parcel(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now, paid_at=now))
    await care.feed(topics.SHIPMENTS, parcel("p1", handed_over_at=now, number="1"))
    await care.advance(5 * MINUTE)
    await care.fire()

    money = RefundFacts("f1", 2, amount_minor=12_800, agreed_at=now)
    await care.feed(topics.ORDERS, care.order(version=2, refunds=(money,)))

    (recalled,) = await care.announced(MessageRecalled)
    assert recalled.reason == "refunded"


async def test_a_parcel_without_number_waits_for_it(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.SHIPMENTS, parcel("p1", handed_over_at=now))
    await care.advance(5 * MINUTE)
    assert await care.fire() == 1
    assert await care.announced(MessagePlanned) == []

    await care.feed(topics.SHIPMENTS, parcel("p1", 2, number="SF9"))
    await care.advance(5 * MINUTE)
    await care.fire()

    (message,) = await care.announced(MessagePlanned)
    assert {one.name: one.value for one in message.variables}["waybill"] == "SF9"


async def test_a_bad_review_opens_a_task_at_once_and_speaks_half_an_hour_later(
    care: Any,
) -> None:
    now = await care.now()
    bad = ReviewFacts("tea", "ann", "r1", 1, reviewed_at=now, rating=2, order_id="o-1001")
    await care.feed(topics.REVIEWS, bad, bad)

    (row,) = await care.rows("select state, team, cause, due_at - opened_at as due from task")
    assert (row["state"], row["team"], row["cause"]) == ("open", "bad_review", "bad_review")
    assert row["due"] == timedelta(hours=24)
    await care.advance(30 * MINUTE)
    await care.fire()
    assert len(await care.announced(MessagePlanned)) == 1
    results = [one.result for one in await care.announced(Decision)]
    assert results == [DecisionResult.TASK, DecisionResult.PLANNED]


async def test_an_improved_review_closes_the_task_and_keeps_the_apology_in(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.REVIEWS, ReviewFacts("tea", "ann", "r1", 1, reviewed_at=now, rating=1))
    await care.feed(topics.REVIEWS, ReviewFacts("tea", "ann", "r1", 2, rating=5))

    await care.advance(30 * MINUTE)
    assert await care.fire() == 0
    (row,) = await care.rows("select state, outcome from task")
    assert (row["state"], row["outcome"]) == ("closed", "improved")
    await care.feed(topics.REVIEWS, ReviewFacts("tea", "ann", "r1", 2, rating=5))
    assert await care.announced(MessagePlanned) == []


async def at_noon(care: Any) -> datetime:
    """Move business time to the next noon in Shanghai."""
    now = await care.now()
    noon = now.astimezone(UTC).replace(hour=4, minute=0, second=0, microsecond=0)
    await care.advance((noon if noon > now else noon + timedelta(days=1)) - now)
    found: datetime = await care.now()
    return found


def profile(now: datetime, revision: int = 1, name: str = "ann", **known: Any) -> CustomerProfile:
    local = now + timedelta(hours=8)
    born = known.pop("birthday", Birthday(local.month, local.day, 1990))
    return CustomerProfile("tea", name, revision, birthday=born, **known)


async def plan(care: Any, limit: int = 100) -> None:
    step = birthdays(care.engine, care.house, lambda: None, limit=limit)
    while await step():
        pass


async def test_a_birthday_learnt_that_very_day_still_counts(care: Any) -> None:
    now = await at_noon(care)
    await care.feed(topics.CUSTOMERS, profile(now))

    assert await care.fire() == 1
    (message,) = await care.announced(MessagePlanned)
    assert message.kind == "birthday"
    assert message.expires_at - now <= timedelta(hours=12)
    await care.feed(topics.CUSTOMERS, profile(now, 2))
    await plan(care)
    assert await care.fire() == 0


async def test_the_daily_pass_finds_the_people_of_the_day_batch_by_batch(care: Any) -> None:
    now = await at_noon(care)
    tomorrow = now + timedelta(days=3)
    people = [profile(tomorrow, 1, f"c{n}") for n in range(7)]
    await care.feed(topics.CUSTOMERS, *people, profile(now - timedelta(days=90), 1, "other"))
    await plan(care)
    assert await care.rows("select key from timer") == []

    await care.advance(timedelta(days=3))
    await plan(care, limit=3)
    await plan(care, limit=3)

    assert await care.fire() == 7
    assert {one.customer_id for one in await care.announced(MessagePlanned)} == {
        f"c{n}" for n in range(7)
    }


async def test_what_is_personal_rests_encrypted(care: Any) -> None:
    now = await at_noon(care)
    born = Birthday(3, 7, 1990)
    await care.feed(topics.CUSTOMERS, profile(now, birthday=born))

    (row,) = await care.rows("select cast(customer as text) as everything from customer")
    assert "1990" not in row["everything"]
    (row,) = await care.rows("select sealed from customer")
    assert b"1990" not in row["sealed"]


async def test_erasing_a_person_ends_what_is_pending_and_lets_nothing_back(care: Any) -> None:
    now = await at_noon(care)
    await care.feed(topics.CUSTOMERS, profile(now))
    await care.feed(topics.ORDERS, care.placed(now))
    await care.fire()

    gone = tombstone(topics.CUSTOMERS, customer_key("tea", "ann"), source="ingest", at=now)
    await care.feed(topics.CUSTOMERS, gone)
    await care.feed(topics.CUSTOMERS, profile(now, 9))

    (row,) = await care.rows("select erased, sealed, birth_index from customer")
    assert (row["erased"], row["sealed"], row["birth_index"]) == (True, None, None)
    assert await care.rows("select key from timer") == []
    assert [one.reason for one in await care.announced(MessageRecalled)] == ["erased"]


async def test_the_newest_cell_is_asked_for_when_the_timer_falls_due(care: Any) -> None:
    def cell(revision: int, after: Cell) -> SegmentChanged:
        day = datetime(2026, 1, 1, tzinfo=UTC).date()
        return SegmentChanged("tea", "ann", revision, day, after, ChangeReason.EVENT, 1, 1)

    await care.feed(topics.SEGMENTS, cell(2, Cell.LOST))
    await care.feed(topics.SEGMENTS, cell(1, Cell.NEW_HIGH))

    (row,) = await care.rows("select cell from segment")
    assert row["cell"] == "lost"


async def test_facts_of_a_shop_that_does_not_come_become_letters(care: Any) -> None:
    care.absence = Absence(patience_s=0)
    await care.feed(topics.ORDERS, care.placed(await care.now(), shop_id="cup"))

    (row,) = await care.rows("select reason, grp from dead_letter")
    assert (row["reason"], row["grp"]) == ("unknown shop", SERVICE)


async def test_facts_of_an_unknown_shop_are_waited_with_however_old_they_are(care: Any) -> None:
    with pytest.raises(NotReady):
        await care.feed(topics.ORDERS, care.placed(await care.now(), shop_id="cup"))

    assert await care.rows("select id from dead_letter") == []


async def test_an_older_revision_of_a_shop_changes_nothing(care: Any) -> None:
    await care.feed(topics.SHOPS, Shop("tea", 0, "Old", "UTC", "USD", "US", "en", "Old"))

    (row,) = await care.rows("select revision, zone from shop")
    assert (row["revision"], row["zone"]) == (1, "Asia/Shanghai")


def test_the_migrated_schema_equals_the_tables_in_code(db: Any) -> None:
    assert check(HOME, db.owner_url(SERVICE)) == []
