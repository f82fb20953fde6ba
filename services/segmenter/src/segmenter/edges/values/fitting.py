"""Fitting of BG/NBD and Gamma-Gamma: the likelihoods of the two papers that `domain.value` names.

Only the process apart imports this: numpy and scipy take 80 MB and a second. Both are fitted over
the logarithms of their parameters, with the gradient, from several starts.
"""

import math
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from segmenter.domain.value import Buying, History, Spending, expected_purchases

Floats: TypeAlias = NDArray[np.float64]
Slope: TypeAlias = Callable[[Floats], tuple[float, Floats]]

MOST_LOG: Final = 14.0  # e^14 and e^-14 hold no fit that means anything
STEEP: Final = 1e-3  # of the slope per customer where the search ends: it has not arrived
_STARTS: Final = ((1.0, 1.0, 1.0, 1.0), (0.25, 0.5, 0.8, 2.5), (0.1, 0.1, 0.1, 1.0))
_SPENDING_STARTS: Final = ((1.0, 2.0, 1.0), (6.0, 4.0, 1.0), (0.5, 1.5, 3.0))


class NoFit(Exception):
    """The search came to no end that can be used; the text says why."""


class Groups(NamedTuple):
    """Customers alike, and how many of each; times in the unit that the caller likes."""

    repeats: Floats
    recency: Floats
    age: Floats
    customers: Floats


class Found(NamedTuple):
    parameters: Floats
    log_likelihood: float


def fit_buying(groups: Groups, deadline: float) -> tuple[Buying, float]:
    """Return the parameters of the greatest likelihood, and its logarithm.

    Raises:
        NoFit: There is none, or not until *deadline* of the monotonic clock.
    """
    unit = max(float(groups.age.max()), 1e-9) / 10.0  # alpha near 1: the search goes evenly
    scaled = groups._replace(recency=groups.recency / unit, age=groups.age / unit)
    found = _search(_BuyingSlope(scaled), _STARTS, float(groups.customers.sum()), deadline)
    r, alpha, a, b = (float(one) for one in found.parameters)
    # Each repeat is a density in time: it knows the unit.
    shift = float((groups.customers * groups.repeats).sum()) * math.log(unit)
    return Buying(r, alpha * unit, a, b), found.log_likelihood - shift


def fit_spending(
    repeats: Floats, mean: Floats, customers: Floats, deadline: float
) -> tuple[Spending, float]:
    """Return the parameters of the greatest likelihood of what repeats brought, and its logarithm.

    Raises:
        NoFit: As above, or the mean over all customers would be infinite.
    """
    unit = float(np.average(mean, weights=customers))
    slope = _SpendingSlope(repeats, mean / unit, customers)
    found = _search(slope, _SPENDING_STARTS, float(customers.sum()), deadline)
    p, q, gamma = (float(one) for one in found.parameters)
    if q <= 1.0:
        raise NoFit("what purchases bring varies too much for a mean to exist")
    shift = float(customers.sum()) * math.log(unit)
    return Spending(p, q, gamma * unit), found.log_likelihood - shift


def calibration(model: Buying, groups: Groups) -> float:
    """Return the repeats that the model expects of such customers over those that were."""
    ages, at = np.unique(groups.age, return_inverse=True)
    customers = np.bincount(at, weights=groups.customers)
    each = [expected_purchases(model, History(0, 0.0, 0.0), float(age)) for age in ages]
    return float(customers @ np.array(each)) / float(groups.customers @ groups.repeats)


