"""Which lunar birthdays a day is: a table and additions, no astronomy.

Policy: who was born in a leap month celebrates in the leap month when the year has it, else in the
plain month; who was born on day 30 celebrates on day 29 of a shorter month.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from care_triggers.domain.lunar_years import FIRST_YEAR, YEARS


@dataclass(frozen=True, slots=True)
class LunarDay:
    year: int
    month: int
    day: int
    leap: bool  # the day lies in the leap month that follows *month*
    month_days: int  # 29 or 30
    leap_month: int  # the year's leap month, 0 if it has none


def lunar_day(day: date) -> LunarDay | None:
    """Return *day* in the Chinese calendar; None outside of the table (early 1901 to 2100)."""
    year = day.year if day >= _new_year(day.year) else day.year - 1
    if not FIRST_YEAR <= year < FIRST_YEAR + len(YEARS):
        return None
    rest = (day - _new_year(year)).days
    months = list(_months(year))
    begins = accumulate((days for _, _, days in months), initial=0)
    return next(
        LunarDay(year, month, rest - begin + 1, leap, days, _leap_month(year))
        for (month, leap, days), begin in zip(months, begins, strict=False)
        if rest < begin + days
    )


def _months(year: int) -> Iterator[tuple[int, bool, int]]:
    bits = YEARS[year - FIRST_YEAR]
    leap_month = _leap_month(year)
    place = 0
    for month in range(1, 13):
        yield month, False, 29 + (bits >> place & 1)
        place += 1
        if month == leap_month:
            yield month, True, 29 + (bits >> place & 1)
            place += 1


def _leap_month(year: int) -> int:
    return YEARS[year - FIRST_YEAR] >> 13 & 15


def _new_year(year: int) -> date:
    """Return the lunar new year in *year*; outside of the table a day that nothing comes before."""
    if not FIRST_YEAR <= year < FIRST_YEAR + len(YEARS):
        return date(year, 1, 1)
    return date(year, 1, 1) + timedelta(days=YEARS[year - FIRST_YEAR] >> 17)
