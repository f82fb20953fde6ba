"""A real shop's history equals a batch over its files, however the facts arrive.

Always on a folder that the project makes itself; on the real one where HUILIU_OLIST names it.
"""

import csv
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import pytest_asyncio

from demo.olist import SHOP, Fact, Paid, facts, read
from support.batch_olist import OlistBatch
from support.listed import care_list, rfm_of
from support.olist_folder import write_folder
from support.town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]
SEED: Final = 20171124
ENVIRONMENT: Final = "HUILIU_OLIST"
HOW: Final = (
    f"{ENVIRONMENT} names no folder: download the Olist data set (Kaggle, olistbr/brazilian-"
    f"ecommerce), then {ENVIRONMENT}=<folder> make test ARGS=tests/e2e/test_olist.py"
)
WINDOWS: Final = (30, 90, 365)
MADE_DAYS: Final = tuple(date(2017, month, 1) for month in (4, 7, 10, 12))
REAL_DAYS: Final = (
    *(date(2017, 6, 30), date(2017, 12, 31), date(2018, 3, 31)),
    *(date(2018, 6, 30), date(2018, 8, 31)),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One folder whose facts were pushed twice: in order, and shuffled and doubled."""

    town: Town
    folder: Path
    batch: OlistBatch
    shops: tuple[str, str]
    days: Sequence[date]

    @property
    def expected(self) -> Path | None:
        """Where the figures lie that somebody else computed, if they do."""
        return self.folder if (self.folder / "expected_figures.json").exists() else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_house(unstarted_town: Town) -> Town:
    await unstarted_town.start("ingest", "segmenter", "care-triggers")
    return unstarted_town


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["made", "real"])
async def case(
    request: pytest.FixtureRequest, open_house: Town, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Case]:
    name: str = request.param
    if name == "made":
        folder, days = write_folder(tmp_path_factory.mktemp("olist"), SEED), MADE_DAYS
    elif named := os.environ.get(ENVIRONMENT):
        folder, days = Path(named), REAL_DAYS
    else:
        pytest.skip(HOW)
    shops = (f"olist-{name}", f"olist-{name}-shuffled")
    told: list[Fact] = [one.fact for one in facts(read(folder), Paid.AT_PURCHASE)]
    shuffled = told * 2
    Random(SEED).shuffle(shuffled)  # noqa: S311 - no secret
    for shop_id, events in zip(shops, (told, shuffled), strict=True):
        await open_house.open_shop(shop_id, **SHOP)
        await open_house.api.say(shop_id, *events)  # fails when a fact is refused
    await open_house.clock.rest()
    yield Case(open_house, folder, OlistBatch(folder), shops, days)


async def test_the_folder_holds_every_trap(case: Case) -> None:
    batch = case.batch
    early = "order_delivered_carrier_date < order_approved_at"
    backwards = "order_delivered_customer_date < order_delivered_carrier_date"
    by_the_clock = "order_delivered_customer_date > order_estimated_delivery_date"
    traps = {
        "handed over before approval": batch.count(f"orders where {early}"),
        "delivered before handed over": batch.count(f"orders where {backwards}"),
        "never approved": batch.count("orders where order_approved_at is null"),
        "cancelled": batch.count("orders where order_status = 'canceled'"),
        "unavailable": batch.count("orders where order_status = 'unavailable'"),
        "cancelled on the way": batch.count(
            "orders where order_status = 'canceled' and order_delivered_carrier_date is not null"
        ),
        "late by the clock only": batch.count(f"orders where {by_the_clock}") - len(batch.late()),
        "two payments": batch.count("order_payments where payment_sequential = '2'"),
        "bought twice": batch.count("(select 1 from wanted group by who having count(*) > 1) who"),
    }
    if case.expected is None:
        traps["no payment"] = batch.count("orders anti join order_payments using (order_id)")
        traps["one answer, two orders"] = batch.count(
            "(select 1 from order_reviews group by review_id having count(*) > 1) answer"
        )

    assert [name for name, number in traps.items() if number < 1] == []


@pytest.mark.parametrize("window", WINDOWS, ids=lambda days: f"{days} days")
@pytest.mark.parametrize("arrival", [0, 1], ids=["in order", "shuffled and doubled"])
async def test_every_customers_figures_equal_the_batch(
    case: Case, arrival: int, window: int
) -> None:
    for day in case.days:
        expected = case.batch.rfm(day, window)

        assert await rfm_of(case.town, case.shops[arrival], day, window) == expected
        assert len(expected) > 10


@pytest.mark.parametrize("arrival", [0, 1], ids=["in order", "shuffled and doubled"])
async def test_overdue_parcels_equal_the_batch(case: Case, arrival: int) -> None:
    for day in case.days:
        found = await care_list(
            case.town, case.shops[arrival], "parcels/overdue", as_of=day.isoformat()
        )

        assert sorted(one["order_id"] for one in found) == case.batch.overdue(day)
        assert found


@pytest.mark.parametrize("arrival", [0, 1], ids=["in order", "shuffled and doubled"])
async def test_late_parcels_and_bad_reviews_equal_the_batch(case: Case, arrival: int) -> None:
    shop_id = case.shops[arrival]
    late = await care_list(case.town, shop_id, "parcels/late")
    assert sorted(one["order_id"] for one in late) == case.batch.late()
    assert len(late) > 10

    for stars in (1, 2, 3, 5):
        found = await care_list(case.town, shop_id, "reviews", most_stars=stars)
        assert sorted(one["order_id"] for one in found) == case.batch.reviewed(stars)
        assert len(found) > 3


async def test_both_ways_of_arrival_leave_the_same_rows(case: Case) -> None:
    tables = {
        "segmenter.customer_order": "order_id",
        "care_triggers.order_fact": "order_id",
        "care_triggers.parcel_fact": "parcel_id",
        "care_triggers.review_fact": "review_id",
    }
    one, other = case.shops
    for table, key in tables.items():
        query = f"select * from {table} where shop_id = $1 order by {key}"  # noqa: S608 - ours
        in_order = [str(row) for row in await case.town.rows(query, one)]
        shuffled = [str(row) for row in await case.town.rows(query, other)]

        assert in_order
        assert [row.replace(other, one) for row in shuffled] == in_order


@pytest.mark.parametrize("case", ["real"], indirect=True, scope="module")
@pytest.mark.parametrize("arrival", [0, 1], ids=["in order", "shuffled and doubled"])
async def test_the_figures_that_others_computed_are_met(case: Case, arrival: int) -> None:
    if case.expected is None:
        pytest.skip("the folder holds no expected_*.csv: figures that others computed")
    mismatches: dict[str, list[Any]] = {}
    compared: dict[str, int] = {}
    shop_id = case.shops[arrival]

    def compare(what: str, found: Any, expected: Any) -> None:
        compared[what] = compared.get(what, 0) + 1
        if found != expected:
            mismatches.setdefault(what, []).append((found, expected))

    for row in _table(case.expected / "expected_rolling_rfm_totals.csv"):
        found = await rfm_of(
            case.town, shop_id, date.fromisoformat(row["as_of"]), int(row["window_days"])
        )
        recency, counts, money = (list(column) for column in zip(*found.values(), strict=True))
        twice = sum(count > 1 for count in counts)
        totals = (len(found), sum(recency), sum(counts), _money(sum(money)), twice)
        names = ("customers", "sum_R", "sum_F", "sum_M", "F_ge2")
        compare("rolling totals", totals, tuple(Decimal(row[name]) for name in names))
    found = await rfm_of(case.town, shop_id, date(2018, 8, 31), 365)
    people = _table(case.expected / "expected_rfm_customers_20180831_w365.csv")
    compare("who bought", sorted(found), sorted(row["customer_unique_id"] for row in people))
    for row in people:
        recency_days, frequency, minor = found.get(row["customer_unique_id"], (-1, -1, -1))
        expected = (int(row["R"]), int(row["F"]), Decimal(row["M"]))
        compare("customers", (recency_days, frequency, _money(minor)), expected)
    for row in _table(case.expected / "expected_overdue_in_transit_by_day.csv"):
        answer = await case.town.api.get(
            "care-triggers", f"/v1/shops/{shop_id}/parcels/overdue", as_of=row["d"], limit=1
        )
        compare("overdue by day", answer["total"], int(row["overdue_in_transit"]))
    # What expected_figures.json calls late_calendar and low_reviews_le2.
    figures = (case.expected / "expected_figures.json").read_text()
    for name, path, query in (
        ("late_calendar", "parcels/late", {}),
        ("low_reviews_le2", "reviews", {"most_stars": 2}),
    ):
        answer = await case.town.api.get(
            "care-triggers", f"/v1/shops/{shop_id}/{path}", limit=1, **query
        )
        compare(name, f'"{name}": {answer["total"]},' in figures, True)

    print(f"{shop_id}: compared {compared}, mismatches {mismatches}")  # noqa: T201 - for the record
    assert mismatches == {}


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _money(minor: int) -> Decimal:
    return Decimal(minor) / 100
