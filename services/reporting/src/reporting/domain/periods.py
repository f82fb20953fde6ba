"""A report's period: whole days of the shop."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from care.calendar import day_of, start_of_day

LONGEST = timedelta(days=400)
USUAL = timedelta(days=30)
DAY = timedelta(days=1)
# No fact is older; and dates near the calendar's end cannot be reckoned with.
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)


class BadPeriod(ValueError):
    """It ends before it begins, is too long, or lies outside all time."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days [first, until) as the instants [starts_at, ends_at)."""

    first: date
    until: date
    starts_at: datetime
    ends_at: datetime


def period(first: date | None, until: date | None, zone: str, now: datetime) -> Period:
    """Return the days from *first*, 30 by default, to before *until*, tomorrow by default."""
    if not all(EARLIEST <= one <= LATEST for one in (first, until) if one is not None):
        raise BadPeriod(f"days lie from {EARLIEST} to {LATEST}")
    last = until or day_of(now, zone) + DAY
    start = first or last - USUAL
    if not start < last <= start + LONGEST:
        raise BadPeriod(f"a period has 1 to {LONGEST.days} days; {start} to {last} has not")
    return Period(start, last, start_of_day(start, zone), start_of_day(last, zone))
