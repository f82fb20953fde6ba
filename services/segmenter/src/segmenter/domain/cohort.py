"""Same season last year: how people bought what they bought then.

Pure. An item's season runs from last year's launch day L for 365 days; H is its hot-sale day.
"""

from datetime import date, timedelta
from enum import StrEnum
from itertools import product
from typing import Final, NamedTuple, TypeAlias

Days: TypeAlias = tuple[date, date]  # the first and the last

EARLY_DAYS: Final = 14
SEASON_DAYS: Final = 365
FEWEST_PIECES: Final = 2


class Cohort(StrEnum):
    """Who is several is the first of them."""

    EARLY = "early"  # bought in [L, L + 14)
    MULTI = "multi"  # bought two pieces or more in [L, H)
    SALE_ONLY = "sale_only"  # every order ever paid was paid in a large sale


class Habits(NamedTuple):
    is_early: bool
    is_multi: bool
    is_sale_only: bool


def cohort_of(habits: Habits) -> Cohort | None:
    """Return the first cohort that fits; None for a buyer of whom nothing stands out."""
    return next((cohort for cohort, fits in zip(Cohort, habits, strict=True) if fits), None)


def habits_of(cohort: Cohort) -> list[Habits]:
    """Return all the habits that make somebody one of *cohort*."""
    every = (Habits(*fits) for fits in product((False, True), repeat=len(Cohort)))
    return [habits for habits in every if cohort_of(habits) is cohort]


def launches_of_last_year(day: date) -> Days:
    """Return between which days a launch is last year's: half a year about the day a year ago."""
    year_ago = day - timedelta(days=365)
    return year_ago - timedelta(days=182), year_ago + timedelta(days=182)


def large_sales(first_year: int, last_year: int) -> list[Days]:
    """Return the large sales of these years where the shop names none: 618 and Singles' Day."""
    found: list[Days] = []
    for year in range(first_year, last_year + 1):
        found += [
            (date(year, 6, 1), date(year, 6, 20)),
            (date(year, 10, 31), date(year, 11, 11)),
        ]
    return found
