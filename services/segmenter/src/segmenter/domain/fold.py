"""A batch of order facts, folded one by one: how far the batch reaches must not show in the result.

Two passes, so that storage is asked for whole sets: facts into orders, then the steps that these
took into standings. The second goes customer by customer, for nobody's standing depends on others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from care.facts import MONEY, OrderState, merge_order
from contracts.events import OrderFacts, OrderMoney, SegmentChanged
from segmenter.domain.rfm import Purchase, Tally, amend, grow, purchase_of, tally
from segmenter.domain.standing import UNSEEN, CustomerKey, ShopDay, Standing, is_stale, walk

Fact: TypeAlias = OrderMoney | OrderFacts
OrderKey: TypeAlias = tuple[str, str]  # shop, order
Purchases: TypeAlias = Mapping[str, Purchase]  # of one customer, by order


class Held(NamedTuple):
    """An order as it is kept: what is known of its money, and what it counts for."""

    order: OrderState
    purchase: Purchase | None


class Step(NamedTuple):
    """What one fact did to one customer's purchases; nothing, when the two are equal."""

    customer: CustomerKey
    order_id: str
    before: Purchase | None
    after: Purchase | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch leaves: the standings to write, the changes to announce, in order."""

    standings: dict[CustomerKey, Standing] = field(default_factory=dict)
    changes: list[SegmentChanged] = field(default_factory=list)


def absorb(
    known: Mapping[OrderKey, Held], facts: Iterable[Fact], shops: Mapping[str, ShopDay]
) -> tuple[dict[OrderKey, Held], list[Step]]:
    """Merge *facts* into the *known* orders; return those that changed, and the steps in order.

    Every fact makes its customer known, even one that brings nothing new. An order whose facts
    name two customers counts for the one that its newest fact names.
    """
    changed: dict[OrderKey, Held] = {}
    steps: list[Step] = []
    for fact in facts:
        shop_id, order_id = fact.shop_id, fact.order_id
        shop, key = shops[shop_id], (shop_id, order_id)
        was = changed.get(key) or known.get(key)
        order = merge_order(None if was is None else was.order, fact, MONEY)
        if was is not None and order is was.order:
            steps.append(Step((shop_id, fact.customer_id), order_id, None, None))
            continue
        now = Held(order, purchase_of(order, zone=shop.zone, currency=shop.currency))
        changed[key] = now
        if was is None:
            steps.append(Step((shop_id, fact.customer_id), order_id, None, now.purchase))
        else:
            steps.extend(_steps(fact, was, now))
    return changed, steps


def incomplete(
    steps: Iterable[Step], standings: Mapping[CustomerKey, Standing], shops: Mapping[str, ShopDay]
) -> set[CustomerKey]:
    """Return the customers whose tally cannot grow but must be added up from all purchases."""
    concerned = {step.customer for step in steps}
    moved = {step.customer for step in steps if _has_moved(step)}
    return moved | {
        customer
        for customer in concerned
        if (standing := standings.get(customer)) is not None
        and is_stale(standing, shops[customer[0]].day)
    }


def advance(
    steps: Iterable[Step],
    standings: Mapping[CustomerKey, Standing],
    purchases: Mapping[CustomerKey, Purchases],
    shops: Mapping[str, ShopDay],
) -> Outcome:
    """Take the *steps* one by one from the stored *standings*.

    Args:
        steps: From `absorb`.
        standings: As stored; who is missing is unseen.
        purchases: As stored, of those that `incomplete` names.
        shops: Of all customers concerned.
    """
    paths: dict[CustomerKey, list[tuple[int, Step]]] = {}
    for number, step in enumerate(steps):
        paths.setdefault(step.customer, []).append((number, step))
    outcome = Outcome()
    changes: list[tuple[int, SegmentChanged]] = []
    for customer, path in paths.items():
        shop, stored = shops[customer[0]], standings.get(customer)
        before = stored or UNSEEN
        taken = [step for _, step in path]
        totals = _totals(taken, before.total, purchases.get(customer), shop)
        after, moves = walk(customer, before, totals, shop)
        # A purchase that moved is written even where the tally stays equal: whoever read the
        # customer's purchases meanwhile must notice.
        if after != stored or any(step.before != step.after for step in taken):
            outcome.standings[customer] = after
        changes += [(path[number][0], change) for number, change in moves]
    changes.sort(key=itemgetter(0))
    outcome.changes.extend(change for _, change in changes)
    return outcome


def _steps(fact: Fact, was: Held, now: Held) -> list[Step]:
    former, owner = was.order.customer_id, now.order.customer_id
    customers = dict.fromkeys((former, owner, fact.customer_id))
    return [
        Step(
            (fact.shop_id, customer),
            fact.order_id,
            was.purchase if customer == former else None,
            now.purchase if customer == owner else None,
        )
        for customer in customers
    ]


def _totals(
    steps: Sequence[Step], total: Tally, purchases: Purchases | None, shop: ShopDay
) -> Iterator[Tally]:
    """Return the tally after each step: grown, or added up where all purchases are at hand."""
    return _grown(steps, total, shop) if purchases is None else _added(steps, purchases, shop)


def _grown(steps: Iterable[Step], total: Tally, shop: ShopDay) -> Iterator[Tally]:
    for step in steps:
        total = _next(total, step, shop)
        yield total


def _added(steps: Iterable[Step], purchases: Purchases, shop: ShopDay) -> Iterator[Tally]:
    book = dict(purchases)
    total: Tally | None = None
    for step in steps:
        if step.after is not None:
            book[step.order_id] = step.after
        elif step.before is not None:
            book.pop(step.order_id, None)  # gone already: then the save finds out, and we try again
        if total is None or _has_moved(step):
            total = tally(book.values(), shop.day)
        else:
            total = _next(total, step, shop)
        yield total


def _next(total: Tally, step: Step, shop: ShopDay) -> Tally:
    if step.after is None or step.after == step.before:
        return total
    if step.before is None:
        return grow(total, step.after, shop.day)
    return amend(total, step.before, step.after, shop.day)


def _has_moved(step: Step) -> bool:
    """Tell whether a purchase went away or to another day: then days must be looked for anew."""
    before, after = step.before, step.after
    return before is not None and (after is None or after.day != before.day)
