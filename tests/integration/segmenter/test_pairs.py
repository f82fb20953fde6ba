"""The daily pass over pairs: exact beside an independent count, and unharmed by kills."""

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from integration.segmenter.conftest import NOON, Segmenter, shop
from integration.segmenter.goods import (
    CYCLES,
    REFERENCE,
    TODAY,
    Order,
    oracle,
    pair,
    past,
    tell,
)
from segmenter.app.find_pairs import find_pairs
from segmenter.edges import timers
from segmenter.edges.goods.pair_store import PairStore
from segmenter.edges.timers import pair_goods
from support.deaths import pass_with_deaths

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)  # in Shanghai

SHOWN = """
select sku, season, other, buyers, buyers_of_other, buyers_of_both, buyers_of_any
from product_pair join pair_pass on product_pair.shop_id = pair_pass.shop_id
  and generation = shown
where product_pair.shop_id = 'tea' order by sku, season, other
"""


async def shown(segmenter: Segmenter) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await segmenter.rows(SHOWN)]


async def leftovers(segmenter: Segmenter) -> int:
    found = 0
    for table in ("pair_line", "pair_item"):
        found += len(await segmenter.rows(f"select * from {table}"))  # noqa: S608 - names of ours
    return found


def together(count: int, *, days_apart: int = 0, at: datetime = NOON) -> list[Order]:
    """Return *count* buyers of a and b, and as many of neither."""
    bought = at - timedelta(days=60)
    later = bought + timedelta(days=days_apart)
    orders: list[Order] = []
    for n in range(count):
        orders += [
            Order(f"a{n}", f"c{n}", bought, (("a", 1),)),
            Order(f"b{n}", f"c{n}", later, (("b", 1),)),
            Order(f"z{n}", f"z{n}", bought, (("z", 1),)),
        ]
    return orders