class _BuyingSlope:
    """The negated log-likelihood of BG/NBD (equation 7) and its slope, per customer."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._total = float(groups.customers.sum())
        self._again = groups.repeats > 0
        self._x, self._at = np.unique(groups.repeats, return_inverse=True)
        self._n = np.bincount(self._at, weights=groups.customers)  # by x

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        x, n = self._x, self._n
        weight, again = self._groups.customers, self._again
        power = r + self._groups.repeats
        log_age, log_recency = (
            np.log(alpha + self._groups.age),
            np.log(alpha + self._groups.recency),
        )
        alive = -power * log_age
        death = np.full_like(alive, -np.inf)
        odds = np.log(a) - np.log(np.maximum(b + x - 1.0, 1e-300))
        death[again] = (odds[self._at] - power * log_recency)[again]
        either = np.logaddexp(alive, death)
        dead = np.exp(death - either)
        by_x = (
            (gammaln(r + x) - gammaln(r) + r * np.log(alpha))
            + (gammaln(a + b) - gammaln(a + b + x))
            + (gammaln(b + x) - gammaln(b))
        )
        value = float(n @ by_x) + float(weight @ either)
        dead_n = weight * dead
        dead_by_x = np.bincount(self._at, weights=dead_n, minlength=len(x))
        to_r = (
            float(n @ (psi(r + x) - psi(r) + np.log(alpha)))
            - float((weight - dead_n) @ log_age)
            - float(dead_n @ log_recency)
        )
        rate = (weight - dead_n) / (alpha + self._groups.age)
        rate += dead_n / (alpha + self._groups.recency)
        to_alpha = float(n.sum()) * r / alpha - float(power @ rate)
        to_a = float(n @ (psi(a + b) - psi(a + b + x))) + float(dead_n.sum()) / a
        over = np.divide(dead_by_x, b + x - 1.0, out=np.zeros_like(dead_by_x), where=x > 0)
        to_b = float(n @ (psi(a + b) - psi(a + b + x) + psi(b + x) - psi(b))) - float(over.sum())
        slope = np.array([to_r * r, to_alpha * alpha, to_a * a, to_b * b])
        return -value / self._total, -slope / self._total


class _SpendingSlope:
    """The negated log-likelihood of Gamma-Gamma (equation 1a) and its slope, per customer."""

    def __init__(self, repeats: Floats, mean: Floats, customers: Floats) -> None:
        self._x, self._at = np.unique(repeats, return_inverse=True)
        self._n = np.bincount(self._at, weights=customers)
        self._repeats, self._mean, self._customers = repeats, mean, customers
        self._log_mean = np.log(mean)
        self._log_x = np.log(repeats)
        self._total = float(customers.sum())

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        p, q, gamma = np.exp(logs)
        x, n, weight = self._x, self._n, self._customers
        below = gamma + self._repeats * self._mean
        log_below = np.log(below)
        power = p * self._repeats
        by_x = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
        each = (power - 1.0) * self._log_mean + power * self._log_x - (power + q) * log_below
        value = float(n @ by_x) + float(weight @ each)
        to_p = float(n @ (x * (psi(p * x + q) - psi(p * x))))
        to_p += float((weight * self._repeats) @ (self._log_mean + self._log_x - log_below))
        to_q = float(n @ (psi(p * x + q) - psi(q) + np.log(gamma))) - float(weight @ log_below)
        to_gamma = float(n.sum()) * q / gamma - float(weight @ ((power + q) / below))
        slope = np.array([to_p * p, to_q * q, to_gamma * gamma])
        return -value / self._total, -slope / self._total


class _TooLong(Exception):
    pass


def _search(
    slope: Slope, starts: tuple[tuple[float, ...], ...], customers: float, deadline: float
) -> Found:
    best: Any = None
    try:
        for start in starts:
            made = _descend(slope, start, deadline)
            if math.isfinite(made.fun) and (best is None or made.fun < best.fun):
                best = made
    except _TooLong:
        raise NoFit("it took too long") from None
    if best is None:
        raise NoFit("the likelihood is nowhere finite")
    if np.abs(best.x).max() >= MOST_LOG - 1e-6:
        raise NoFit("a parameter runs off: customers differ too little, or too much")
    if np.abs(best.jac).max() > STEEP:
        raise NoFit("the search did not arrive")
    return Found(np.exp(best.x), -float(best.fun) * customers)


def _descend(slope: Slope, start: tuple[float, ...], deadline: float) -> Any:
    def within(logs: Floats) -> tuple[float, Floats]:
        if time.monotonic() > deadline:
            raise _TooLong
        return slope(logs)

    with np.errstate(all="ignore"):  # the edges of the search overflow: they lose
        return minimize(
            within,
            np.log(np.array(start)),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-MOST_LOG, MOST_LOG)] * len(start),
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
        )
