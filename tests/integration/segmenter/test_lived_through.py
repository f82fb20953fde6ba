"""A shop's past lived through: at any midnight the rows equal a batch over what was told till then.

What others test with a question about a past day, these test by being there: the clock goes on,
facts come before and after each pass, some of them months late, and several passes are slept
through.
"""

import csv
import os
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import httpx
import pytest

from contracts.events import OrderFacts, SegmentChanged
from demo import cdnow
from integration.segmenter.conftest import Segmenter, bearer, shop
from support.batch_facts import FactsBatch
from support.batch_rfm import Average, Rfm, cell_of
from support.past import Told, past

pytestmark = pytest.mark.timeout(300)
SHOP: Final = "past"
CURRENCY: Final = "CNY"
WINDOWS: Final = (7, 30, 90, 365)
VISITS: Final = 24
MOST_AT_ONCE: Final = 400
SEED: Final = 19980630
ENVIRONMENT: Final = "HUILIU_ONLINE_RETAIL"
HOW: Final = (
    f"{ENVIRONMENT} names no folder: download Online Retail II (UCI), its year 2009-2010 as Parquet"
)


class Life:
    """A shop whose clock goes on, and the batch beside it."""

    def __init__(
        self, segmenter: Segmenter, http: httpx.AsyncClient, stream: Sequence[Told], zone: str
    ) -> None:
        self.segmenter, self.http, self.zone = segmenter, http, zone
        self.batch = FactsBatch(zone, CURRENCY)
        self.compared = 0
        self._left = list(stream)
        self._average: Average = (0, 0)

    async def open(self, day: date) -> None:
        await self.segmenter.set_time(self.noon(day))
        await self.segmenter.shops(shop(SHOP, zone=self.zone, currency=CURRENCY))

    def noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), ZoneInfo(self.zone))

    async def go_on(self, day: date, random: Random) -> None:
        """Live until noon of *day*: some facts come before the pass, the others after it."""
        coming = [one for one in self._left if one.at < self.noon(day)]
        self._left = self._left[len(coming) :]
        cut = random.randint(0, len(coming))
        await self._hear(coming[:cut], random)
        await self.segmenter.set_time(self.noon(day))
        assert await self.segmenter.roll(limit=random.choice([7, 500, 5000])) > 0
        self._average = self.batch.average(day)
        await self._compare(day)
        await self._hear(coming[cut:], random)
        await self._compare(day)

    async def move(self, zone: str) -> None:
        """Take the shop to another zone."""
        self.zone = zone
        self.batch.move(zone)
        await self.segmenter.shops(shop(SHOP, revision=2, zone=zone, currency=CURRENCY))

    async def _hear(self, told: Sequence[Told], random: Random) -> None:
        facts = [one.fact for one in told]
        random.shuffle(facts)
        self.batch.tell(facts)
        while facts:
            size = random.randint(1, MOST_AT_ONCE)
            await self.segmenter.orders(*facts[:size])
            facts = facts[size:]

    async def _compare(self, day: date) -> None:
        """Compare the rows, as they are now, with the batch."""
        known, life = self.batch.known(), self.batch.rfm(day, None)
        never = (None, 0, 0, "never_bought")
        expected = {
            **dict.fromkeys(known, never),
            **{who: (*rfm, cell_of(rfm, self._average)) for who, rfm in life.items()},
        }
        assert await self._live(day) == expected
        [shop_day] = await self.segmenter.rows(
            "select day, average_sum_minor, average_orders from shop_day where shop_id = :shop",
            shop=SHOP,
        )
        assert tuple(shop_day.values()) == (day, *self._average)
        self.compared += len(expected)

    async def _live(self, day: date) -> dict[str, tuple[int | None, int, int, str]]:
        rows = await self.segmenter.rows(
            "select customer_id, last_day, frequency, monetary_minor, cell from customer_state"
            " where shop_id = :shop",
            shop=SHOP,
        )
        return {
            row["customer_id"]: (
                None if row["last_day"] is None else (day - row["last_day"]).days,
                row["frequency"],
                row["monetary_minor"],
                row["cell"],
            )
            for row in rows
        }

    async def compare_windows(self, day: date) -> None:
        for window_days in WINDOWS:
            answer = await self.listed(day, window_days)
            assert answer == self.batch.rfm(day, window_days)

    async def listed(self, day: date, window_days: int) -> dict[str, Rfm]:
        """Return the figures of everybody who bought in the window, as the API has them."""
        query: dict[str, Any] = {"as_of": day.isoformat(), "window_days": window_days, "limit": 200}
        found: dict[str, Rfm] = {}
        while True:
            got = await self.http.get(
                f"/v1/shops/{SHOP}/customers", params=query, headers=bearer(SHOP)
            )
            page = got.json()
            for one in page["customers"]:
                window = one["window"]
                if window["frequency"]:
                    figures = (window["recency_days"], window["frequency"])
                    found[one["customer_id"]] = (*figures, window["monetary_minor"])
            if page["cursor"] is None:
                return found
            query["cursor"] = page["cursor"]

    async def check_announced(self) -> None:
        """What was announced of each leads without a gap from never bought to where he is."""
        at: dict[str, tuple[int, str]] = {}
        for change in await self.segmenter.announced(SegmentChanged):
            revision, cell = at.get(change.customer_id, (0, "never_bought"))
            assert (change.revision, change.before.value) == (revision + 1, cell)
            assert change.before is not change.after
            at[change.customer_id] = (change.revision, change.after.value)
        cells = await self.segmenter.cells()
        assert {who: at.get(who, (0, "never_bought"))[1] for who in cells} == cells


