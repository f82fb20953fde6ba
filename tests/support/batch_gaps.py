"""Churn risk as a batch: DuckDB over the raw purchases, with nothing of the product's code."""

from collections.abc import Iterable
from datetime import date

import duckdb

from support.batch_rfm import Bought

_RISKS = """
    with days as (select distinct who, day from bought where minor > 0 and day <= $day),
    numbered as (
      select who, day, row_number() over (partition by who order by day) as nth from days),
    gaps as (
      select case when a.nth > 3 then 3 else a.nth end as class,
             date_diff('day', a.day, b.day) as gap
      from numbered a join numbered b on a.who = b.who and b.nth = a.nth + 1),
    people as (
      select who, least(count(*), 3) as class, date_diff('day', max(day), $day) as silence
      from days group by who)
    select who,
      (select count(*) from gaps where gaps.class = people.class) as known,
      (select count(*) from gaps where gaps.class = people.class and gap <= silence) as shorter
    from people"""


class BatchOfGaps:
    """The definition: the gap behind the n-th counted day is of class n, from the third on of 3."""

    def __init__(self, purchases: Iterable[Bought]) -> None:
        self._db = duckdb.connect()
        self._db.execute("create table bought (who text, day date, minor bigint)")
        rows = [(one.customer_id, one.day, one.minor) for one in purchases]
        self._db.executemany("insert into bought values (?, ?, ?)", rows)

    def risks(self, day: date) -> dict[str, str]:
        """Return the churn risk of everybody who bought, at the end of *day*."""
        found = self._db.execute(_RISKS, {"day": day}).fetchall()
        return {who: _risk(known, shorter) for who, known, shorter in found}


def _risk(known: int, shorter: int) -> str:
    if known < 100:
        return "not_enough_data"
    share = shorter / known
    if share < 0.5:
        return "low"
    if share < 0.8:
        return "middle"
    return "high" if share < 0.95 else "very_high"
