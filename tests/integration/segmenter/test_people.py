"""One person under several ids: no order is lost or counted twice, and an undo restores all."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from contracts.events import (
    ChangeReason,
    CustomersMerged,
    CustomersUnmerged,
    OrderFacts,
    RefundFacts,
    SegmentChanged,
)
from integration.segmenter.conftest import FORGET, NOON, Pod, Segmenter, paid, shop
from integration.segmenter.test_orders import some_facts
from plumbing.consume import NotReady
from segmenter.domain.people import Word, regroup

STANDINGS = """
    select shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
           cell, is_high, survivor_id
    from customer_state where survivor_id is null or survivor_id = customer_id
    order by shop_id, customer_id
"""
ORDERS = """
    select shop_id, order_id, customer_id, buyer_id, paid_day, net_minor, state
    from customer_order where paid_day is not null order by shop_id, order_id
"""
PEOPLE = ("ann", "bob", "eve")


def said(kind: type[Word], alias_id: str, survivor_id: str, hours: int = 0) -> list[Word]:
    """Return a word about two customers as ingest publishes it: under the keys of both."""
    at = NOON + timedelta(hours=hours)
    return [kind("tea", key, survivor_id, alias_id, at) for key in (survivor_id, alias_id)]


def merged(alias_id: str, survivor_id: str, hours: int = 0) -> list[Word]:
    return said(CustomersMerged, alias_id, survivor_id, hours)


def parted(alias_id: str, survivor_id: str, hours: int = 0) -> list[Word]:
    return said(CustomersUnmerged, alias_id, survivor_id, hours)


async def take(segmenter: Segmenter, *events: OrderFacts | Word) -> None:
    await segmenter.records([segmenter.record(event) for event in events])


async def take_in_turn(segmenter: Segmenter, events: Sequence[OrderFacts | Word]) -> None:
    """Take *events* a transaction each, as often as others overtake it."""
    for event in events:
        while True:
            try:
                await take(segmenter, event)
            except NotReady:
                continue
            break


async def money(segmenter: Segmenter) -> dict[str, tuple[int, int]]:
    """Return orders and money by id under which they count."""
    rows = await segmenter.rows(STANDINGS)
    return {row["customer_id"]: (row["frequency"], row["monetary_minor"]) for row in rows}


async def rows_of(segmenter: Segmenter) -> list[dict[str, Any]]:
    return await segmenter.rows(STANDINGS) + await segmenter.rows(ORDERS)


async def changes(segmenter: Segmenter) -> list[tuple[str, str, int]]:
    return [
        (one.customer_id, one.after.value, one.frequency)
        for one in await segmenter.announced()
        if isinstance(one, SegmentChanged) and one.reason is ChangeReason.MERGE
    ]


async def test_a_merge_counts_the_orders_of_both_under_the_survivor(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=20), paid("o2", "bob", days_ago=30))

    await take(segmenter, *merged("bob", "ann"))

    assert await money(segmenter) == {"ann": (2, 100_00)}
    assert await changes(segmenter) == [("ann", "loyal_high", 2)]


async def test_an_undo_restores_both(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=20), paid("o2", "bob", days_ago=100))
    before = await rows_of(segmenter)

    await take(segmenter, *merged("bob", "ann"))
    await take(segmenter, *parted("bob", "ann", 1))

    assert await rows_of(segmenter) == before
    assert await changes(segmenter) == [("ann", "loyal_high", 2), ("ann", "new_high", 1)]
    assert await segmenter.cells() == {"ann": "new_high", "bob": "fading_high"}


async def test_an_alias_orders_on_and_its_order_counts_for_the_survivor(
    segmenter: Segmenter,
) -> None:
    await take(segmenter, *merged("bob", "ann"))

    await take(segmenter, paid("o1", "bob"))
    refund = RefundFacts("r1", 2, amount_minor=20_00, agreed_at=NOON)
    await take(segmenter, OrderFacts("tea", "bob", "o1", 2, refunds=(refund,)))

    assert await money(segmenter) == {"ann": (1, 30_00)}
    await take(segmenter, *parted("bob", "ann", 1))
    assert await money(segmenter) == {"ann": (0, 0), "bob": (1, 30_00)}


async def test_an_order_from_before_a_merge_that_is_paid_after_it_counts_for_the_survivor(
    segmenter: Segmenter,
) -> None:
    unpaid = OrderFacts("tea", "bob", "o1", 0, placed_at=NOON, currency="CNY", total_minor=50_00)
    await segmenter.orders(unpaid)
    await take(segmenter, *merged("bob", "ann"))

    await segmenter.orders(paid("o1", "bob"))

    assert await money(segmenter) == {"ann": (1, 50_00)}


async def test_words_and_facts_in_one_batch_are_taken_in_their_order(
    segmenter: Segmenter,
) -> None:
    await take(segmenter, paid("o1", "bob"), *merged("bob", "ann"), paid("o1", "bob"), paid("o2"))

    assert await money(segmenter) == {"ann": (2, 100_00)}


@pytest.mark.parametrize("seed", range(6))
async def test_merges_and_facts_in_any_order_leave_the_same_rows_and_conserve_all_money(
    segmenter: Segmenter, seed: int
) -> None:
    print("seed", seed)  # noqa: T201 - shown when it fails
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    await segmenter.shops(shop("ink", zone="America/New_York", currency="USD"))
    facts = some_facts(random, 80)
    words: list[Word] = []
    for hours in range(random.randint(1, 8)):
        survivor_id, alias_id = sorted(random.sample(PEOPLE, 2))
        words += random.choice([merged, merged, parted])(alias_id, survivor_id, hours)
    await take_in_turn(segmenter, facts)
    alone = await segmenter.rows("select coalesce(sum(net_minor), 0) as net from customer_order")
    await take_in_turn(segmenter, words)
    golden = await rows_of(segmenter)

    async with segmenter.tx() as conn:
        for statement in FORGET:
            await conn.execute(statement)
    events = [*facts, *words, *random.sample(facts, 20), *random.sample(words, 2)]
    random.shuffle(events)
    while events:
        size = random.randint(1, 25)
        await take(segmenter, *events[:size])
        events = events[size:]

    assert await rows_of(segmenter) == golden
    counted = await segmenter.rows("select sum(monetary_minor) as net from customer_state")
    ahead = await segmenter.rows(
        "select coalesce(sum(net_minor), 0) as net from customer_order join shop_day using"
        " (shop_id) where paid_day > day"
    )
    assert counted[0]["net"] + ahead[0]["net"] == alone[0]["net"]
    survivors = regroup({}, words).survivors
    for row in golden:
        if "order_id" in row and row["shop_id"] == "tea":
            buyer = row["buyer_id"] or row["customer_id"]
            assert row["customer_id"] == (survivors.get(buyer) or buyer)


@pytest.mark.parametrize("seed", range(3))
async def test_partitions_that_speak_of_one_person_at_once_lose_nothing(
    segmenter: Segmenter, seed: int
) -> None:
    """Each customer's own partition reads its facts, and the words about it, beside the others."""
    print("seed", seed)  # noqa: T201 - shown when it fails
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    streams: dict[str, list[OrderFacts | Word]] = {}
    for customer in PEOPLE:
        streams[customer] = [paid(f"{customer}-{n}", customer, days_ago=n) for n in range(12)]
    for word in [*merged("bob", "ann"), *merged("eve", "bob", 1), *parted("bob", "ann", 2)]:
        streams[word.customer_id].insert(random.randint(0, 12), word)

    await asyncio.gather(*(take_in_turn(segmenter, stream) for stream in streams.values()))

    assert await money(segmenter) == {"ann": (12, 600_00), "bob": (24, 1200_00)}


