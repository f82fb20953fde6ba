"""What comes round with the calendar for all members of a shop, and on which days."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from care.calendar import start_of_day
from segmenter.domain.levels import WARNING_DAYS

VALID_DAYS: Final = 365
NOTICE_DAYS: Final = 14
_DAY: Final = timedelta(days=1)


class Pass(StrEnum):
    REVIEW = "review"  # levels go down; its day is the first of a month
    WARN = "warn"  # ... which is told before; its day is that of the review
    EXPIRE = "expire"  # points end; its day is the last of a month
    NOTICE = "notice"  # ... which is told before; its day is the one after which they end


# How long after the day that it is for a pass runs.
_LATER: Final = {
    Pass.REVIEW: timedelta(0),
    Pass.WARN: timedelta(days=-WARNING_DAYS),
    Pass.EXPIRE: _DAY,
    Pass.NOTICE: timedelta(days=-NOTICE_DAYS),
}


def first_after(day: date) -> date:
    """Return the first of the month after *day*'s."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def end_of_month(day: date) -> date:
    return first_after(day) - _DAY


def expiry_day(earned_on: date) -> date:
    """Return the last day of points earned *earned_on*."""
    return end_of_month(earned_on + timedelta(days=VALID_DAYS))


def runs_on(kind: Pass, day: date) -> date:
    """Return on which day the pass for *day* runs."""
    return day + _LATER[kind]


def next_day(kind: Pass, day: date) -> date:
    """Return which day the pass is for that follows the one for *day*."""
    if kind in (Pass.REVIEW, Pass.WARN):
        return first_after(day)
    return end_of_month(day + _DAY)


def first_day(kind: Pass, today: date) -> date:
    """Return which day the first pass is for that runs later than *today*."""
    day = first_after(today) if kind in (Pass.REVIEW, Pass.WARN) else end_of_month(today)
    while runs_on(kind, day) <= today:
        day = next_day(kind, day)
    return day


def runs_at(kind: Pass, day: date, zone: str) -> datetime:
    return start_of_day(runs_on(kind, day), zone)
