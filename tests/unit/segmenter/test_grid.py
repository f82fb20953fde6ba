"""The life-cycle grid at every boundary."""

from datetime import date, timedelta

import pytest

from contracts.events import Cell
from segmenter.domain.grid import Boundaries, cell_of, is_split, next_change, stage_of

TODAY = date(2026, 3, 1)
EDGES = (0, 6, 7, 8, 89, 90, 91, 364, 365, 366, 5000)


def expected(recency: int, frequency: int, high: bool) -> str:
    if recency <= 7:
        return "just_bought"
    if recency > 365:
        return "lost"
    if recency <= 90:
        stage = "new" if frequency == 1 else "loyal"
    else:
        stage = "fading" if frequency == 1 else "sleeping"
    return f"{stage}_{'high' if high else 'low'}"


@pytest.mark.parametrize("recency", EDGES)
@pytest.mark.parametrize("frequency", [1, 2, 9])
@pytest.mark.parametrize("high", [True, False])
def test_every_boundary_belongs_to_the_cell_that_the_grid_says(
    recency: int, frequency: int, high: bool
) -> None:
    assert cell_of(recency, frequency, is_high=high) == expected(recency, frequency, high)


@pytest.mark.parametrize("high", [True, False])
def test_who_has_no_counted_order_never_bought(high: bool) -> None:
    assert cell_of(None, 0, is_high=high) is Cell.NEVER_BOUGHT


def test_the_average_decides_in_eight_cells_and_in_no_other() -> None:
    assert {cell for cell in Cell if not is_split(cell)} == {
        Cell.NEVER_BOUGHT,
        Cell.JUST_BOUGHT,
        Cell.LOST,
    }


def test_boundaries_can_be_moved() -> None:
    bounds = Boundaries(just_bought=1, active=2, reachable=3)

    cells = [cell_of(days, 1, is_high=True, bounds=bounds) for days in (1, 2, 3, 4)]

    assert cells == [Cell.JUST_BOUGHT, Cell.NEW_HIGH, Cell.FADING_HIGH, Cell.LOST]
    assert next_change(TODAY, TODAY, bounds) == TODAY + timedelta(days=2)


@pytest.mark.parametrize("frequency", [1, 2])
def test_passing_time_changes_the_stage_on_the_foretold_days_and_on_no_other(
    frequency: int,
) -> None:
    last = TODAY - timedelta(days=400)

    for recency in range(400):
        day = last + timedelta(days=recency)
        now, then = (
            stage_of(cell_of(days, frequency, is_high=True)) for days in (recency, recency + 1)
        )
        changes_tomorrow = next_change(last, day) == day + timedelta(days=1)
        assert changes_tomorrow == (now is not then)


def test_time_changes_nothing_for_the_lost_and_for_those_who_never_bought() -> None:
    assert next_change(TODAY - timedelta(days=366), TODAY) is None
    assert next_change(None, TODAY) is None
