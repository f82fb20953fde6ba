"""RFM of a real shop's purchases equals a batch over the raw rows, however the facts arrive."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import pytest
import pytest_asyncio

from demo import cdnow
from support.batch_rfm import Batch, Bought
from support.listed import rfm_of
from support.replay import replay_roughly
from support.town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
SEED: Final = 20261111
SHOP: Final = {"zone": str(cdnow.ZONE), "currency": "USD", "country": "US", "locale": "en"}
IN_ORDER, SHUFFLED = "cdnow", "cdnow-shuffled"
DAYS: Final = (date(1997, 3, 31), date(1997, 12, 31), cdnow.LAST_DAY)
EVERY_DAYS: Final = tuple(
    cdnow.LAST_DAY - timedelta(days=days) for days in (*range(7, 10), *range(30, 541, 30))
)
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
    print(f"seed {SEED}")  # noqa: T201 - so that a red run can be played again
    events = [event for batch in cdnow.batches() for event in batch]
    random = Random(SEED)  # noqa: S311 - no secret
    await replay_roughly(town, SHUFFLED, events, kills=KILLS, random=random)
    await town.clock.rest()
    return town


@pytest.mark.parametrize("window", WINDOWS, ids=lambda days: f"{days or 'life'} days")
@pytest.mark.parametrize("as_of", DAYS, ids=date.isoformat)
@pytest.mark.parametrize("shop_id", [IN_ORDER, SHUFFLED])
async def test_every_customers_figures_equal_the_batch(
    replayed: Town, batch: Batch, shop_id: str, as_of: date, window: int | None
) -> None:
    expected = batch.rfm(as_of, window)

    assert await rfm_of(replayed, shop_id, as_of, window) == expected
    assert len(expected) > 20


async def test_after_kills_every_customers_figures_equal_the_batch_at_twenty_days(
    replayed: Town, batch: Batch
) -> None:
    compared = 0
    for as_of in EVERY_DAYS:
        for window in WINDOWS:
            expected = batch.rfm(as_of, window)
            assert await rfm_of(replayed, SHUFFLED, as_of, window) == expected, (as_of, window)
            compared += len(expected)

    assert len(EVERY_DAYS) > 20
    assert compared > 50_000


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