def visits(random: Random, first: date, last: date, also: Sequence[date]) -> list[date]:
    """Return the days to look at, sorted: some on end, others weeks apart, and *also* those."""
    span = (last - first).days
    days = {first + timedelta(days=random.randint(1, span)) for _ in range(VISITS)}
    days |= {day + timedelta(days=1) for day in list(days)[: VISITS // 4]}
    return sorted({*days, *also})


ZONES: Final = (
    # Half an hour of summer time; a 29 February; a day that was left out; spring at midnight.
    ("Australia/Lord_Howe", date(2023, 2, 1), (date(2024, 2, 29), date(2024, 4, 7))),
    (
        "Pacific/Apia",
        date(2010, 9, 1),
        (date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1), date(2012, 1, 7)),
    ),
    ("America/Sao_Paulo", date(2016, 10, 1), (date(2017, 10, 15), date(2017, 10, 16))),
    ("Asia/Shanghai", date(2024, 1, 1), (date(2024, 2, 29), date(2024, 3, 1))),
)


@pytest.mark.parametrize(("zone", "first", "also"), ZONES, ids=[zone for zone, _, _ in ZONES])
async def test_at_any_midnight_every_customer_equals_the_batch(
    segmenter: Segmenter,
    http: httpx.AsyncClient,
    zone: str,
    first: date,
    also: Sequence[date],
) -> None:
    random = Random(f"{SEED} {zone}")  # noqa: S311 - repeatable on purpose
    last = first + timedelta(days=900)
    life = Life(segmenter, http, past(random, SHOP, zone, first, last), zone)
    await life.open(first)
    days = visits(random, first, last, also)

    for day in days:
        await life.go_on(day, random)
        await life.compare_windows(day)

    await life.check_announced()
    print(f"seed {SEED}: {len(days)} days, {life.compared} rows compared")  # noqa: T201 - for the record
    assert len(days) > 20


async def test_a_shop_that_changes_its_zone_equals_the_batch_in_the_new_one(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    random = Random(SEED)  # noqa: S311 - repeatable on purpose
    first, moved, last = date(2024, 1, 1), date(2024, 9, 1), date(2025, 6, 1)
    stream = past(random, SHOP, "Asia/Shanghai", first, last)
    life = Life(segmenter, http, stream, "Asia/Shanghai")
    await life.open(first)
    days = visits(random, first, last, [moved])

    for day in days:
        if day == moved:
            await life.move("America/New_York")
        await life.go_on(day, random)
        await life.compare_windows(day)
    await life.check_announced()


async def test_the_purchases_of_a_real_shop_lived_through_equal_the_batch(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    random = Random(SEED)  # noqa: S311 - repeatable on purpose
    zone = str(cdnow.ZONE)
    morning = partial(datetime.combine, time=time(11), tzinfo=cdnow.ZONE)
    stream = [
        Told(at := morning(one.day), _paid(one.customer_id, one.order_id, at, one.total_minor))
        for one in sorted(cdnow.purchases(), key=lambda one: one.day)
    ]
    life = Life(segmenter, http, stream, zone)
    first = stream[0].fact.paid_at
    assert first is not None
    await life.open(first.date())

    for day in visits(random, first.date(), cdnow.LAST_DAY, [cdnow.LAST_DAY]):
        await life.go_on(day, random)
    await life.compare_windows(cdnow.LAST_DAY)
    await life.check_announced()
    assert life.compared > 100_000


async def test_a_gift_shop_with_wholesale_customers_lived_through_equals_the_batch(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    named = os.environ.get(ENVIRONMENT)
    if not named:
        pytest.skip(HOW)
    random = Random(SEED)  # noqa: S311 - repeatable on purpose
    stream = [
        Told(at, _paid(str(who), invoice, at, minor))
        for invoice, who, at, minor in _invoices(Path(named))
    ]
    life = Life(segmenter, http, stream, "Europe/London")
    first, last = date(2009, 12, 1), date(2010, 11, 30)
    await life.open(first)
    ends = [date(2010, 3, 31), date(2010, 6, 30), date(2010, 9, 30), last + timedelta(days=1)]

    for day in visits(random, first, last, ends):
        await life.go_on(day, random)
        if day in ends:
            await life.compare_windows(day)
    await life.check_announced()
    assert await life.listed(last, 90) == _expected(Path(named))


def _expected(folder: Path) -> dict[str, Rfm]:
    """Return the figures that others computed of the last day, cancellations not taken off."""
    text = (folder / "expected_rfm_customers_20101130_w90.csv").read_text("utf-8")
    return {
        row["cid"]: (int(row["R"]), int(row["F"]), int(Decimal(row["Mg"]) * 100))
        for row in csv.DictReader(text.splitlines())
    }


def _paid(who: str, order_id: str, at: datetime, minor: int) -> OrderFacts:
    return OrderFacts(SHOP, who, order_id, 1, paid_at=at, currency=CURRENCY, total_minor=minor)


def _invoices(folder: Path) -> list[tuple[str, int, datetime, int]]:
    """Return the invoices that are no cancellations: number, customer, instant, pence."""
    with duckdb.connect() as conn:
        conn.execute("set timezone = 'UTC'")
        return conn.execute(
            """
            select Invoice, "Customer ID"::bigint,
                   timezone('Europe/London', min(InvoiceDate)::timestamp),
                   round(sum(Quantity * Price) * 100)::bigint
            from read_parquet(?) where "Customer ID" is not null and Invoice not like 'C%'
            group by 1, 2 order by 3, 1
            """,
            [str(folder / "online_retail_II_2009_2010_raw.parquet")],
        ).fetchall()
