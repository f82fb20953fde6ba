"""BG/NBD and Gamma-Gamma beside `lifetimes` and beside what was published, on CDNOW."""

import time
import warnings
from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.special import hyp2f1

from demo import cdnow
from segmenter.domain.value import (
    Buying,
    History,
    expected_purchases,
    expected_spend,
    p_alive,
)
from segmenter.edges.values.fit import Alike, fit
from segmenter.edges.values.fitting import (
    Floats,
    Groups,
    NoFit,
    fit_buying,
    fit_spending,
)

CALIBRATED = date(1997, 9, 30)  # of the papers: 39 weeks
WEEKS = 52.0


def people() -> tuple[Floats, Floats, Floats, Floats]:
    """Return repeats, recency and age in weeks, and the mean of the repeats in dollars."""
    by_customer: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for one in cdnow.purchases():
        if one.day <= CALIBRATED:
            by_customer[one.customer_id][one.day] += one.total_minor
    rows = []
    for money in by_customer.values():
        first, last = min(money), max(money)
        repeats = len(money) - 1
        mean = (sum(money.values()) - money[first]) / 100 / max(repeats, 1)
        rows.append((repeats, (last - first).days / 7, (CALIBRATED - first).days / 7, mean))
    return tuple(np.array(rows, dtype=float).T)


def oracle(repeats: Floats, recency: Floats, age: Floats) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is of 2020
        from lifetimes import BetaGeoFitter  # noqa: PLC0415 - it warns when it is imported

        return BetaGeoFitter().fit(repeats, recency, age)


def oracle_of_money(repeats: Floats, mean: Floats) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import GammaGammaFitter  # noqa: PLC0415

        return GammaGammaFitter().fit(repeats, mean)


def fitted(repeats: Floats, recency: Floats, age: Floats) -> Buying:
    groups = Groups(repeats, recency, age, np.ones(len(repeats)))
    return fit_buying(groups, time.monotonic() + 60)[0]


def test_the_published_fit_is_reproduced() -> None:
    repeats, recency, age, _ = people()

    found = fitted(repeats, recency, age)

    assert len(repeats) == 2357
    rounded = [round(one, 3) for one in (found.r, found.alpha, found.a, found.b)]
    assert rounded == [0.243, 4.414, 0.793, 2.426]


def test_parameters_and_expectations_are_those_of_lifetimes() -> None:
    repeats, recency, age, _ = people()
    known = oracle(repeats, recency, age)

    found = fitted(repeats, recency, age)

    for name in ("r", "alpha", "a", "b"):
        assert getattr(found, name) == pytest.approx(known.params_[name], rel=0.01)
    everybody = [History(int(x), t, end) for x, t, end in zip(repeats, recency, age, strict=True)]
    bought = known.conditional_expected_number_of_purchases_up_to_time(WEEKS, repeats, recency, age)
    ours = np.array([expected_purchases(found, one, WEEKS) for one in everybody])
    assert np.abs(ours / np.array(bought) - 1).max() < 0.005
    alive = known.conditional_probability_alive(repeats, recency, age)
    ours = np.array([p_alive(found, one) for one in everybody])
    assert np.abs(ours / np.array(alive) - 1).max() < 0.005


def test_money_is_that_of_lifetimes_and_as_published() -> None:
    repeats, _, _, mean = people()
    spent = (repeats > 0) & (mean > 0)
    repeats, mean = repeats[spent], mean[spent]
    known = oracle_of_money(repeats, mean)

    found, _ = fit_spending(repeats, mean, np.ones(len(mean)), time.monotonic() + 60)

    assert [round(one, 2) for one in (found.p, found.q, found.gamma)] == [6.25, 3.74, 15.44]
    for name, value in (("p", found.p), ("q", found.q), ("v", found.gamma)):
        assert value == pytest.approx(known.params_[name], rel=0.01)
    money = np.array(known.conditional_expected_average_profit(repeats, mean))
    ours = [expected_spend(found, int(x), m) for x, m in zip(repeats, mean, strict=True)]
    assert np.abs(np.array(ours) / money - 1).max() < 0.005


@pytest.mark.parametrize("a", [0.3, 0.793, 1.7, 4.0])
@pytest.mark.parametrize(("age", "span"), [(400.0, 365.0), (1.0, 365.0), (2000.0, 30.0)])
@pytest.mark.parametrize("repeats", [0, 1, 3, 60])
def test_the_series_in_pure_python_is_the_papers_formula_by_scipy(
    a: float, age: float, span: float, repeats: int
) -> None:
    model = Buying(0.6, 30.0, a, 2.4)
    recency = age * 0.7 if repeats else 0.0
    share = span / (model.alpha + age + span)
    lower = a + model.b + repeats - 1
    series = hyp2f1(model.r + repeats, model.b + repeats, lower, share)
    plain = lower / (a - 1) * (1 - (1 - share) ** (model.r + repeats) * series)
    plain *= p_alive(model, History(repeats, recency, age))

    found = expected_purchases(model, History(repeats, recency, age), span)

    assert found == pytest.approx(plain, rel=1e-9)


def test_customers_put_together_are_fitted_as_each_alone() -> None:
    repeats, recency, age, mean = people()
    alike = Alike()
    alike.add(zip(repeats, recency, age, mean * repeats, np.ones(len(age)), strict=True))

    # Money of nothing, which eight of the sample spent, is not counted by the product.
    known = fit(alike, 1, time.monotonic() + 60)
    alone = fitted(repeats, recency, age)

    assert known.state == "fitted"
    assert known.buying is not None
    assert known.buying.alpha == pytest.approx(alone.alpha, rel=1e-5)
    assert known.customers == 2357
    assert known.calibration == pytest.approx(1.0, abs=0.05)


def test_ninety_nine_who_came_again_are_too_few() -> None:
    alike = Alike()
    alike.add([(0, 0, 100, 0, 5000), (2, 30, 90, 50_00, 99)])

    known = fit(alike, 1, time.monotonic() + 60)

    assert (known.state, known.repeaters, known.needed) == ("not_enough_data", 99, 100)
    assert (known.buying, known.spending, known.customers) == (None, None, 5099)


def test_an_empty_shop_has_too_little_data_too() -> None:
    assert fit(Alike(), 1, time.monotonic() + 60).state == "not_enough_data"


def test_customers_who_are_all_alike_have_no_fit() -> None:
    alike = Alike()
    alike.add([(5, 50, 50, 50_00, 500)])

    known = fit(alike, 1, time.monotonic() + 60)

    assert (known.state, known.buying) == ("no_fit", None)
    assert "runs off" in known.reason


def test_a_fit_that_is_not_ready_in_time_is_none() -> None:
    repeats, recency, age, _ = people()
    groups = Groups(repeats, recency, age, np.ones(len(repeats)))

    with pytest.raises(NoFit, match="took too long"):
        fit_buying(groups, time.monotonic() - 1)
