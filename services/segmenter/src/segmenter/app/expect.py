"""Who is expected to need which item again, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from segmenter.domain.replenish import Bought, Cycle, cycle_of, expected_next


class Place(NamedTuple):
    """Of a row in the list, which is sorted by it."""

    expected_day: date
    customer_id: str
    sku: str


@dataclass(frozen=True, slots=True)
class LastPurchase:
    """A customer's last purchase of an item that gets used up, by what is known of how long."""

    customer_id: str
    sku: str
    title: str
    in_stock: bool
    bought: Bought
    cycle_days: int | None
    gaps: int
    gap_days: int | None


@dataclass(frozen=True, slots=True)
class Expected:
    last: LastPurchase
    cycle: Cycle
    day: date

    @property
    def place(self) -> Place:
        return Place(self.day, self.last.customer_id, self.last.sku)


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction that sees one shop.

    Without purchases that were ended: refunded, or followed by one of a substitute.
    """

    async def last_purchases_of(self, customer_id: str) -> list[LastPurchase]: ...

    # Those used up in [opens, closes) and behind *after*, in the order of their places.
    async def last_purchases(
        self, opens: date, closes: date, after: Place, limit: int
    ) -> list[LastPurchase]: ...


async def expect_of(store: Store, customer_id: str) -> Sequence[Expected]:
    """Return all next purchases expected of one customer, the soonest first."""
    return sorted(_expected(await store.last_purchases_of(customer_id)), key=lambda one: one.place)


async def expect(
    store: Store, opens: date, closes: date, after: Place, limit: int
) -> Sequence[Expected]:
    """Return the next purchases expected in [*opens*, *closes*), behind *after*."""
    return _expected(await store.last_purchases(opens, closes, after, limit))


def _expected(found: Sequence[LastPurchase]) -> list[Expected]:
    made: list[Expected] = []
    for last in found:
        cycle = cycle_of(last.cycle_days, last.gaps, last.gap_days)
        day = None if cycle is None else expected_next(last.bought, cycle)
        if cycle is not None and day is not None:
            made.append(Expected(last, cycle, day))
    return made
