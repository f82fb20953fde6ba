"""A batch of order facts, folded one by one: how far the batch reaches must not show in the result.

Two passes, so that storage is asked for whole sets: facts into orders, then the steps that these
took into standings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from care.facts import OrderState, merge_order
from contracts.events import OrderFacts, SegmentChanged
from segmenter.domain.rfm import Purchase, Tally, grow, purchase_of, tally
from segmenter.domain.standing import UNSEEN, CustomerKey, ShopDay, Standing, is_stale, move

OrderKey: TypeAlias = tuple[str, str]  # shop, order
Purchases: TypeAlias = Mapping[str, Purchase]  # of one customer, by order


@dataclass(frozen=True, slots=True)
class Held:
    """An order as it is kept: all that is known of it, and what it counts for."""

    order: OrderState
    purchase: Purchase | None


@dataclass(frozen=True, slots=True)
class Step:
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
    known: Mapping[OrderKey, Held], facts: Iterable[OrderFacts], shops: Mapping[str, ShopDay]
) -> tuple[dict[OrderKey, Held], list[Step]]:
    """Merge *facts* into the *known* orders; return those that changed, and the steps in order.

    Every fact makes its customer known, even one that brings nothing new. An order whose facts
    name two customers counts for the one that its newest fact names.
    """
    changed: dict[OrderKey, Held] = {}
    steps: list[Step] = []
    for fact in facts:
        shop, key = shops[fact.shop_id], (fact.shop_id, fact.order_id)
        was = changed.get(key) or known.get(key)
        order = merge_order(None if was is None else was.order, fact)
        if was is not None and order is was.order:
            steps.append(Step((fact.shop_id, fact.customer_id), fact.order_id, None, None))
            continue
        now = Held(order, purchase_of(order, zone=shop.zone, currency=shop.currency))
        changed[key] = now
        steps.extend(_steps(fact, was, now))
    return changed, steps


def incomplete(
    steps: Iterable[Step], standings: Mapping[CustomerKey, Standing], shops: Mapping[str, ShopDay]
) -> set[CustomerKey]:
    """Return the customers whose tally cannot grow but must be added up from all purchases."""
    return {
        step.customer
        for step in steps
        if (step.before is not None and step.before != step.after)
        or is_stale(standings.get(step.customer, UNSEEN), shops[step.customer[0]].day)
    }


def advance(
    steps: Sequence[Step],
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
    outcome = Outcome()
    books = {customer: dict(held) for customer, held in purchases.items()}
    for step in steps:
        customer, shop = step.customer, shops[step.customer[0]]
        stored = standings.get(customer)
        before = outcome.standings.get(customer) or stored or UNSEEN
        after, change = move(customer, before, _total(step, before, books, shop), shop)
        # A purchase that moved is written even where the tally stays equal: whoever read the
        # customer's purchases meanwhile must notice.
        if after != before or stored is None or step.before != step.after:
            outcome.standings[customer] = after
        if change is not None:
            outcome.changes.append(change)
    return outcome


def _steps(fact: OrderFacts, was: Held | None, now: Held) -> list[Step]:
    owner, before = now.order.customer_id, None if was is None else was.purchase
    former = owner if was is None else was.order.customer_id
    customers = dict.fromkeys((former, owner, fact.customer_id))
    return [
        Step(
            (fact.shop_id, customer),
            fact.order_id,
            before if customer == former else None,
            now.purchase if customer == owner else None,
        )
        for customer in customers
    ]


def _total(
    step: Step, before: Standing, books: Mapping[CustomerKey, dict[str, Purchase]], shop: ShopDay
) -> Tally:
    book = books.get(step.customer)
    if book is not None:
        if step.after is not None:
            book[step.order_id] = step.after
        elif step.before is not None:
            book.pop(step.order_id, None)  # gone already: then the save finds out, and we try again
        return tally(book.values(), shop.day)
    if step.after is None or step.after == step.before:
        return before.total
    return grow(before.total, step.after, shop.day)
