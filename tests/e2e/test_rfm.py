"""RFM of a real shop's purchases equals a batch over the raw rows, however the facts arrive."""

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import partial
from random import Random
from typing import Any, Final

import pytest
import pytest_asyncio

from demo import cdnow
from support.batch_rfm import Batch, Bought
from support.eventually import eventually
from support.listed import rfm_of
from support.town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
SEED: Final = 20261111
SHOP: Final = {"zone": str(cdnow.ZONE), "currency": "USD", "country": "US", "locale": "en"}
IN_ORDER, SHUFFLED = "cdnow", "cdnow-shuffled"
DAYS: Final = (date(1997, 3, 31), date(1997, 12, 31), cdnow.LAST_DAY)
WINDOWS: Final = (None, 7, 90, 365)
KILLS: Final = 3


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(
        Bought(one.order_id, one.customer_id, one.day, one.total_minor) for one in cdnow.purchases()
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replayed(unstarted_town: Town) -> Town:
    """One shop's purchases pushed in order; the same shuffled and doubled, with kills between."""
    town = unstarted_town
    await town.start("ingest", "segmenter")
    for shop_id in (IN_ORDER, SHUFFLED):
        await town.open_shop(shop_id, **SHOP)
    for events in cdnow.batches():
        await town.api.say(IN_ORDER, *events)
    await town.clock.rest()
    await _replay_roughly(town)
    return town


async def _replay_roughly(town: Town) -> None:
    print(f"seed {SEED}")  # noqa: T201 - so that a red run can be played again
    random = Random(SEED)  # noqa: S311 - no secret
    events = [event for batch in cdnow.batches() for event in batch] * 2
    random.shuffle(events)
    step = len(events) // (KILLS + 1)
    for run in range(KILLS + 1):
        handled = await _handled(town)
        part = events[run * step : (run + 1) * step]
        pushing = asyncio.create_task(town.api.say(SHUFFLED, *part))
        if run < KILLS:
            await eventually(partial(_more_than, town, handled), within_s=30, every_s=0.005)
            town.pods["segmenter"].kill()
            assert await town.pods["segmenter"].ended(5) == -9
            await pushing
            assert await _lag(town) > 0, "the kill came too late to interrupt anything"
            await town.start("segmenter")
        await pushing
    await town.api.say(SHUFFLED, *events[(KILLS + 1) * step :])
    await town.clock.rest()


async def _handled(town: Town) -> int:
    [row] = await town.rows(
        "select sum(next_offset)::bigint as n from segmenter.consumer_partition"
        " where topic = 'orders.v1' and grp = 'segmenter'"
    )
    return int(row["n"] or 0)


async def _more_than(town: Town, handled: int) -> bool:
    return await _handled(town) > handled


async def _lag(town: Town) -> int:
    return await town.watch.behind(await town.watch.ends(), ["segmenter"])


@pytest.mark.parametrize("window", WINDOWS, ids=lambda days: f"{days or 'life'} days")
@pytest.mark.parametrize("as_of", DAYS, ids=date.isoformat)
@pytest.mark.parametrize("shop_id", [IN_ORDER, SHUFFLED])
async def test_every_customers_figures_equal_the_batch(
    replayed: Town, batch: Batch, shop_id: str, as_of: date, window: int | None
) -> None:
    expected = batch.rfm(as_of, window)

    assert await rfm_of(replayed, shop_id, as_of, window) == expected
    assert len(expected) > 20


@pytest.mark.parametrize("as_of", DAYS, ids=date.isoformat)
@pytest.mark.parametrize("shop_id", [IN_ORDER, SHUFFLED])
async def test_the_grid_equals_the_batch(
    replayed: Town, batch: Batch, shop_id: str, as_of: date
) -> None:
    grid = await replayed.api.get("segmenter", f"/v1/shops/{shop_id}/grid", as_of=as_of.isoformat())

    bought: Sequence[Any] = [cell for cell in grid["cells"] if cell["orders"]]
    assert {c["cell"]: (c["customers"], c["monetary_minor"]) for c in bought} == batch.cells(as_of)
    assert (grid["average"]["sum_minor"], grid["average"]["orders"]) == batch.average(as_of)


async def test_both_ways_of_arrival_leave_the_same_rows(replayed: Town) -> None:
    query = """
        select order_id, customer_id, state from segmenter.customer_order
        where shop_id = $1 order by order_id"""
    one = await replayed.rows(query, IN_ORDER)
    other = await replayed.rows(query, SHUFFLED)

    assert len(one) == 6_919
    assert [str(row).replace(SHUFFLED, IN_ORDER) for row in other] == [str(row) for row in one]


# What facts alone decide; the day on which somebody joined is the one that was told.
DETAILS: Final = {
    "order_detail": "order_id, customer_id, currency, paid_at, net_minor, state",
    "member": "customer_id, level_id",
}


@pytest.mark.parametrize("table", DETAILS)
async def test_both_ways_of_arrival_leave_the_same_details(replayed: Town, table: str) -> None:
    query = f"select {DETAILS[table]} from segmenter.{table} where shop_id = $1 order by 1"  # noqa: S608 - ours
    one = await replayed.rows(query, IN_ORDER)
    other = await replayed.rows(query, SHUFFLED)

    assert len(one) > 20
    assert [str(row).replace(SHUFFLED, IN_ORDER) for row in other] == [str(row) for row in one]
