"""Facts in full, in Postgres: the same rows whatever came first, and how often."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import (
    CustomerProfile,
    CustomersMerged,
    OrderFacts,
    OrderLine,
    Product,
    RefundFacts,
    ReviewFacts,
    ShipmentFacts,
    Watermark,
)
from integration.segmenter.conftest import NOON, Segmenter, paid, shop
from integration.segmenter.detailed import Details
from plumbing.consume import NotReady

TEA = OrderLine("tea", "茶", 2, 12_00)
POT = OrderLine("pot", "壶", 1, 80_00)
CUP = OrderLine("cup", "杯", 4, 5_00)


@pytest.fixture
def details(segmenter: Segmenter) -> Details:
    return Details(segmenter=segmenter)


def back(amount_minor: int, at: datetime, refund_id: str = "r1") -> RefundFacts:
    return RefundFacts(refund_id, 1, amount_minor=amount_minor, agreed_at=at)


def some_facts(random: Random, count: int) -> list[Any]:
    """Return facts of all kinds about few things of few people, contradictions included."""

    def at(days: int) -> datetime | None:
        return random.choice([None, NOON - timedelta(days=random.randint(-2, days), hours=7)])

    def order() -> OrderFacts:
        lines = tuple(random.choices([TEA, POT, CUP], k=random.randint(0, 3)))
        refund = back(random.randint(1, 90_00), NOON, f"r{random.randint(1, 2)}")
        return OrderFacts(
            "tea",
            random.choice(["ann", "bob"]),
            f"o{random.randint(1, 5)}",
            random.randint(1, 6),
            paid_at=at(900),
            signed_at=at(20),
            confirmed_at=at(9),
            cancelled_at=random.choice([None, None, at(9)]),
            restored_at=random.choice([None, None, at(9)]),
            currency=random.choice([None, "CNY", "USD"]),
            total_minor=random.choice([None, random.randint(0, 200_00)]),
            is_test=random.choice([None, None, False, True]),
            lines=random.choice([None, lines]),
            refunds=random.choice([(), (refund,)]),
        )

    def parcel() -> ShipmentFacts:
        return ShipmentFacts(
            *("tea", "ann", f"o{random.randint(1, 3)}", f"p{random.randint(1, 2)}"),
            version_us=random.randint(1, 4),
            parcels_in_order=random.choice([None, 1, 2]),
            signed_at=at(9),
        )

    def review() -> ReviewFacts:
        return ReviewFacts(
            *("tea", random.choice(["ann", "bob"]), f"w{random.randint(1, 3)}"),
            version_us=random.randint(1, 4),
            reviewed_at=at(30),
            withdrawn_at=random.choice([None, None, at(3)]),
            rating=random.choice([None, 1, 3, 5]),
        )

    def profile() -> CustomerProfile:
        return CustomerProfile("tea", "ann", random.randint(1, 9), last_login_at=at(30))

    def product() -> Product:
        revision = random.randint(1, 9)  # of one revision there is one content
        return Product("tea", "pot", revision, title=f"壶 {revision}", stock=revision % 3)

    kinds = [order, order, order, parcel, review, profile, product]
    return [random.choice(kinds)() for _ in range(count)]


@pytest.mark.parametrize("seed", range(6))
async def test_facts_shuffled_repeated_and_read_in_two_lives_give_the_same_rows(
    segmenter: Segmenter, details: Details, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    facts = some_facts(random, 60)
    for fact in facts:
        await details.tell(fact)
    expected = await details.state()
    assert sum(map(len, expected)) > 20
    async with segmenter.tx() as conn:
        for table in ("order_detail", "order_item", "order_refund", "parcel", "review"):
            await conn.exec_driver_sql(f"delete from {table}")  # noqa: S608 - names from above
        await conn.exec_driver_sql("delete from login")
        await conn.exec_driver_sql("delete from product")

    again = random.choices(facts, k=30) + facts
    random.shuffle(again)
    for number, fact in enumerate(again):
        if number % 20 == 0:
            details.restart()
        await details.tell(fact)

    assert await details.state() == expected


async def items(segmenter: Segmenter) -> list[tuple[Any, ...]]:
    rows = await segmenter.rows(
        "select order_id, sku, customer_id, paid_at, quantity, price_minor from order_item"
        " order by order_id, sku"
    )
    return [tuple(row.values()) for row in rows]


async def test_an_order_is_kept_with_its_articles_from_the_instant_it_was_paid(
    segmenter: Segmenter, details: Details
) -> None:
    again = OrderLine("tea", "茶", 1, 13_00)
    await details.orders(paid("o1", lines=(TEA, POT, again)))

    assert await items(segmenter) == [
        ("o1", "pot", "ann", NOON, 1, 80_00),
        ("o1", "tea", "ann", NOON, 3, 13_00),
    ]
    (row,) = await segmenter.rows("select * from order_detail")
    assert (row["net_minor"], row["currency"], row["paid_at"]) == (50_00, "CNY", NOON)


async def test_a_refund_of_years_later_takes_the_articles_out(
    segmenter: Segmenter, details: Details
) -> None:
    long_ago = NOON - timedelta(days=1500)
    await details.orders(paid("o1", days_ago=1500, lines=(TEA,)))
    await details.orders(paid("o2", days_ago=1500, lines=(POT,)))

    await details.orders(OrderFacts("tea", "ann", "o1", 2, refunds=(back(50_00, NOON),)))
    await details.orders(OrderFacts("tea", "ann", "o2", 2, refunds=(back(20_00, NOON),)))

    assert await items(segmenter) == [
        ("o1", "tea", "ann", None, 2, 12_00),
        ("o2", "pot", "ann", long_ago, 1, 80_00),
    ]
    nets = await segmenter.rows("select net_minor from order_detail order by order_id")
    assert [row["net_minor"] for row in nets] == [None, 30_00]
    taken = await segmenter.rows("select order_id, amount_minor, taken_at from order_refund")
    assert sorted(tuple(row.values()) for row in taken) == [
        ("o1", 50_00, NOON),
        ("o2", 20_00, NOON),
    ]


async def test_a_cancelled_order_counts_again_once_restored(
    segmenter: Segmenter, details: Details
) -> None:
    hour = timedelta(hours=1)
    await details.orders(paid("o1", lines=(TEA,)))
    await details.orders(OrderFacts("tea", "ann", "o1", 2, cancelled_at=NOON + hour))
    assert [row[3] for row in await items(segmenter)] == [None]

    await details.orders(OrderFacts("tea", "ann", "o1", 3, restored_at=NOON + 2 * hour))

    assert [row[3] for row in await items(segmenter)] == [NOON]


async def test_an_order_goes_with_its_articles_and_refunds_to_whom_its_newest_fact_names(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", lines=(TEA,), refunds=(back(1_00, NOON),)))
    details.restart()

    await details.orders(OrderFacts("tea", "bob", "o1", 9))
    await details.orders(OrderFacts("tea", "eve", "o1", 8))

    assert [row[2] for row in await items(segmenter)] == ["bob"]
    assert await segmenter.rows("select customer_id from order_refund") == [{"customer_id": "bob"}]


async def test_articles_that_an_order_loses_are_gone(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", lines=(TEA, POT)))
    await details.orders(OrderFacts("tea", "ann", "o1", 2, lines=(CUP,)))

    assert [row[1] for row in await items(segmenter)] == ["cup"]


async def test_two_partitions_that_speak_of_one_order_lose_nothing(
    segmenter: Segmenter, details: Details
) -> None:
    other = Details(segmenter=segmenter)

    async def tell(who: Details, facts: Sequence[OrderFacts]) -> None:
        for fact in facts:
            done = False
            while not done:
                with suppress(NotReady):
                    await who.orders(fact)
                    done = True

    facts = [
        OrderFacts("tea", "ann", "o1", 1, paid_at=NOON, currency="CNY", total_minor=90_00),
        *(
            OrderFacts("tea", "ann", "o1", 1, refunds=(back(1_00, NOON, f"r{n}"),))
            for n in range(20)
        ),
    ]
    await asyncio.gather(tell(details, facts[::2]), tell(other, facts[1::2]))

    (row,) = await segmenter.rows("select net_minor from order_detail")
    assert row == {"net_minor": 70_00}
    assert len(await segmenter.rows("select * from order_refund")) == 20


async def test_a_review_counts_until_it_is_withdrawn(
    segmenter: Segmenter, details: Details
) -> None:
    await details.reviews(ReviewFacts("tea", "ann", "w1", 1, reviewed_at=NOON, rating=5, sku="pot"))
    assert (await segmenter.rows("select score, sku from review")) == [{"score": 5, "sku": "pot"}]

    await details.reviews(ReviewFacts("tea", "ann", "w1", 2, withdrawn_at=NOON))

    assert (await segmenter.rows("select score from review")) == [{"score": None}]


async def test_logins_are_kept_until_the_person_is_erased(
    segmenter: Segmenter, details: Details
) -> None:
    days = [datetime(2026, 2, day, 3, 59, 59, 999_999, tzinfo=UTC) for day in (3, 3, 9)]
    for revision, at in enumerate(days, start=1):
        await details.profiles(CustomerProfile("tea", "ann", revision, last_login_at=at))
    rows = await segmenter.rows("select at from login order by at")
    assert [row["at"] for row in rows] == [
        datetime(2026, 2, day, 3, 45, tzinfo=UTC) for day in (3, 9)
    ]

    await segmenter.erase("tea", "ann")
    await details.erase("tea", "ann")
    await details.profiles(CustomerProfile("tea", "ann", 9, last_login_at=NOON))

    assert await segmenter.rows("select * from login") == []


async def test_the_newest_record_of_a_product_is_kept_until_it_is_gone(
    segmenter: Segmenter, details: Details
) -> None:
    newest = Product(
        "tea", "pot", 7, "壶", "ware", pairs_with=("tea",), launch_day=date(2026, 1, 2), stock=3
    )
    await details.products(newest, Product("tea", "pot", 6, "old"))
    await details.products(Product("tea", "pot", 5, "older"))
    (row,) = await segmenter.rows("select title, category, pairs_with, stock from product")
    assert tuple(row.values()) == ("壶", "ware", ["tea"], 3)

    await details.drop_product("tea", "pot")

    assert await segmenter.rows("select * from product") == []


async def test_an_unknown_shop_is_waited_for(segmenter: Segmenter, details: Details) -> None:
    fact = paid("o1", shop_id="ink", lines=(TEA,))
    with pytest.raises(NotReady):
        await details.orders(fact)

    await segmenter.shops(shop("ink"))
    await details.orders(fact)

    assert len(await items(segmenter)) == 1


async def test_what_cannot_be_kept_becomes_a_letter_and_the_rest_goes_on(
    segmenter: Segmenter, details: Details
) -> None:
    endless = OrderLine("s" * 601, "茶", 1, 1)
    async with segmenter.tx() as conn:
        await details.consumer.on_orders(
            conn,
            [
                segmenter.record(Watermark(NOON)),
                segmenter.record(CustomersMerged("tea", "ann", "bob", "ann", NOON)),
                segmenter.record(paid("o1", lines=(endless,))),
                segmenter.record(paid("o2", lines=(TEA,))),
            ],
        )

    assert await segmenter.letters() == ["CustomersMerged is not handled", "an id is too long"]
    assert [row[0] for row in await items(segmenter)] == ["o2"]
