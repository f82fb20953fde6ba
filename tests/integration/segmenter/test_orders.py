"""Order facts in Postgres: merged, counted, announced; once, whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from contracts.events import (
    Cell,
    CustomerErased,
    OrderFacts,
    OrderLine,
    RefundFacts,
    SegmentChanged,
    Watermark,
)
from integration.segmenter.conftest import NOON, Segmenter, consumer, paid, shop
from plumbing.absence import Absence
from plumbing.consume import NotReady
from segmenter.app.apply_orders import apply_orders
from segmenter.domain.standing import CustomerKey, Standing
from segmenter.edges.shop_store import ShopStore
from segmenter.edges.store import Outlet, PostgresStore
from support.bench import PARTITIONS

STATE = "select * from customer_state order by shop_id, customer_id"
ORDERS = "select * from customer_order order by shop_id, order_id"


def some_facts(random: Random, count: int) -> list[OrderFacts]:
    """Return facts about few orders of few customers of two shops, contradictions included."""

    def at(days: int) -> datetime | None:
        return random.choice([None, NOON - timedelta(days=random.randint(-2, days), hours=13)])

    return [
        OrderFacts(
            shop_id=random.choice(["tea", "ink"]),
            customer_id=random.choice(["ann", "bob", "eve"]),
            order_id=f"o{random.randint(1, 12)}",
            version_us=random.randint(1, 9),
            paid_at=at(400),
            cancelled_at=random.choice([None, None, at(9)]),
            restored_at=random.choice([None, None, at(9)]),
            currency=random.choice([None, "CNY", "CNY", "USD"]),
            total_minor=random.choice([None, random.randint(0, 500)]),
            is_test=random.choice([None, None, None, False, True]),
            lines=random.choice([None, (OrderLine("sku", "茶", 1, random.randint(1, 9)),)]),
            refunds=random.choice(
                [
                    (),
                    (),
                    (
                        RefundFacts(
                            f"r{random.randint(1, 2)}",
                            random.randint(1, 5),
                            amount_minor=random.randint(1, 200),
                            agreed_at=at(9),
                        ),
                    ),
                ]
            ),
        )
        for _ in range(count)
    ]


async def state_of(segmenter: Segmenter) -> list[dict[str, Any]]:
    """Return all rows that facts make, but for how often a customer was announced."""
    rows = await segmenter.rows(STATE) + await segmenter.rows(ORDERS)
    return [{name: row[name] for name in row if name != "revision"} for row in rows]


async def test_a_payment_is_counted_and_announced_once(segmenter: Segmenter) -> None:
    fact = paid("o1")

    await segmenter.orders(OrderFacts("tea", "ann", "o1", 0, placed_at=NOON), fact)
    await segmenter.orders(fact, fact)

    assert await segmenter.cells() == {"ann": "just_bought"}
    (change,) = await segmenter.announced()
    assert isinstance(change, SegmentChanged)
    assert (change.before, change.after) == (Cell.NEVER_BOUGHT, Cell.JUST_BOUGHT)
    assert (change.as_of.isoformat(), change.monetary_minor) == ("2026-03-01", 50_00)


@pytest.mark.parametrize("seed", range(3))
async def test_shuffled_repeated_and_split_facts_leave_equal_rows(
    segmenter: Segmenter, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    facts = some_facts(random, 120)
    await segmenter.shops(shop("ink", zone="America/New_York", currency="USD"))
    await segmenter.orders(*facts)
    golden = await state_of(segmenter)

    await segmenter.forget()
    shuffled = facts + facts[::2]
    random.shuffle(shuffled)
    while shuffled:
        size = random.randint(1, 40)
        await segmenter.orders(*shuffled[:size])
        shuffled = shuffled[size:]

    assert await state_of(segmenter) == golden


async def test_where_batches_end_does_not_show_in_what_is_announced(segmenter: Segmenter) -> None:
    facts = some_facts(Random(7), 80)  # noqa: S311 - repeatable on purpose
    await segmenter.shops(shop("ink", zone="America/New_York", currency="USD"))
    await segmenter.orders(*facts)
    whole = await segmenter.announced()

    await segmenter.forget()
    for fact in facts:
        await segmenter.orders(fact)

    assert await segmenter.announced() == whole


async def test_two_partitions_that_speak_of_one_order_lose_nothing(segmenter: Segmenter) -> None:
    """The slower transaction notices that the order moved on, and is handled again."""
    await segmenter.orders(paid("o1", "ann"))
    newer = segmenter.record(paid("o1", "bob", version_us=2))
    refund = RefundFacts("r1", 1, amount_minor=20_00, agreed_at=NOON)
    refunded = segmenter.record(OrderFacts("tea", "ann", "o1", 1, refunds=(refund,)))

    async def retry(records: Any) -> None:
        while True:
            with suppress(NotReady):
                await segmenter.records(records)
                return

    await asyncio.gather(*(retry([record]) for record in (newer, refunded) * 5))

    rows = await segmenter.rows("select customer_id, monetary_minor from customer_state")
    found = {row["customer_id"]: row["monetary_minor"] for row in rows}
    assert found == {"ann": 0, "bob": 30_00}


class Overtaken(PostgresStore):
    """A store between whose reads another transaction writes: the day's lock is shared."""

    def __init__(self, conn: Any, overtake: Callable[[], Awaitable[None]]) -> None:
        super().__init__(conn, Outlet(NOON, PARTITIONS))
        self._overtake = overtake

    @override
    async def standings(self, customers: Any) -> dict[CustomerKey, Standing]:
        await self._overtake()
        return await super().standings(customers)


