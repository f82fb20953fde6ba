"""Seasons, the span that is looked at, and how a pair's figures read."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.pairs import Figures, Season, calendar_of, season_of

days = st.dates(date(1991, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2025, 11, 30), Season.AUTUMN),
        (date(2025, 12, 1), Season.WINTER),
        (date(2024, 2, 29), Season.WINTER),
        (date(2025, 3, 1), Season.SPRING),
        (date(2025, 5, 31), Season.SPRING),
        (date(2025, 6, 1), Season.SUMMER),
        (date(2025, 9, 1), Season.AUTUMN),
    ],
)
def test_a_season_is_three_whole_months_and_winter_begins_in_december(
    day: date, season: Season
) -> None:
    assert season_of(day) is season


@given(days)
def test_the_calendar_has_the_365_days_up_to_the_eve(day: date) -> None:
    calendar = calendar_of(day)

    assert list(calendar) == [day - timedelta(days=ago) for ago in range(365, 0, -1)]
    assert all(calendar[one] is season_of(one) for one in (min(calendar), max(calendar)))


@given(st.data())
def test_figures_read_as_the_probabilities_that_they_are(data: st.DataObject) -> None:
    both = data.draw(st.integers(1, 1000))
    one = data.draw(st.integers(both, 2000))
    other = data.draw(st.integers(both, 2000))
    everyone = data.draw(st.integers(one + other - both, 9000))

    figures = Figures(one, other, both, everyone)

    p_both, p_one = Fraction(both, everyone), Fraction(one, everyone)
    assert figures.support == float(p_both)
    assert figures.confidence == float(p_both / p_one)
    assert figures.lift == float(p_both / (p_one * Fraction(other, everyone)))
