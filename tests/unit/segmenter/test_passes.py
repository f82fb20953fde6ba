"""On which days what comes round for members runs."""

from datetime import UTC, date, datetime

import pytest

from segmenter.domain.passes import Pass, expiry_day, first_day, next_day, runs_at, runs_on


@pytest.mark.parametrize(
    ("kind", "day", "runs", "following"),
    [
        (Pass.REVIEW, date(2026, 12, 1), date(2026, 12, 1), date(2027, 1, 1)),
        (Pass.WARN, date(2026, 3, 1), date(2026, 1, 30), date(2026, 4, 1)),
        (Pass.EXPIRE, date(2028, 1, 31), date(2028, 2, 1), date(2028, 2, 29)),
        (Pass.NOTICE, date(2026, 2, 28), date(2026, 2, 14), date(2026, 3, 31)),
    ],
)
def test_each_pass_has_its_day_and_the_one_after(
    kind: Pass, day: date, runs: date, following: date
) -> None:
    assert (runs_on(kind, day), next_day(kind, day)) == (runs, following)


@pytest.mark.parametrize(
    ("kind", "today", "day"),
    [
        (Pass.REVIEW, date(2026, 3, 1), date(2026, 4, 1)),
        (Pass.WARN, date(2026, 3, 1), date(2026, 4, 1)),
        (Pass.WARN, date(2026, 3, 2), date(2026, 5, 1)),
        (Pass.EXPIRE, date(2026, 3, 31), date(2026, 3, 31)),
        (Pass.NOTICE, date(2026, 3, 16), date(2026, 3, 31)),
        (Pass.NOTICE, date(2026, 3, 17), date(2026, 4, 30)),
    ],
)
def test_a_new_shop_begins_with_what_is_still_to_come(kind: Pass, today: date, day: date) -> None:
    assert first_day(kind, today) == day


def test_a_pass_runs_when_its_day_begins_in_the_shop() -> None:
    at = runs_at(Pass.REVIEW, date(2026, 4, 1), "Asia/Shanghai")

    assert at == datetime(2026, 3, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("earned_on", "last"),
    [
        (date(2026, 3, 1), date(2027, 3, 31)),
        (date(2027, 3, 1), date(2028, 2, 29)),
        (date(2026, 1, 31), date(2027, 1, 31)),
    ],
)
def test_points_last_365_days_and_to_the_end_of_the_month(earned_on: date, last: date) -> None:
    assert expiry_day(earned_on) == last
