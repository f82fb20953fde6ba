"""What a customer is worth: chance to be alive, purchases and money still to come.

Pure, and of the standard library alone: who answers questions needs neither numpy nor scipy. The
formulas are of Fader, Hardie and Lee, "Counting Your Customers the Easy Way" (Marketing Science
24, 2005), called BG/NBD, and of Fader and Hardie, "The Gamma-Gamma Model of Monetary Value"
(2013). The unit of time is that of the parameters: what is asked must be in the same.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

HORIZON_DAYS: Final = 365

_NEGLIGIBLE: Final = 1e-17
_MOST_TERMS: Final = 200_000  # a customer of no age at all, beside a year: far below


@dataclass(frozen=True, slots=True)
class Buying:
    """Parameters of BG/NBD: how often a shop's customers buy, and how they drop out."""

    r: float
    alpha: float  # in the unit of time
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Spending:
    """Parameters of Gamma-Gamma: what a day with purchases brings. *q* is above 1."""

    p: float
    q: float
    gamma: float  # in the unit of money


class History(NamedTuple):
    """A customer's days with purchases, seen at the end of a day."""

    repeats: int  # such days after the first: x
    recency: float  # from the first such day to the last: t_x
    age: float  # from the first such day to the end: T


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to come of a customer in a span; money in the unit of `Spending`."""

    p_alive: float
    purchases: float
    money: float | None  # None where what a purchase brings is not known


def p_alive(model: Buying, history: History) -> float:
    """Return the chance that the customer has not dropped out; 1 for who never came again."""
    if history.repeats == 0:
        return 1.0
    return 1.0 / (1.0 + math.exp(min(_log_odds_of_death(model, history), 700.0)))


def expected_purchases(model: Buying, history: History, span: float) -> float:
    """Return how many days with purchases the next *span* will have (equation 10).

    The paper's quotient by a - 1 has a gap at 1, and its hypergeometric series is slow where
    *span* is long. By Euler's transformation the series converges, and what stands beside it
    cancels the quotient: no parameter is special.
    """
    total = model.alpha + history.age
    share = span / (total + span)
    decay = math.log1p(-share)
    lower = model.a + model.b + history.repeats - 1.0
    head = -decay * lower * _growth((model.a - 1.0) * decay)
    tail = math.exp((model.a - 1.0) * decay) * _series(model, lower, share)
    return (head - tail) * p_alive(model, history)


def expected_spend(model: Spending, repeats: int, mean: float) -> float:
    """Return what a purchase of this customer will bring (equation 5).

    Args:
        model: The shop's.
        repeats: As `History` has it.
        mean: What the repeats brought each; whatever it is where there is none.
    """
    weight = model.p * repeats
    return model.p * (model.gamma + repeats * mean) / (weight + model.q - 1.0)


def expect(
    buying: Buying, spending: Spending | None, history: History, mean: float, span: float
) -> Expected:
    """Return what is to come of a customer whose repeats brought *mean* each."""
    purchases = expected_purchases(buying, history, span)
    if spending is None:
        return Expected(p_alive(buying, history), purchases, None)
    money = purchases * expected_spend(spending, history.repeats, mean)
    return Expected(p_alive(buying, history), purchases, money)


def lifetime_value_minor(net_minor: int, expected: float, margin: float, cost_minor: int) -> int:
    """Return what a customer leaves in all: of what was spent and what is expected the margin.

    Args:
        net_minor: Spent so far, less refunds.
        expected: Money to come, in minor units.
        margin: The share of money that stays, 1 for all.
        cost_minor: What it cost to win the customer.
    """
    return round((net_minor + expected) * margin) - cost_minor


def _log_odds_of_death(model: Buying, history: History) -> float:
    longer = (model.alpha + history.age) / (model.alpha + history.recency)
    return (
        math.log(model.a)
        - math.log(model.b + history.repeats - 1.0)
        + (model.r + history.repeats) * math.log(longer)
    )


def _growth(power: float) -> float:
    """Return (e^power - 1) / power, which is 1 at 0."""
    return math.expm1(power) / power if power else 1.0


def _series(model: Buying, lower: float, share: float) -> float:
    """Return lower * (F(a-1, a+b-1-r; lower; share) - 1) / (a-1), F being Gauss's series."""
    upper = model.a + model.b - 1.0 - model.r
    term, total, number = upper * share, 0.0, 1
    while abs(term) > _NEGLIGIBLE * abs(total) and number < _MOST_TERMS:
        total += term
        ratio = (model.a - 1.0 + number) * (upper + number)
        term *= ratio * share / ((lower + number) * (number + 1))
        number += 1
    return total
