"""What one customer is worth and how near to leaving, from the shop's models and the orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from segmenter.domain.churn import ByClass, Gaps, Risk, class_of, risk_of
from segmenter.domain.terms import Terms
from segmenter.domain.value import (
    HORIZON_DAYS,
    Buying,
    History,
    Spending,
    expect,
    lifetime_value_minor,
)


class Bought(Protocol):
    """One day with purchases."""

    @property
    def day(self) -> date: ...
    @property
    def net_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Worth:
    p_alive: float
    purchases: float
    money_minor: int | None
    clv_minor: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A risk and its reasons."""

    risk: Risk
    recency_days: int | None
    counted_days: int
    frequency_class: int | None
    share: float | None
    gaps: int
    high_from_days: int | None


def worth(
    days: Sequence[Bought], as_of: date, buying: Buying, spending: Spending | None, terms: Terms
) -> Worth | None:
    """Return what somebody with these counted *days*, ascending, is worth; None who never bought.

    The chances do not move the money that was spent. Messages, gifts, coupons and points are
    other services' figures, and are not taken off here.
    """
    if not days:
        return None
    first, last, repeats = days[0].day, days[-1].day, len(days) - 1
    net_minor = sum(one.net_minor for one in days)
    mean = (net_minor - days[0].net_minor) / repeats if repeats else 0.0
    history = History(repeats, float((last - first).days), float((as_of - first).days))
    found = expect(buying, spending, history, mean, float(HORIZON_DAYS))
    if found.money is None:
        return Worth(found.p_alive, found.purchases, None, None)
    margin, cost_minor = terms.margin_percent / 100, terms.acquisition_cost_minor
    value = lifetime_value_minor(net_minor, found.money, margin, cost_minor)
    return Worth(found.p_alive, found.purchases, round(found.money), value)


def judge(
    counted_days: int,
    last_day: date | None,
    as_of: date,
    gaps: Mapping[int, Gaps],
    known: ByClass,
) -> Judged:
    """Return the risk on *as_of* of somebody with so many counted days, and why it is that."""
    if last_day is None:
        return Judged(Risk.UNKNOWN, None, 0, None, None, 0, None)
    number, recency_days = class_of(counted_days), (as_of - last_day).days
    of_class, bounds = gaps.get(number, Gaps()), known.get(number)
    return Judged(
        risk=risk_of(known, counted_days, recency_days),
        recency_days=recency_days,
        counted_days=counted_days,
        frequency_class=number,
        share=None if bounds is None else of_class.up_to(recency_days) / of_class.total,
        gaps=of_class.total,
        high_from_days=None if bounds is None else bounds.high,
    )