@pytest.mark.parametrize("seed", range(3))
async def test_pairs_and_cycles_equal_an_independent_count(segmenter: Segmenter, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    orders = past(random)
    random.shuffle(orders)
    await tell(segmenter, orders)

    await pair(segmenter, limit=[30, 200, 5000][seed])

    conn = oracle(orders)
    expected = conn.execute(REFERENCE, {"day": TODAY}).fetchall()
    found = await shown(segmenter)
    assert found == expected
    assert {season for _, season, *_ in found} > {""}
    assert any(sku.startswith("v") for sku, *_ in found)  # with a hundred others: no crowd
    assert not any(sku.startswith("w") for sku, *_ in found)
    cycles = await segmenter.rows("select sku, gaps, gap_days from product_cycle order by sku")
    assert [tuple(row.values()) for row in cycles] == conn.execute(
        CYCLES, {"day": TODAY}
    ).fetchall()
    assert cycles
    assert await leftovers(segmenter) == 0


@pytest.mark.parametrize(("count", "days_apart", "is_shown"), [(5, 30, True), (4, 0, False)])
async def test_five_buyers_within_thirty_days_are_enough_and_four_are_not(
    segmenter: Segmenter, count: int, days_apart: int, is_shown: bool
) -> None:
    await tell(segmenter, together(count, days_apart=days_apart))

    await pair(segmenter)

    pairs = {(sku, other) for sku, season, other, *_ in await shown(segmenter) if not season}
    assert pairs == ({("a", "b"), ("b", "a")} if is_shown else set())


async def test_a_day_too_many_is_no_pair(segmenter: Segmenter) -> None:
    await tell(segmenter, together(9, days_apart=31))

    await pair(segmenter)

    assert await shown(segmenter) == []


async def test_a_lift_of_exactly_one_and_a_fifth_is_not_enough(segmenter: Segmenter) -> None:
    """Of 6 buyers all 5 of a bought b: 5 * 6 / (5 * 5) = 1.2; with a seventh it is 1.4."""
    six = [one for one in together(5) if not one.customer.startswith("z")]
    six.append(Order("z", "z", NOON - timedelta(days=60), (("z", 1),)))
    await tell(segmenter, six)
    await pair(segmenter)
    assert await shown(segmenter) == []

    await tell(segmenter, [Order("y", "y", NOON - timedelta(days=60), (("z", 1),))])
    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()
    await pair(segmenter)

    assert {row[:3] for row in await shown(segmenter)} >= {("a", "", "b"), ("b", "", "a")}


async def test_a_pair_over_the_turn_of_a_season_belongs_to_the_year_alone(
    segmenter: Segmenter,
) -> None:
    winter_ends = datetime(2025, 5, 30, tzinfo=UTC) + timedelta(days=60)
    await tell(segmenter, together(6, days_apart=4, at=winter_ends))

    await pair(segmenter)

    assert {row[1] for row in await shown(segmenter)} == {""}


@pytest.mark.parametrize("dies_in", range(1, 16))
async def test_a_pass_that_dies_anywhere_finds_what_an_undisturbed_one_does(
    segmenter: Segmenter, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(segmenter, together(6))
    piece = partial(pair_goods, segmenter.engine, limit=4)
    died = await pass_with_deaths(monkeypatch, timers, piece, dies_in=dies_in)

    assert died == 1
    assert [row for row in await shown(segmenter) if not row[1]] == [
        ("a", "", "b", 6, 6, 6, 12),
        ("b", "", "a", 6, 6, 6, 12),
    ]
    assert await leftovers(segmenter) == 0


async def test_readers_see_yesterdays_pairs_until_todays_are_complete(
    segmenter: Segmenter,
) -> None:
    await tell(segmenter, together(6))
    await pair(segmenter)
    before = await shown(segmenter)
    at = NOON - timedelta(days=60)
    more = [Order(f"m{n}", f"m{n}", at, (("a", 1), ("b", 1), ("q", 1))) for n in range(9)]
    await tell(segmenter, more)
    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()

    seen = [before]
    while await pair_goods(segmenter.engine, limit=2):
        now = await shown(segmenter)
        if now != seen[-1]:
            seen.append(now)

    assert len(seen) == 2
    assert {row[0] for row in seen[1]} == {"a", "b", "q"}
    rows = await segmenter.rows("select distinct generation from product_pair")
    assert [row["generation"] for row in rows] == [2]


async def test_a_pass_comes_once_a_day_and_after_the_midnight_of_the_cells(
    segmenter: Segmenter,
) -> None:
    await tell(segmenter, together(6))
    assert await pair(segmenter) > 0
    assert await pair(segmenter) == 0

    await segmenter.set_time(MIDNIGHT)
    assert await pair(segmenter) == 0  # the day has not turned yet
    await segmenter.roll()
    assert await pair(segmenter) > 0


async def test_two_pods_share_the_shops(segmenter: Segmenter) -> None:
    assert await pair_goods(segmenter.engine, limit=9) == 1  # the shop is entered
    async with segmenter.tx() as conn:
        assert await find_pairs(PairStore(conn), limit=9)

        assert await pair_goods(segmenter.engine, limit=9) == 0


async def test_no_shop_counts_anothers_buyers(segmenter: Segmenter) -> None:
    await segmenter.shops(shop("ink"))
    await tell(segmenter, together(6))

    await pair(segmenter)

    rows = await segmenter.rows("select distinct shop_id from product_pair")
    assert [row["shop_id"] for row in rows] == ["tea"]
    passes = await segmenter.rows("select shop_id, phase, day from pair_pass order by shop_id")
    assert [tuple(row.values()) for row in passes] == [
        ("ink", "done", TODAY),
        ("tea", "done", TODAY),
    ]


async def test_an_order_of_ten_thousand_items_makes_no_pairs_and_counts_for_its_items(
    segmenter: Segmenter,
) -> None:
    huge = tuple((f"h{n:05}", 1) for n in range(10_000))
    at = NOON - timedelta(days=60)
    await tell(segmenter, [*together(6), Order("h", "wholesale", at, (*huge, ("a", 1)))])

    await pair(segmenter)

    assert [row for row in await shown(segmenter) if not row[1]] == [
        ("a", "", "b", 7, 6, 6, 13),
        ("b", "", "a", 6, 7, 6, 13),
    ]
