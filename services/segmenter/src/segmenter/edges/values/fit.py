"""From a shop's customers, those alike put together, to its model of value, or why it has none."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from segmenter.edges.values.fitting import (
    Floats,
    Groups,
    NoFit,
    calibration,
    fit_buying,
    fit_spending,
)
from segmenter.edges.values.wire import Model

LEAST_REPEATERS: Final = 100


class Alike:
    """Customers with the same repeats, days and money of repeats: five packed columns."""

    def __init__(self) -> None:
        self._columns = tuple(array("d") for _ in range(5))

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
            column.extend(values)

    @property
    def columns(self) -> tuple[Floats, ...]:
        """Return repeats, recency, age, money of repeats, customers."""
        return tuple(np.frombuffer(column, dtype=np.float64) for column in self._columns)


def fit(alike: Alike, every: int, deadline: float) -> Model:
    """Return the model of what customers did, found before *deadline* of the monotonic clock.

    Args:
        alike: Them; times in days, money in minor units.
        every: Every so many-th customer of the shop is among them.
        deadline: Who is not ready then has no fit.
    """
    repeats, recency, age, money, customers = alike.columns
    again = repeats > 0
    made = Model(
        "not_enough_data",
        customers=int(customers.sum()),
        repeaters=int(customers[again].sum()),
        needed=LEAST_REPEATERS,
        every=every,
    )
    if made.repeaters < LEAST_REPEATERS:
        return made
    groups = _merged(repeats, recency, age, customers)
    try:
        buying, likelihood = fit_buying(groups, deadline)
    except NoFit as error:
        return replace(made, state="no_fit", reason=str(error))
    made = replace(
        made,
        state="fitted",
        buying=buying,
        log_likelihood=likelihood,
        calibration=calibration(buying, groups),
    )
    mean = money[again] / repeats[again]
    try:
        spending, likelihood = fit_spending(repeats[again], mean, customers[again], deadline)
    except NoFit as error:
        return replace(made, spending_reason=str(error))
    return replace(made, spending=spending, spending_log_likelihood=likelihood)


def _merged(repeats: Floats, recency: Floats, age: Floats, customers: Floats) -> Groups:
    """Put together who differs by money alone: when somebody buys does not depend on it."""
    order = np.lexsort((age, recency, repeats))
    columns = [column[order] for column in (repeats, recency, age)]
    changes = np.any([np.diff(column) != 0 for column in columns], axis=0)
    first = np.flatnonzero(np.concatenate(([True], changes)))
    counts = np.add.reduceat(customers[order], first)
    return Groups(columns[0][first], columns[1][first], columns[2][first], counts)
