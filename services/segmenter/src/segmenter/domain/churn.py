"""Churn risk: a customer's silence beside the gaps between purchases that the shop knows.

A gap is the days between one person's counted days, one after the other. The one behind the n-th
counted day is of class n, 3 and more being one class; a customer with n counted days is compared
with the gaps of class n. So the risk is a function of the class, the last counted day and the
shop's thresholds.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final, TypeAlias

CLASSES: Final = (1, 2, 3)
LEAST_GAPS: Final = 100
MOST_GAP_DAYS: Final = 3650  # longer ones count as so long
PERCENTS: Final = (50, 80, 95)


class Risk(StrEnum):
    """How far the silence is beyond what is usual."""

    UNKNOWN = "not_enough_data"
    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"
    VERY_HIGH = "very_high"


# Where a customer begins, or would without a word: worth no announcement.
UNANNOUNCED: Final = frozenset({Risk.UNKNOWN, Risk.LOW})


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps of one class: *counts* of them by *days*, ascending."""

    days: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.counts)

    def up_to(self, days: int) -> int:
        """Return how many gaps are no longer than so many *days*."""
        return sum(self.counts[: bisect_right(self.days, days)])

    def within(self, percent: int) -> int:
        """Return the fewest days that *percent* of the gaps, of which there are some, last."""
        total = self.total
        reached = (
            days
            for days, count in zip(self.days, accumulate(self.counts), strict=True)
            if count * 100 >= total * percent
        )
        return next(reached)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many days of silence on the risk of a class is what."""

    middle: int
    high: int
    very_high: int


ByClass: TypeAlias = Mapping[int, Thresholds]  # those that are known


def class_of(counted_days: int) -> int:
    return min(counted_days, CLASSES[-1])


def thresholds(gaps: Mapping[int, Gaps], percents: Sequence[int] = PERCENTS) -> ByClass:
    """Return the thresholds of all classes with enough *gaps*."""
    return {
        number: Thresholds(*(known.within(percent) for percent in percents))
        for number, known in gaps.items()
        if known.total >= LEAST_GAPS
    }


def risk_of(known: ByClass, counted_days: int, recency_days: int | None) -> Risk:
    """Return the risk of somebody who last bought so many days ago, or never: None."""
    bounds = known.get(class_of(counted_days))
    if bounds is None or recency_days is None:
        return Risk.UNKNOWN
    if recency_days >= bounds.very_high:
        return Risk.VERY_HIGH
    if recency_days >= bounds.high:
        return Risk.HIGH
    return Risk.MIDDLE if recency_days >= bounds.middle else Risk.LOW


def is_news(held: Risk | None, risk: Risk) -> bool:
    """Tell whether *risk* is to be announced of somebody of whom *held* was announced last."""
    return risk not in UNANNOUNCED if held is None else risk is not held
