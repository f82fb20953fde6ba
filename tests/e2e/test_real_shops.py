"""RFM of real shops equals a batch over the raw rows, though the segmenter was killed on the way.

Their files are not part of the project; `test_rfm` does the same with CDNOW's, which are.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import pytest

from localstack import Stack
from support.batch_olist import OlistBatch
from support.batch_rfm import Batch, Bought
from support.listed import rfm_of
from support.replay import replay_roughly
from support.town import Town, open_town

SEED: Final = 20101130
KILLS: Final = 5
WINDOWS: Final = (None, 7, 90, 365)
RETAIL: Final = "HUILIU_ONLINE_RETAIL"
OLIST: Final = "HUILIU_OLIST"
SHOP_ID: Final = "real"


def _folder(name: str, what: str) -> Path:
    named = os.environ.get(name)
    if not named:
        pytest.skip(f"{name} names no folder: download {what}")
    return Path(named)


def _events(bought: Sequence[Bought], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for one in bought:
        paid = datetime.combine(one.day, time(12), zone).isoformat()
        yield {
            "kind": "order",
            "order_id": one.order_id,
            "customer_id": one.customer_id,
            "version": paid,
            "placed_at": paid,
            "paid_at": paid,
            "currency": "CNY",
            "total": one.minor,
        }


async def _replay(town: Town, bought: Sequence[Bought], zone: str) -> None:
    print(f"seed {SEED}")  # noqa: T201 - so that a red run can be played again
    await town.start("ingest", "segmenter")
    await town.open_shop(SHOP_ID, zone=zone)
    events = list(_events(bought, ZoneInfo(zone)))
    random = Random(SEED)  # noqa: S311 - no secret
    await replay_roughly(town, SHOP_ID, events, kills=KILLS, random=random)


@pytest.mark.timeout(1800)
async def test_a_gift_shops_customers_equal_the_batch_at_twenty_days_in_four_windows(
    kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    folder = _folder(RETAIL, "Online Retail II (UCI), its year 2009-2010 as Parquet")
    bought = _invoices(folder)
    batch = Batch(bought)
    last = max(one.day for one in bought)
    days = [last - timedelta(days=18 * number) for number in range(21)]

    async with open_town(kafka, postgres, tmp_path) as town:
        await _replay(town, bought, "Europe/London")
        await town.clock.rest()
        for as_of in days:
            for window in WINDOWS:
                expected = batch.rfm(as_of, window)
                assert await rfm_of(town, SHOP_ID, as_of, window) == expected, (as_of, window)


@pytest.mark.timeout(1800)
async def test_a_market_places_customers_equal_the_batch_and_its_grid_does_at_twenty_days(
    kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    folder = _folder(OLIST, "the Olist data set (Kaggle, olistbr/brazilian-ecommerce)")
    rows = OlistBatch(folder).rows(
        "select order_id, who, bought, (money * 100)::bigint from wanted join paid using (order_id)"
    )
    bought = [Bought(*row) for row in rows]
    batch = Batch(bought)
    last = max(one.day for one in bought)
    days = [last - timedelta(days=30 * number) for number in range(21)]

    async with open_town(kafka, postgres, tmp_path) as town:
        await _replay(town, bought, "America/Sao_Paulo")
        await town.clock.rest()
        assert await _live(town, days[0]) == batch.rfm(days[0], None)
        for as_of in days:
            grid = await town.api.get(
                "segmenter", f"/v1/shops/{SHOP_ID}/grid", as_of=as_of.isoformat()
            )
            found = {
                one["cell"]: (one["customers"], one["monetary_minor"])
                for one in grid["cells"]
                if one["orders"]
            }
            assert found == batch.cells(as_of), as_of
        for window in WINDOWS[1:]:
            assert await rfm_of(town, SHOP_ID, days[1], window) == batch.rfm(days[1], window)


async def _live(town: Town, day: date) -> dict[str, tuple[int, int, int]]:
    rows = await town.rows(
        "select customer_id, last_day, frequency, monetary_minor from segmenter.customer_state"
        " where shop_id = $1 and frequency > 0",
        SHOP_ID,
    )
    return {
        row["customer_id"]: (
            (day - row["last_day"]).days,
            row["frequency"],
            row["monetary_minor"],
        )
        for row in rows
    }


def _invoices(folder: Path) -> list[Bought]:
    """Return the invoices that are no cancellations, an id each where several share a number."""
    with duckdb.connect() as conn:
        rows = conn.execute(
            """
            select Invoice || '-' || "Customer ID"::bigint, ("Customer ID"::bigint)::text,
                   min(InvoiceDate)::date, round(sum(Quantity * Price) * 100)::bigint
            from read_parquet(?) where "Customer ID" is not null and Invoice not like 'C%'
            group by Invoice, "Customer ID"
            """,
            [str(folder / "online_retail_II_2009_2010_raw.parquet")],
        ).fetchall()
    return [Bought(*row) for row in rows]
