"""What the own consumer makes of the topics: registries, freed facts, whole profiles."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.codec import Tombstone
from contracts.events import (
    CustomerErased,
    CustomerFacts,
    CustomerProfile,
    OrderFacts,
    RefundFacts,
    Region,
    Watermark,
)
from contracts.topics import CUSTOMERS, ORDERS
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.edges.consumer import Consumer
from ingest.edges.timers import sweep
from integration.ingest.reading import consume, records
from plumbing.records import Record
from web.auth import issue_local_token

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
US = 1_767_578_400_000_000


def order(number: int, **fields: Any) -> OrderFacts:
    return OrderFacts("north", f"c-{number}", f"A-{number}", US, **fields)


def refund(number: int, step: int = 0) -> ByOrder:
    fact = OrderFacts(
        "north",
        UNKNOWN,
        f"A-{number}",
        US + step,
        refunds=(RefundFacts(f"r-{number}-{step}", US + step, 100),),
    )
    return ByOrder(f"A-{number}", fact)


async def sent(house: Any, topic: str) -> list[Any]:
    return [event for name, event in await house.outbox() if name == topic]


async def test_a_registered_order_frees_what_waits_for_it(house: Any) -> None:
    parked = await house.ports.registry.settle("north", [refund(1), refund(2)])
    assert parked == []

    await consume(house, order(1))

    [fact] = await sent(house, ORDERS)
    assert (fact.customer_id, fact.refunds[0].refund_id) == ("c-1", "r-1-0")
    assert [one["wait_key"] for one in await house.rows("select wait_key from ingest.parked")] == [
        "order:A-2"
    ]
    [known] = await house.ports.registry.settle("north", [refund(1, 1)])
    assert known.customer_id == "c-1"


async def test_no_park_and_registration_miss_each_other(house: Any) -> None:
    """Both sides race for each of many orders; whoever is second sees the first."""
    dice = random.Random(7)  # noqa: S311 - the same race for everybody
    numbers = list(range(40))
    freed: list[Any] = []

    async def park(number: int, step: int) -> None:
        await asyncio.sleep(dice.random() / 50)
        freed.extend(await house.ports.registry.settle("north", [refund(number, step)]))

    async def register(chunk: Sequence[int]) -> None:
        await asyncio.sleep(dice.random() / 50)
        await consume(house, *(order(number) for number in chunk))

    dice.shuffle(numbers)
    await asyncio.gather(
        *(park(number, step) for number in numbers for step in range(2)),
        *(register(numbers[start : start + 10]) for start in range(0, 40, 10)),
    )

    assert await house.rows("select wait_key from ingest.parked") == []
    facts = freed + await sent(house, ORDERS)
    seen = Counter(one.refunds[0].refund_id for one in facts)
    assert seen == {f"r-{number}-{step}": 1 for number in numbers for step in range(2)}
    assert all(one.customer_id == "c-" + one.order_id[2:] for one in facts)


async def test_the_sweep_frees_what_was_overlooked_and_puts_away_the_old(house: Any) -> None:
    await house.ports.registry.settle("north", [refund(1), refund(2)])
    await house.run(
        "insert into ingest.order_ref values ('north', 'A-1', 'A-1', 'c-1');"
        "update ingest.parked set received_at = now() - interval '46 days' "
        "where wait_key = 'order:A-2'"
    )

    freed = await sweep(house.engine, house.sealer, 4, house.ports.now, limit=10)

    assert freed == 1
    assert [one.customer_id for one in await sent(house, ORDERS)] == ["c-1"]
    assert await house.rows("select * from ingest.parked") == []
    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert kept["reason"] == "waited 45 days for order:A-2"


async def test_what_is_no_order_is_passed_over_and_poison_is_put_away(house: Any) -> None:
    good = records(house, [order(1)])
    poison = Record(ORDERS, 0, 9, b"north:c-1", b"\xff", good[0].headers, 0)
    mark = house.ports.publisher.entry(Watermark(AT))
    watermark = Record(ORDERS, 0, 10, None, mark.value, mark.headers, 0)
    consumer = Consumer("ingest", house.sealer, 4, house.ports.now)

    async with house.worker() as conn:
        await consumer.on_orders(conn, [*good, poison, watermark])

    [letter] = await house.rows("select off, value from ingest.dead_letter")
    assert letter["off"] == 9
    assert len(await house.rows("select * from ingest.order_ref")) == 1


async def test_facts_of_a_person_become_one_whole_profile(house: Any) -> None:
    await consume(house, order(1, region=Region("CN", "北京市", "北京市")))
    await consume(
        house,
        CustomerFacts("north", "c-1", US, name="Li", phone="+8613800000001"),
        CustomerFacts("north", "c-1", US + 1, phone="+8613800000002"),
        CustomerFacts("north", "c-1", US + 9, phone="+8613800000009", from_order=True),
    )
    await consume(house, CustomerFacts("north", "c-1", US - 1, name="old"))  # says nothing new

    told = await sent(house, CUSTOMERS)
    assert [one.revision for one in told] == [1, 2]
    assert isinstance(told[-1], CustomerProfile)
    assert (told[-1].name, told[-1].phone) == ("Li", "+8613800000002")
    assert told[-1].region == Region("CN", "北京市", "北京市")
    [row] = await house.rows("select sealed from ingest.profile")
    assert b"1380000" not in row["sealed"]


async def test_ids_are_kept_as_they_are_spelled(house: Any) -> None:
    odd = ['say "hi"', "back\\slash", "{a,b}", "NULL", " ", "茶,\u00a0", "it's"]
    for version in (US, US + 1):  # made, and then found again
        await consume(
            house, *(OrderFacts("north", one, one, version, region=Region("CN")) for one in odd)
        )
    await consume(house, CustomerErased("north", odd[0], AT))
    await consume(house, OrderFacts("north", odd[0], odd[0], US + 2, region=Region("DE")))

    refs = await house.rows("select ref, order_id, customer_id from ingest.order_ref")
    assert sorted(row["ref"] for row in refs) == sorted(odd)
    assert all(row["ref"] == row["order_id"] == row["customer_id"] for row in refs)
    people = await house.rows("select customer_id, revision from ingest.profile")
    assert sorted(row["customer_id"] for row in people) == sorted(odd[1:])
    assert {row["revision"] for row in people} == {1}


async def test_the_same_facts_again_publish_nothing(house: Any) -> None:
    fact = CustomerFacts("north", "c-1", US, name="Li")
    for _ in range(3):
        await consume(house, fact)

    assert len(await sent(house, CUSTOMERS)) == 1


async def test_a_younger_version_of_a_known_value_is_no_news(house: Any) -> None:
    for version in (5, 9):
        await consume(house, order(1, region=Region("CN")))
        await consume(house, CustomerFacts("north", "c-1", US + version, name="Li"))

    await consume(house, CustomerFacts("north", "c-1", US + 7, name="in between"))

    told = await sent(house, CUSTOMERS)
    assert [(one.revision, one.name) for one in told] == [(1, None), (2, "Li")]


async def test_the_erased_stay_erased(house: Any) -> None:
    await consume(house, CustomerFacts("north", "c-1", US, name="Li"))
    await house.http.delete("/v1/shops/north/customers/c-1", headers=_bearer("customers:write"))
    [wish] = await house.spooled()

    await consume(house, wish)
    await consume(house, CustomerFacts("north", "c-1", US + 10**9, name="Li again"))
    await consume(house, order(1, region=Region("CN")))

    told = await sent(house, CUSTOMERS)
    assert isinstance(told[-1], Tombstone)
    assert len(told) == 2
    assert await house.rows("select * from ingest.profile") == []
    [row] = await house.rows("select customer_hash from ingest.erased")
    assert b"c-1" not in row["customer_hash"]
    assert await house.rows("select * from ingest.ingest_spool") == []


async def test_an_erasure_and_a_fact_at_once_leave_nothing(house: Any) -> None:
    for number in range(10):
        who = f"c-{number}"
        fact = CustomerFacts("north", who, US, name="Li")
        await asyncio.gather(
            consume(house, CustomerErased("north", who, AT)),
            consume(house, fact),
            consume(house, order(number, region=Region("CN"))),
        )

    assert await house.rows("select * from ingest.profile") == []
    last = {}
    for event in await sent(house, CUSTOMERS):
        who = event.key.decode() if isinstance(event, Tombstone) else f"north:{event.customer_id}"
        last[who] = type(event)
    assert set(last.values()) == {Tombstone}


def _bearer(*scopes: str) -> dict[str, str]:
    secret = "a-secret-of-more-than-thirty-two-characters"
    return {"Authorization": f"Bearer {issue_local_token(secret, 'north', scopes)}"}
