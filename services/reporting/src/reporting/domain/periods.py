"""A report's period: whole days of the shop."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from care.calendar import day_of, start_of_day

LONGEST = timedelta(days=400)
USUAL = timedelta(days=30)
DAY = timedelta(days=1)


class BadPeriod(ValueError):
    """It ends before it begins, or is too long."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days [first, until) as the instants [starts_at, ends_at)."""

    first: date
    until: date
    starts_at: datetime
    ends_at: datetime


def period(first: date | None, until: date | None, zone: str, now: datetime) -> Period:
    """Return the days from *first*, 30 by default, to before *until*, tomorrow by default."""
    last = until or day_of(now, zone) + DAY
    start = first or last - USUAL
    if not start < last <= start + LONGEST:
        raise BadPeriod(f"a period has 1 to {LONGEST.days} days; {start} to {last} has not")
    return Period(start, last, start_of_day(start, zone), start_of_day(last, zone))
