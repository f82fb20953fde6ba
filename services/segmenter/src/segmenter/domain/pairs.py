"""Bought together: what a pair of items is, when it is worth showing, how its figures read.

Pure. A *line* is one customer, one item, one day, from orders that count. All lines of the 365 days
up to yesterday are looked at; of them:

* *buyers of A*: customers with a line of A. *Buyers of both*: customers with a line of A and one of
  B, at most 30 days apart; one order has one day, so pairs in one order are among them.
* P(X) is the buyers of X over all buyers, customers with a line of anything. P(B|A) is the buyers
  of both over the buyers of A.
* In a season the same is asked of that season's lines alone: both lines lie in it.
* A line in a crowd, with more than 100 others of the same customer within 30 days of it, belongs to
  a reseller's stock. It counts for its item and makes no pairs, so no customer makes millions.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from segmenter.domain.average import span_of

TOGETHER_DAYS: Final = 30
MOST_NEARBY: Final = 100  # other lines of one customer
FEWEST_BUYERS: Final = 5
LIFT_ABOVE: Final = (6, 5)  # 1.2, exact
MOST_SHOWN: Final = 10
ALL_YEAR: Final = ""  # where a season's name stands otherwise


class Season(StrEnum):
    """Of the calendar north of the equator, three whole months each; winter begins in December."""

    WINTER = "winter"
    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"


class Figures(NamedTuple):
    """Numbers of buyers: of A, of B, of both, of anything. The rest follows."""

    buyers: int
    buyers_of_other: int
    buyers_of_both: int
    buyers_of_any: int

    @property
    def support(self) -> float:
        return self.buyers_of_both / self.buyers_of_any

    @property
    def confidence(self) -> float:
        """P(B|A)."""
        return self.buyers_of_both / self.buyers

    @property
    def lift(self) -> float:
        expected = self.buyers * self.buyers_of_other
        return self.buyers_of_both * self.buyers_of_any / expected


def season_of(day: date) -> Season:
    return tuple(Season)[day.month % 12 // 3]


def calendar_of(day: date) -> dict[date, Season]:
    """Return the days that are looked at on *day*, the 365 up to its eve, with their seasons."""
    first, last = span_of(day)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {one: season_of(one) for one in days}
