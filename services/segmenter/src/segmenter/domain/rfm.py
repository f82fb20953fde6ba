"""Rolling RFM: what an order counts for, and what a customer's orders add up to over days.

Pure. All days are the shop's. Late, repeated and shuffled facts give the same answer, for a
tally is a sum over a set.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from care.calendar import Days, day_of_us
from care.calendar import zone as zone_of
from care.facts import MONEY, OrderState, merge_order
from contracts.events import OrderFacts, OrderMoney

Fact: TypeAlias = OrderMoney | OrderFacts


class Purchase(NamedTuple):  # like all that is made per fact: a third of a dataclass's time
    """A counted order: the day on which it was paid in full, its money less refunds."""

    day: date
    net_minor: int


class Tally(NamedTuple):
    """One customer's purchases up to a day, over the whole life."""

    frequency: int = 0
    monetary_minor: int = 0
    first_day: date | None = None
    last_day: date | None = None
    next_day: date | None = None  # the first paid day after that day: known, not counted yet


class DaySum(NamedTuple):
    """One day's purchases of one customer."""

    day: date
    orders: int
    net_minor: int


NOTHING: Final = Tally()


@dataclass(frozen=True, slots=True)
class Rfm:
    recency_days: int | None
    frequency: int
    monetary_minor: int


def purchase_of(order: OrderState, *, zone: str, currency: str) -> Purchase | None:
    """Return what *order* counts for in a shop of this *zone* and *currency*; None for nothing."""
    counted = order.counts_for(currency)
    if counted is None:
        return None
    paid_us, net_minor = counted
    return Purchase(day_of_us(paid_us, zone_of(zone)), net_minor)


def first_purchase(fact: Fact, days: Days, currency: str) -> Purchase | None:
    """Return `purchase_of` an order of which *fact* is all that is known; most are such.

    Args:
        fact: What is known.
        days: Of the shop's zone.
        currency: The shop's.
    """
    if fact.refunds or fact.cancelled_at is not None:
        return purchase_of(merge_order(None, fact, MONEY), zone=days.zone, currency=currency)
    paid_at, total_minor = fact.paid_at, fact.total_minor
    if paid_at is None or total_minor is None or fact.currency != currency or fact.is_test:
        return None
    if total_minor <= 0:
        return None
    return tuple.__new__(Purchase, (days.of(paid_at), total_minor))  # half the price of Purchase()


def grow(total: Tally, purchase: Purchase, as_of: date) -> Tally:
    """Return *total*, which is of *as_of*, with one purchase more."""
    day, first, last, coming = purchase.day, total.first_day, total.last_day, total.next_day
    if day > as_of:
        coming = day if coming is None else min(coming, day)
        return Tally(total.frequency, total.monetary_minor, first, last, coming)
    if first is None or day < first:
        first = day
    if last is None or day > last:
        last = day
    money_minor = total.monetary_minor + purchase.net_minor
    return tuple.__new__(Tally, (total.frequency + 1, money_minor, first, last, coming))


def amend(total: Tally, before: Purchase, after: Purchase, as_of: date) -> Tally:
    """Return *total*, which is of *as_of*, with one purchase worth something else on its day."""
    if after.day > as_of:
        return total
    return total._replace(monetary_minor=total.monetary_minor - before.net_minor + after.net_minor)


def recency(last_day: date | None, as_of: date) -> int | None:
    """Return the days from the last purchase to *as_of*; the same day is 0."""
    return None if last_day is None else (as_of - last_day).days