async def test_a_row_that_somebody_else_wrote_meanwhile_is_not_overwritten(
    segmenter: Segmenter,
) -> None:
    await segmenter.orders(paid("o1"))
    slow = OrderFacts("tea", "ann", "o1", 9, cancelled_at=NOON)

    async def overtake() -> None:
        await segmenter.orders(OrderFacts("tea", "ann", "o1", 8, total_minor=70_00))

    async def be_slow() -> None:
        async with segmenter.tx() as conn:
            shops = await ShopStore(conn).hold_days({"tea"})
            await apply_orders(Overtaken(conn, overtake), [slow], shops)

    with pytest.raises(NotReady):
        await be_slow()

    rows = await segmenter.rows("select monetary_minor, cell from customer_state")
    assert rows == [{"monetary_minor": 70_00, "cell": "just_bought"}]


async def test_an_unknown_shop_is_waited_for_however_old_the_fact_is(
    segmenter: Segmenter,
) -> None:
    """A group that begins reads years of orders before it may have seen the first shop."""
    fact = paid("o1", shop_id="ink")

    with pytest.raises(NotReady):
        await segmenter.orders(fact)
    await segmenter.shops(shop("ink"))
    await segmenter.orders(fact)

    assert await segmenter.letters() == []
    assert await segmenter.cells() == {"ann": "just_bought"}


async def test_a_shop_that_does_not_come_is_given_up_and_the_rest_goes_on(
    segmenter: Segmenter,
) -> None:
    segmenter.consumer = consumer(Absence(patience_s=0))

    await segmenter.orders(paid("o1", shop_id="ink"), paid("o2"))

    assert await segmenter.letters() == ["unknown shop"]
    assert await segmenter.cells() == {"ann": "just_bought"}


async def test_what_cannot_be_kept_becomes_a_letter_and_the_rest_goes_on(
    segmenter: Segmenter,
) -> None:
    erased = CustomerErased("tea", "ann", NOON)

    await segmenter.records(
        [
            segmenter.record(Watermark(NOON)),
            segmenter.record(erased),
            segmenter.record(paid("o1", total_minor=10**18)),
            segmenter.record(paid("o2")),
        ]
    )

    assert await segmenter.letters() == [
        "CustomerErased is not handled",
        "an amount is out of range",
    ]
    assert await segmenter.cells() == {"ann": "just_bought"}


async def test_foreign_currency_is_kept_and_not_counted(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", currency="USD"))

    assert await segmenter.cells() == {"ann": "never_bought"}
    assert await segmenter.announced() == []
