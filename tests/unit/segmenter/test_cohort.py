"""Cohorts of last year's season: the first that fits, yearly sales, last year's launches."""

from datetime import date
from itertools import product

import pytest

from segmenter.domain.cohort import (
    Cohort,
    Habits,
    cohort_of,
    habits_of,
    large_sales,
    launches_of_last_year,
)


@pytest.mark.parametrize(
    ("habits", "cohort"),
    [
        (Habits(is_early=True, is_multi=True, is_sale_only=True), Cohort.EARLY),
        (Habits(is_early=True, is_multi=False, is_sale_only=False), Cohort.EARLY),
        (Habits(is_early=False, is_multi=True, is_sale_only=True), Cohort.MULTI),
        (Habits(is_early=False, is_multi=False, is_sale_only=True), Cohort.SALE_ONLY),
        (Habits(is_early=False, is_multi=False, is_sale_only=False), None),
    ],
)
def test_each_person_is_in_the_first_cohort_that_fits(
    habits: Habits, cohort: Cohort | None
) -> None:
    assert cohort_of(habits) is cohort


def test_the_habits_of_all_cohorts_are_all_habits_but_the_plain_ones_each_once() -> None:
    listed = [habits for cohort in Cohort for habits in habits_of(cohort)]

    every = {Habits(*fits) for fits in product((False, True), repeat=3)}
    assert len(listed) == len(set(listed)) == 7
    assert every - set(listed) == {Habits(is_early=False, is_multi=False, is_sale_only=False)}


def test_a_launch_is_last_years_within_half_a_year_of_the_day_a_year_ago() -> None:
    first, last = launches_of_last_year(date(2026, 3, 1))

    assert (first, last) == (date(2024, 8, 31), date(2025, 8, 30))


def test_every_year_has_618_and_singles_day() -> None:
    sales = large_sales(2024, 2025)

    assert sales == [
        (date(2024, 6, 1), date(2024, 6, 20)),
        (date(2024, 10, 31), date(2024, 11, 11)),
        (date(2025, 6, 1), date(2025, 6, 20)),
        (date(2025, 10, 31), date(2025, 11, 11)),
    ]
