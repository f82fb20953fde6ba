"""The average order value: a year up to the eve, compared without dividing."""

from datetime import date, timedelta

import pytest

from segmenter.domain.average import Average, average_of, span_of
from segmenter.domain.rfm import Purchase

DAY = date(2026, 3, 1)


def test_the_average_holds_the_365_days_up_to_the_eve() -> None:
    days = [366, 365, 200, 1, 0, -1]
    purchases = [Purchase(DAY - timedelta(days=n), 10**n_th) for n_th, n in enumerate(days)]

    assert span_of(DAY) == (DAY - timedelta(days=365), DAY - timedelta(days=1))
    assert average_of(purchases, DAY) == Average(3, 10 + 100 + 1000)


def test_without_any_order_everybody_is_high() -> None:
    assert Average().is_high(0)
    assert Average().rounded_minor is None


@pytest.mark.parametrize(
    ("money", "high"), [(33, False), (34, True), (0, False)], ids=["below", "above", "nothing"]
)
def test_money_is_compared_exactly(money: int, high: bool) -> None:
    assert Average(3, 100).is_high(money) is high


def test_equality_counts_as_high() -> None:
    assert Average(3, 99).is_high(33)
    assert Average(1, 10**15).is_high(10**15)
    assert not Average(1, 10**15).is_high(10**15 - 1)


@pytest.mark.parametrize(("total", "rounded"), [(99, 33), (100, 33), (101, 34), (4, 1), (5, 2)])
def test_for_reading_it_is_rounded_half_up(total: int, rounded: int) -> None:
    assert Average(3, total).rounded_minor == rounded
    assert Average(2, 5).rounded_minor == 3
