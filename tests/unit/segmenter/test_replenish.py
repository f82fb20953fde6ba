"""How long a piece lasts, and when the last ones are used up."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.replenish import Basis, Bought, Cycle, cycle_of, expected_next

DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("cycle_days", "gaps", "gap_days", "expected"),
    [
        (30, 0, None, Cycle(30, Basis.CATALOGUE)),
        (30, 99, 12, Cycle(30, Basis.CATALOGUE)),
        (None, 30, 12, Cycle(12, Basis.REPEAT_BUYERS)),
        (0, 30, 12, Cycle(12, Basis.REPEAT_BUYERS)),
        (None, 29, 12, None),
        (None, 0, None, None),
        (-1, 0, None, None),
    ],
)
def test_the_catalogue_knows_best_how_long_a_piece_lasts_then_thirty_gaps_do(
    cycle_days: int | None, gaps: int, gap_days: int | None, expected: Cycle | None
) -> None:
    assert cycle_of(cycle_days, gaps, gap_days) == expected


@given(st.integers(1, 400), st.integers(1, 50), st.none() | st.integers(0, 30))
def test_each_piece_lasts_a_cycle_from_the_arrival_or_else_from_the_payment(
    cycle_days: int, quantity: int, signed_after: int | None
) -> None:
    signed = None if signed_after is None else DAY + timedelta(days=signed_after)

    found = expected_next(Bought(DAY, quantity, signed), Cycle(cycle_days, Basis.CATALOGUE))

    day = signed or DAY
    for _ in range(quantity):
        day += timedelta(days=cycle_days)
    assert found == day


def test_a_stock_for_more_than_a_century_has_no_next_purchase() -> None:
    cycle = Cycle(365, Basis.CATALOGUE)

    assert expected_next(Bought(DAY, 100), cycle) == date(2126, 2, 5)
    assert expected_next(Bought(DAY, 101), cycle) is None
