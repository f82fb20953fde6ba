"""The average order value that cells compare with: exact, and a function of the day alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from segmenter.domain.rfm import Purchase

SPAN_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Average:
    """Money over orders, never divided: whole minor units compare exactly."""

    orders: int = 0
    sum_minor: int = 0

    def is_high(self, monetary_minor: int) -> bool:
        """Tell whether the money is at least the average; without any order everybody is high."""
        return monetary_minor * self.orders >= self.sum_minor

    @property
    def rounded_minor(self) -> int | None:
        """The value for people to read, half up; None without any order."""
        if not self.orders:
            return None
        return (2 * self.sum_minor + self.orders) // (2 * self.orders)


def span_of(day: date) -> tuple[date, date]:
    """Return the first and the last of the 365 days that end with the eve of *day*."""
    return day - timedelta(days=SPAN_DAYS), day - timedelta(days=1)


def average_of(purchases: Iterable[Purchase], day: date) -> Average:
    """Return AOV(*day*) of a whole shop's *purchases*."""
    first, last = span_of(day)
    within = [one.net_minor for one in purchases if first <= one.day <= last]
    return Average(len(within), sum(within))
