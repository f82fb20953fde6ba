"""The life-cycle grid: recency by frequency, each split by the average order value."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from contracts.events import Cell


class Stage(StrEnum):
    """A row of the grid: what a customer is by recency and frequency."""

    NEVER_BOUGHT = "never_bought"
    JUST_BOUGHT = "just_bought"
    NEW = "new"
    LOYAL = "loyal"
    FADING = "fading"
    SLEEPING = "sleeping"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The last recency, in days, of those who just bought, are active, are not lost yet."""

    just_bought: int = 7
    active: int = 90
    reachable: int = 365


DEFAULT: Final = Boundaries()

# Of each stage the cell of those at or above the average, and of those below.
_CELLS: Final[dict[Stage, tuple[Cell, Cell]]] = {
    Stage.NEVER_BOUGHT: (Cell.NEVER_BOUGHT, Cell.NEVER_BOUGHT),
    Stage.JUST_BOUGHT: (Cell.JUST_BOUGHT, Cell.JUST_BOUGHT),
    Stage.NEW: (Cell.NEW_HIGH, Cell.NEW_LOW),
    Stage.LOYAL: (Cell.LOYAL_HIGH, Cell.LOYAL_LOW),
    Stage.FADING: (Cell.FADING_HIGH, Cell.FADING_LOW),
    Stage.SLEEPING: (Cell.SLEEPING_HIGH, Cell.SLEEPING_LOW),
    Stage.LOST: (Cell.LOST, Cell.LOST),
}
_STAGES: Final = {cell: stage for stage, pair in _CELLS.items() for cell in pair}


def cell_of(
    recency_days: int | None, frequency: int, *, is_high: bool, bounds: Boundaries = DEFAULT
) -> Cell:
    """Return the cell of a customer.

    Args:
        recency_days: Days since the last purchase; None for somebody who never bought.
        frequency: Purchases over the whole life.
        is_high: Whether the money reaches the average order value.
        bounds: Where the rows of the grid end.
    """
    high, low = pair_of(recency_days, frequency, bounds)
    return high if is_high else low


def pair_of(
    recency_days: int | None, frequency: int, bounds: Boundaries = DEFAULT
) -> tuple[Cell, Cell]:
    """Return the cells between which the average decides: at or above it, below it.

    Of the frequency it counts only whether it is above 1.
    """
    return _CELLS[_stage(recency_days, frequency, bounds)]


def stage_of(cell: Cell) -> Stage:
    return _STAGES[cell]


def is_split(cell: Cell) -> bool:
    """Tell whether the average order value decides between this cell and another."""
    high, low = _CELLS[_STAGES[cell]]
    return high is not low


def next_change(last_day: date | None, as_of: date, bounds: Boundaries = DEFAULT) -> date | None:
    """Return the first day after *as_of* on which passing time alone changes the stage."""
    if last_day is None:
        return None
    for boundary in (bounds.just_bought, bounds.active, bounds.reachable):
        changes_on = last_day + timedelta(days=boundary + 1)
        if changes_on > as_of:
            return changes_on
    return None


def _stage(recency_days: int | None, frequency: int, bounds: Boundaries) -> Stage:
    if recency_days is None:
        return Stage.NEVER_BOUGHT
    if recency_days <= bounds.just_bought:
        return Stage.JUST_BOUGHT
    if recency_days > bounds.reachable:
        return Stage.LOST
    if recency_days <= bounds.active:
        return Stage.LOYAL if frequency > 1 else Stage.NEW
    return Stage.SLEEPING if frequency > 1 else Stage.FADING
