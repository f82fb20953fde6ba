"""Cohorts: customers by the month of their first purchase, and what they bought in each month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, Protocol

MOST_MONTHS: Final = 60
MONTHS_A_YEAR: Final = 12


class Bought(NamedTuple):
    """What a cohort's customers bought in a month, and how many of them did."""

    customers: int = 0
    orders: int = 0
    monetary_minor: int = 0


@dataclass(frozen=True, slots=True)
class Cohort:
    month: date  # its first day
    customers: int
    months: Sequence[Bought]  # from that month to the last, those without orders too


class Store(Protocol):
    """What this needs from storage, inside one open transaction that sees one shop."""

    async def bought_by_cohort(
        self, first: date, as_of: date
    ) -> Mapping[tuple[date, date], Bought]: ...


async def view_cohorts(store: Store, as_of: date, months: int) -> list[Cohort]:
    """Return the cohorts of the *months* up to that of *as_of*, oldest first."""
    last = _number(as_of)
    firsts = [_month(number) for number in range(last - months + 1, last + 1)]
    found = await store.bought_by_cohort(firsts[0], as_of)
    return [
        Cohort(
            first,
            found.get((first, first), Bought()).customers,  # all bought in their first month
            [
                found.get((first, _month(number)), Bought())
                for number in range(_number(first), last + 1)
            ],
        )
        for first in firsts
    ]


def _number(day: date) -> int:
    return day.year * MONTHS_A_YEAR + day.month - 1


def _month(number: int) -> date:
    return date(number // MONTHS_A_YEAR, number % MONTHS_A_YEAR + 1, 1)
