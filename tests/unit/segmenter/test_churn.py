"""Churn risk: shares of gaps, thresholds in days, and what of it is news."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmenter.app.view_value import judge, worth
from segmenter.domain.churn import (
    Gaps,
    Risk,
    Thresholds,
    class_of,
    is_news,
    risk_of,
    thresholds,
)
from segmenter.domain.terms import Terms, terms_of
from segmenter.domain.value import Buying, Spending
from segmenter.edges.values.purchase_days import PurchaseDay

HUNDRED = Gaps(tuple(range(1, 101)), (1,) * 100)
TODAY = date(2026, 3, 1)


def test_the_risk_steps_up_where_the_share_of_gaps_does() -> None:
    known = thresholds({1: HUNDRED})

    assert known == {1: Thresholds(50, 80, 95)}
    risks = {days: risk_of(known, 1, days) for days in (0, 49, 50, 79, 80, 94, 95, 4000)}
    assert list(risks.values()) == [
        *(Risk.LOW, Risk.LOW, Risk.MIDDLE, Risk.MIDDLE),
        *(Risk.HIGH, Risk.HIGH, Risk.VERY_HIGH, Risk.VERY_HIGH),
    ]


@given(
    st.dictionaries(st.integers(1, 90), st.integers(50, 200), min_size=2, max_size=20),
    st.integers(0, 100),
)
def test_thresholds_say_what_the_shares_say(found: dict[int, int], silence: int) -> None:
    by_days = dict(sorted(found.items()))
    gaps = Gaps(tuple(by_days), tuple(by_days.values()))
    share = 100 * gaps.up_to(silence) / gaps.total

    risk = risk_of(thresholds({2: gaps}), 2, silence)

    steps = [Risk.LOW, Risk.MIDDLE, Risk.HIGH, Risk.VERY_HIGH]
    assert risk is steps[sum(share >= percent for percent in (50, 80, 95))]


def test_ninety_nine_gaps_are_not_enough() -> None:
    assert thresholds({1: Gaps((5,), (99,)), 2: Gaps((5,), (100,))}).keys() == {2}
    assert risk_of({}, 1, 400) is Risk.UNKNOWN


def test_three_counted_days_and_more_are_one_class() -> None:
    assert [class_of(days) for days in (1, 2, 3, 4, 90)] == [1, 2, 3, 3, 3]


def test_who_bought_nothing_that_still_counts_has_no_risk() -> None:
    assert risk_of(thresholds({1: HUNDRED}), 1, None) is Risk.UNKNOWN
    assert judge(0, None, TODAY, {}, {}).frequency_class is None


@pytest.mark.parametrize(
    ("held", "risk", "news"),
    [
        pytest.param(None, Risk.LOW, False, id="everybody begins low"),
        pytest.param(None, Risk.UNKNOWN, False, id="or unknown"),
        pytest.param(None, Risk.HIGH, True, id="the first of more is told"),
        pytest.param(Risk.HIGH, Risk.HIGH, False, id="and not again"),
        pytest.param(Risk.HIGH, Risk.LOW, True, id="that somebody came back is"),
        pytest.param(Risk.LOW, Risk.HIGH, True, id="and that they went again"),
        pytest.param(Risk.HIGH, Risk.UNKNOWN, True, id="and that nobody can tell any more"),
    ],
)
def test_only_a_change_is_news(held: Risk | None, risk: Risk, *, news: bool) -> None:
    assert is_news(held, risk) is news


def test_a_risk_is_told_with_its_reasons() -> None:
    known = thresholds({1: HUNDRED})

    judged = judge(1, TODAY - timedelta(days=85), TODAY, {1: HUNDRED}, known)
    unknown = judge(2, TODAY, TODAY, {1: HUNDRED}, known)

    assert (judged.risk, judged.recency_days, judged.share) == (Risk.HIGH, 85, 0.85)
    assert (judged.frequency_class, judged.gaps, judged.high_from_days) == (1, 100, 80)
    assert (unknown.risk, unknown.share, unknown.gaps) == (Risk.UNKNOWN, None, 0)


@pytest.mark.parametrize(
    ("settings", "terms"),
    [
        pytest.param({}, Terms(), id="nothing said"),
        pytest.param({"churn_percents": "40, 60,90"}, Terms((40, 60, 90)), id="steps"),
        pytest.param({"churn_percents": "80,50,95"}, Terms(), id="steps that do not ascend"),
        pytest.param({"churn_percents": "50,80"}, Terms(), id="too few steps"),
        pytest.param({"churn_percents": "0,80,95"}, Terms(), id="a step at nothing"),
        pytest.param({"churn_percents": "50,80,101"}, Terms(), id="a step beyond all"),
        pytest.param({"margin_percent": "35"}, Terms(margin_percent=35), id="a margin"),
        pytest.param({"margin_percent": "101"}, Terms(), id="more than all"),
        pytest.param({"margin_percent": "a third"}, Terms(), id="a word"),
        pytest.param({"margin_percent": "³"}, Terms(), id="no digit of ours"),
        pytest.param({"margin_percent": "9" * 5000}, Terms(), id="a number without end"),
        pytest.param(
            {"acquisition_cost_minor": "500"}, Terms(acquisition_cost_minor=500), id="a cost"
        ),
    ],
)
def test_what_a_shop_says_holds_if_it_can_be_read(settings: dict[str, str], terms: Terms) -> None:
    assert terms_of(settings) == terms


def test_worth_counts_days_after_the_first_and_their_money() -> None:
    buying, spending = Buying(0.5, 10.0, 1.2, 2.0), Spending(6.0, 4.0, 15_00.0)
    days = [PurchaseDay(TODAY - timedelta(days=ago), 10_00) for ago in (60, 30, 10)]

    found = worth(days, TODAY, buying, spending, Terms(margin_percent=50))
    without_money = worth(days, TODAY, buying, None, Terms())
    once = worth(days[:1], TODAY, buying, spending, Terms())

    assert found is not None
    assert found.money_minor is not None
    assert found.clv_minor == pytest.approx((30_00 + found.money_minor) / 2, abs=1)
    assert without_money is not None
    assert (without_money.money_minor, without_money.clv_minor) == (None, None)
    assert once is not None
    assert once.p_alive == 1.0
    assert worth([], TODAY, buying, spending, Terms()) is None
