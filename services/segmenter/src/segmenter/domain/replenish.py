"""When a customer will need an item again: what a piece lasts, and when the last ones are used up.

Pure. A new purchase begins anew: what was left of the one before does not count.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

FEWEST_GAPS: Final = 30
# Whoever bought for longer than a century has no next purchase worth a date.
MOST_DAYS: Final = 36_500


class Basis(StrEnum):
    """Who says how long a piece lasts."""

    CATALOGUE = "catalogue"
    REPEAT_BUYERS = "repeat_buyers"


class Cycle(NamedTuple):
    days: int
    basis: Basis


class Bought(NamedTuple):
    """One customer's last purchase of an item: all of that day together."""

    day: date
    quantity: int
    signed_day: date | None = None  # None: not known to have arrived


def cycle_of(cycle_days: int | None, gaps: int, gap_days: int | None) -> Cycle | None:
    """Return how long a piece of an item lasts; None where nobody can tell.

    Args:
        cycle_days: By the catalogue, whose word comes first.
        gaps: From one day on which somebody bought the item to the next, of all customers.
        gap_days: Their median, each divided by the pieces that it was bridged with.
    """
    if cycle_days is not None and cycle_days > 0:
        return Cycle(cycle_days, Basis.CATALOGUE)
    if gap_days is not None and gaps >= FEWEST_GAPS:
        return Cycle(gap_days, Basis.REPEAT_BUYERS)
    return None


def expected_next(bought: Bought, cycle: Cycle) -> date | None:
    """Return the day on which *bought* is used up, counted from its arrival or else its payment."""
    lasts_days = cycle.days * bought.quantity
    if lasts_days > MOST_DAYS:
        return None
    return (bought.signed_day or bought.day) + timedelta(days=lasts_days)
