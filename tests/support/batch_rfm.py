"""RFM as a batch: DuckDB over the raw purchases, with nothing of the product's code."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb


@dataclass(frozen=True, slots=True)
class Bought:
    """One paid order; `day` is the shop's."""

    order_id: str
    customer_id: str
    day: date
    minor: int


Rfm = tuple[int, int, int]  # days since the last, how many, how much
Average = tuple[int, int]  # the sum, and of how many


class Batch:
    """The definition: what brought money counts; a window of N days ends with the day itself."""

    def __init__(self, purchases: Iterable[Bought]) -> None:
        self._db = duckdb.connect()
        self._db.execute("create table bought (order_id text, who text, day date, minor bigint)")
        rows = [(one.order_id, one.customer_id, one.day, one.minor) for one in purchases]
        if rows:
            self._db.executemany("insert into bought values (?, ?, ?, ?)", rows)

    def rfm(self, as_of: date, window_days: int | None) -> dict[str, Rfm]:
        """Return recency, frequency and money of everybody with a counted order in the span."""
        found = self._db.execute(
            """
            select who, ?::date - max(day), count(*), sum(minor)::bigint
            from bought
            where minor > 0 and day <= ?::date and (? is null or day > ?::date - ?::int)
            group by who
            """,
            [as_of, as_of, window_days, as_of, window_days or 0],
        ).fetchall()
        return {who: (recency, count, money) for who, recency, count, money in found}

    def average(self, as_of: date) -> Average:
        """Return (sum, number) of the counted orders of the 365 days up to the day before."""
        found = self._db.execute(
            """
            select coalesce(sum(minor), 0)::bigint, count(*) from bought
            where minor > 0 and day < ?::date and day >= ?::date - 365
            """,
            [as_of, as_of],
        ).fetchone()
        return (found[0], found[1]) if found else (0, 0)

    def scores(self, as_of: date) -> dict[str, tuple[int, int, int]]:
        """Return the quintile scores of the buyers of 365 days; nobody's under five of them."""
        buyers = self.rfm(as_of, 365)
        if len(buyers) < 5:
            return {}

        def score(number: int, sign: int, own: Rfm) -> int:
            better = sum(sign * one[number] > sign * own[number] for one in buyers.values())
            return 5 - 5 * better // len(buyers)

        return {
            who: (score(0, -1, own), score(1, 1, own), score(2, 1, own))
            for who, own in buyers.items()
        }

    def cells(self, as_of: date) -> dict[str, tuple[int, int]]:
        """Return customers and money by cell of the life-cycle grid, as the glossary has it."""
        average = self.average(as_of)
        counts: dict[str, tuple[int, int]] = {}
        for rfm in self.rfm(as_of, None).values():
            cell = cell_of(rfm, average)
            customers, sum_minor = counts.get(cell, (0, 0))
            counts[cell] = (customers + 1, sum_minor + rfm[2])
        return counts


def cell_of(rfm: Rfm, average: Average) -> str:
    """Return the cell of somebody who bought, over the whole life."""
    recency, frequency, money = rfm
    total, number = average
    return _cell(recency, frequency, high=money * number >= total)


def _cell(recency: int, frequency: int, *, high: bool) -> str:
    if recency <= 7:
        return "just_bought"
    if recency > 365:
        return "lost"
    fresh = recency <= 90
    kind = (("new" if fresh else "fading"), ("loyal" if fresh else "sleeping"))[frequency > 1]
    return f"{kind}_{'high' if high else 'low'}"
