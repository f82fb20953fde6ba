"""A batch of order facts, folded one by one: how far the batch reaches must not show in the result.

Two passes, so that storage is asked for whole sets: facts into orders, then the steps that these
took into standings. The second goes customer by customer, for nobody's standing depends on others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from care.calendar import Days
from care.facts import MONEY, OrderState, merge_order
from contracts.events import SegmentChanged
from segmenter.domain.book import Book
from segmenter.domain.rfm import (
    DaySum,
    Fact,
    Purchase,
    Tally,
    amend,
    first_purchase,
    grow,
    purchase_of,
)
from segmenter.domain.standing import UNSEEN, CustomerKey, ShopDay, Standing, is_stale, walk

OrderKey: TypeAlias = tuple[str, str]  # shop, order
Sums: TypeAlias = Sequence[DaySum]  # of one customer, each of a day of its own
Survivors: TypeAlias = Mapping[CustomerKey, str]  # under whose id others count


MOST_STEPS: Final = 3  # of one fact: who had the order, who has it, who is named


class Held(NamedTuple):
    """An order as it is kept: what is known of its money, and what it counts for.

    An order of which one fact is known is that fact: few are ever looked at again.
    """

    order: OrderState | Fact
    purchase: Purchase | None
    owner_id: str | None = None  # who it counts for, where that is not whom the order names


class Step(NamedTuple):
    """What one fact did to one customer's purchases; nothing, when the two are equal."""

    number: int  # its place among the batch's steps
    before: Purchase | None
    after: Purchase | None


NOBODY_ELSE: Final[Survivors] = MappingProxyType({})

Paths: TypeAlias = dict[CustomerKey, list[Step]]


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What facts made of orders.

    Args:
        orders: Those that changed.
        paths: The steps of all customers concerned, each in order.
        moved: Customers of whom a purchase went away or to another day.
    """

    orders: dict[OrderKey, Held] = field(default_factory=dict)
    paths: Paths = field(default_factory=dict)
    moved: set[CustomerKey] = field(default_factory=set)

    def step(self, customer: CustomerKey, step: Step) -> None:
        self.paths.setdefault(customer, []).append(step)
        if _has_moved(step):
            self.moved.add(customer)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch leaves: the standings to write, the changes to announce, in order."""

    standings: dict[CustomerKey, Standing] = field(default_factory=dict)
    changes: list[SegmentChanged] = field(default_factory=list)


def state_of(held: Held) -> OrderState:
    order = held.order
    return order if isinstance(order, OrderState) else merge_order(None, order, MONEY)


def absorb(
    known: Mapping[OrderKey, Held],
    facts: Iterable[Fact],
    shops: Mapping[str, ShopDay],
    survivors: Survivors = NOBODY_ELSE,
) -> Absorbed:
    """Merge *facts* into the *known* orders.

    Every fact makes its customer known, even one that brings nothing new. An order whose facts
    name two customers counts for the one that its newest fact names, or for that one's survivor.
    """
    done = Absorbed()
    changed, paths = done.orders, done.paths
    days = {shop.zone: Days(shop.zone) for shop in shops.values()}
    new = tuple.__new__  # what Held() and Step() come to, at half the price
    for number, fact in zip(count(step=MOST_STEPS), facts, strict=False):
        shop_id, order_id = fact.shop_id, fact.order_id
        key = (shop_id, order_id)
        was = changed.get(key) or known.get(key)
        if was is not None:
            _merge(done, number, fact, was, shops[shop_id], survivors)
            continue
        shop, customer, owner_id = shops[shop_id], (shop_id, fact.customer_id), None
        if customer in survivors:
            owner_id = survivors[customer]
            customer = (shop_id, owner_id)
        purchase = first_purchase(fact, days[shop.zone], shop.currency)
        changed[key] = new(Held, (fact, purchase, owner_id))
        step = new(Step, (number, None, purchase))
        path = paths.get(customer)
        if path is None:
            paths[customer] = [step]
        else:
            path.append(step)
    return done


def _merge(
    done: Absorbed, number: int, fact: Fact, was: Held, shop: ShopDay, survivors: Survivors
) -> None:
    shop_id = fact.shop_id
    named = survivors.get((shop_id, fact.customer_id), fact.customer_id)
    before = state_of(was)
    order = merge_order(before, fact, MONEY)
    if order is before:
        done.step((shop_id, named), Step(number, None, None))
        return
    owner_id = survivors.get((shop_id, order.customer_id))
    now = Held(order, purchase_of(order, zone=shop.zone, currency=shop.currency), owner_id)
    done.orders[shop_id, fact.order_id] = now
    former, owner = was.owner_id or before.customer_id, owner_id or order.customer_id
    for place, customer in enumerate(dict.fromkeys((former, owner, named)), start=number):
        step = Step(
            place,
            was.purchase if customer == former else None,
            now.purchase if customer == owner else None,
        )
        done.step((shop_id, customer), step)


def incomplete(
    absorbed: Absorbed, standings: Mapping[CustomerKey, Standing], shops: Mapping[str, ShopDay]
) -> set[CustomerKey]:
    """Return the customers whose tally cannot grow but must be added up from their days."""
    return absorbed.moved | {
        customer
        for customer in absorbed.paths
        if (standing := standings.get(customer)) is not None
        and is_stale(standing, shops[customer[0]].day)
    }


def advance(
    paths: Paths,
    standings: Mapping[CustomerKey, Standing],
    sums: Mapping[CustomerKey, Sums],
    shops: Mapping[str, ShopDay],
) -> Outcome:
    """Take the steps of the *paths* one by one from the stored *standings*.

    Args:
        paths: From `absorb`.
        standings: As stored; who is missing is unseen.
        sums: Of the purchases as stored, of those that `incomplete` names.
        shops: Of all customers concerned.
    """
    outcome = Outcome()
    changes: list[tuple[int, SegmentChanged]] = []
    for customer, steps in paths.items():
        shop, stored = shops[customer[0]], standings.get(customer)
        before = stored or UNSEEN
        totals = _totals(steps, before.total, sums.get(customer), shop)
        after, moves = walk(customer, before, totals, shop)
        # A purchase that moved is written even where the tally stays equal: whoever read the
        # customer's purchases meanwhile must notice.
        if after != stored or any(step.before != step.after for step in steps):
            outcome.standings[customer] = after
        changes += [(steps[number].number, change) for number, change in moves]
    changes.sort(key=itemgetter(0))
    outcome.changes.extend(change for _, change in changes)
    return outcome


def _totals(
    steps: Sequence[Step], total: Tally, sums: Sums | None, shop: ShopDay
) -> Iterator[Tally]:
    """Return the tally after each step: grown, or added up where all days are at hand."""
    return _grown(steps, total, shop) if sums is None else _added(steps, Book(sums), shop)


def _grown(steps: Iterable[Step], total: Tally, shop: ShopDay) -> Iterator[Tally]:
    day = shop.day
    for _, before, after in steps:
        if before is None and after is not None:
            total = grow(total, after, day)
        elif before is not None and after is not None:
            total = amend(total, before, after, day)
        yield total


def _added(steps: Iterable[Step], book: Book, shop: ShopDay) -> Iterator[Tally]:
    for _, before, after in steps:
        if before is not None:
            book.take(before)
        if after is not None:
            book.put(after)
        yield book.tally(shop.day)


def _has_moved(step: Step) -> bool:
    """Tell whether a purchase went away or to another day: then days must be looked for anew."""
    before, after = step.before, step.after
    return before is not None and (after is None or after.day != before.day)
