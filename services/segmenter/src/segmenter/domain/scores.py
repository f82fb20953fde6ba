"""Quintile scores: how a customer compares with all who bought in the last 365 days.

A score is 5 less the fifths of the buyers who are strictly better, so equals share one; 5 is best.
As it never rises when the figure gets worse, four figures of a shop's day tell everybody's score.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from segmenter.domain.rfm import Rfm

SPAN_DAYS: Final = 365
FEWEST_BUYERS: Final = 5  # below, there are no scores

Cuts: TypeAlias = tuple[int, int, int, int]  # the worst figure that still has 5, 4, 3, 2


class Scores(NamedTuple):
    recency: int
    frequency: int
    monetary: int


@dataclass(frozen=True, slots=True)
class ShopCuts:
    """What a shop's scores are told by, over the 365 days that end with a day."""

    buyers: int
    recency_days: Cuts
    frequency: Cuts
    monetary_minor: Cuts


def scores_of(rfm: Rfm, cuts: ShopCuts | None) -> Scores | None:
    """Return the scores of somebody with *rfm* over the 365 days; None for who did not buy."""
    if cuts is None or rfm.recency_days is None:
        return None
    return Scores(
        # Fewer days are better.
        _score(-rfm.recency_days, [-cut for cut in cuts.recency_days]),
        _score(rfm.frequency, cuts.frequency),
        _score(rfm.monetary_minor, cuts.monetary_minor),
    )


def _score(figure: int, cuts: list[int] | Cuts) -> int:
    return 1 + sum(figure >= cut for cut in cuts)
