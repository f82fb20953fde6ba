"""What customers are worth: the papers' formulas, and where they would break."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.value import (
    Buying,
    History,
    Spending,
    expect,
    expected_purchases,
    expected_spend,
    lifetime_value_minor,
    p_alive,
)

CDNOW = Buying(r=0.243, alpha=4.414, a=0.793, b=2.426)  # as published, in weeks
CDNOW_SPENDING = Spending(p=6.25, q=3.74, gamma=15.44)

positive = st.floats(0.05, 20)
models = st.builds(Buying, positive, positive, positive, positive)
histories = st.builds(
    lambda repeats, recency, rest: History(repeats, recency if repeats else 0.0, recency + rest),
    st.integers(0, 40),
    st.floats(0.1, 100),
    st.floats(0, 100),
)


def test_the_published_example_is_expected_to_buy_as_often_as_published() -> None:
    """Fader, Hardie and Lee, 2005: customer 1, the 39 weeks that follow."""
    found = expected_purchases(CDNOW, History(2, 30.43, 38.86), 39.0)

    assert found == pytest.approx(1.226, abs=0.001)


def test_who_never_came_again_cannot_have_dropped_out() -> None:
    assert p_alive(CDNOW, History(0, 0.0, 500.0)) == 1.0


def test_the_longer_the_silence_the_smaller_the_chance_to_be_alive() -> None:
    chances = [p_alive(CDNOW, History(5, 10.0, age)) for age in (10.0, 20.0, 100.0, 1000.0)]

    assert chances == sorted(chances, reverse=True)
    assert chances[-1] < 0.01


def test_a_silence_beyond_all_measure_is_no_overflow() -> None:
    assert p_alive(CDNOW, History(4000, 0.001, 4000.0)) == pytest.approx(0.0)


@pytest.mark.parametrize("a", [1.0, 1.0 + 1e-12, 1.0 - 1e-9, 1.001])
def test_where_the_papers_quotient_has_a_gap_the_expectation_has_none(a: float) -> None:
    beside = expected_purchases(Buying(0.5, 10.0, 1.0005, 2.0), History(3, 20.0, 30.0), 52.0)

    found = expected_purchases(Buying(0.5, 10.0, a, 2.0), History(3, 20.0, 30.0), 52.0)

    assert found == pytest.approx(beside, rel=1e-3)


def test_in_no_time_nothing_is_bought() -> None:
    assert expected_purchases(CDNOW, History(2, 30.43, 38.86), 0.0) == 0.0


@given(models, histories)
def test_more_time_brings_more_purchases_and_never_less_than_none(
    model: Buying, history: History
) -> None:
    short, long = (expected_purchases(model, history, span) for span in (10.0, 20.0))

    assert -1e-9 <= short <= long * (1 + 1e-9) + 1e-9
    assert math.isfinite(long)
    assert 0.0 <= p_alive(model, history) <= 1.0


def test_the_unit_of_time_does_not_matter() -> None:
    in_days = Buying(CDNOW.r, CDNOW.alpha * 7, CDNOW.a, CDNOW.b)

    weeks = expected_purchases(CDNOW, History(2, 30.0, 38.0), 52.0)

    assert expected_purchases(in_days, History(2, 210.0, 266.0), 364.0) == pytest.approx(weeks)


def test_a_customer_without_repeats_spends_as_all_do_and_one_with_many_as_before() -> None:
    usual = CDNOW_SPENDING.p * CDNOW_SPENDING.gamma / (CDNOW_SPENDING.q - 1)

    assert expected_spend(CDNOW_SPENDING, 0, 0.0) == pytest.approx(usual)
    assert expected_spend(CDNOW_SPENDING, 10_000, 70.0) == pytest.approx(70.0, rel=1e-3)


def test_expected_money_is_purchases_times_what_one_brings() -> None:
    history = History(2, 30.43, 38.86)

    found = expect(CDNOW, CDNOW_SPENDING, history, 22.35, 52.0)

    assert found.purchases == expected_purchases(CDNOW, history, 52.0)
    assert found.money == found.purchases * expected_spend(CDNOW_SPENDING, 2, 22.35)
    assert found.p_alive == p_alive(CDNOW, history)


def test_without_a_model_of_money_none_is_expected() -> None:
    assert expect(CDNOW, None, History(2, 30.43, 38.86), 22.35, 52.0).money is None


def test_of_all_money_the_margin_stays_less_what_winning_the_customer_cost() -> None:
    assert lifetime_value_minor(100_00, 50_00.4, 0.4, 7_00) == 53_00