async def test_a_merge_that_meets_a_batch_in_the_middle_is_not_overlooked(
    segmenter: Segmenter, pod: Pod
) -> None:
    """The pod remembers a customer who became somebody else's alias on another partition."""
    await pod.handle([paid("o1", "bob")])
    await take(segmenter, *merged("bob", "ann"))

    with pytest.raises(NotReady):
        await pod.handle([paid("o1", "bob"), paid("o2", "bob")])
    await pod.handle([paid("o1", "bob"), paid("o2", "bob")])

    assert await money(segmenter) == {"ann": (2, 100_00)}


async def test_midnight_and_a_change_of_zone_leave_aliases_alone(segmenter: Segmenter) -> None:
    evening: dict[str, Any] = {"paid_at": NOON + timedelta(hours=5)}  # the next day in Shanghai
    await segmenter.orders(paid("o1", "bob", **evening), paid("usd", "bob", currency="USD"))
    await take(segmenter, *merged("bob", "ann"))

    await segmenter.set_time(NOON + timedelta(days=9))
    await segmenter.roll()
    assert await money(segmenter) == {"ann": (1, 50_00)}

    await segmenter.shops(shop(revision=2, zone="America/New_York", currency="USD"))
    await segmenter.roll(limit=2)

    assert await money(segmenter) == {"ann": (1, 50_00)}
    assert [one["last_day"] for one in await segmenter.rows(STANDINGS)] == [date(2026, 3, 1)]
    told = await segmenter.announced()
    assert {one.customer_id for one in told[1:]} == {"ann"}


async def test_who_asks_for_an_alias_is_shown_the_person(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1"), paid("o2", "bob"), paid("o3", "eve"))
    await take(segmenter, *merged("bob", "ann"), *merged("eve", "bob", 1))

    found = (await http.get("/v1/shops/tea/customers/eve")).json()
    listed = (await http.get("/v1/shops/tea/customers")).json()["customers"]
    grid = (await http.get("/v1/shops/tea/grid")).json()
    past = (await http.get("/v1/shops/tea/grid?as_of=2026-03-01")).json()

    assert (found["customer_id"], found["aliases"]) == ("ann", ["bob", "eve"])
    assert found["life"]["monetary_minor"] == 150_00
    assert [one["customer_id"] for one in listed] == ["ann"]
    assert (grid["customers"], past["customers"]) == (1, 1)
