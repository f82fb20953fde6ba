"""Merge what happened into what is known, and let the rules begin or stop what follows from it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from care.facts import (
    OrderState,
    ParcelState,
    ReviewState,
    merge_order,
    merge_review,
    merge_shipment,
)
from care_triggers.app import settle
from care_triggers.domain import bad_review, shipped, unpaid_first
from care_triggers.domain.course import Effect, Instance, Step, Steps, pursue, pursue_task
from care_triggers.domain.rulebook import Rulebook
from contracts.events import OrderFacts, ReviewFacts, ShipmentFacts

S = TypeVar("S")
Key: TypeAlias = tuple[str, str]  # the shop, and the id inside it


@dataclass(frozen=True, slots=True)
class Case(Generic[S]):
    """What is known of one order, parcel or review, and what was done about it."""

    state: S
    steps: Steps = field(default_factory=dict)


Orders: TypeAlias = Mapping[Key, Case[OrderState]]
Parcels: TypeAlias = Mapping[Key, Case[ParcelState]]
Reviews: TypeAlias = Mapping[Key, Case[ReviewState]]


class Store(settle.Store, Protocol):
    """Inside one open transaction. `lock_` waits for the rows and keeps them to its end."""

    async def rules(self, shops: Collection[str]) -> Rulebook: ...
    async def lock_orders(self, orders: Collection[Key]) -> dict[Key, Case[OrderState]]: ...
    async def lock_open_orders(self, customers: Collection[Key]) -> dict[Key, Case[OrderState]]:
        """Return the customers' orders for which something waits or is planned."""

    async def save_orders(self, orders: Orders) -> None: ...
    async def peek_orders(self, orders: Collection[Key]) -> dict[Key, OrderState]: ...
    async def lock_parcels(self, parcels: Collection[Key]) -> dict[Key, Case[ParcelState]]: ...
    async def lock_parcels_of(self, orders: Collection[Key]) -> dict[Key, Case[ParcelState]]: ...
    async def save_parcels(self, parcels: Parcels) -> None: ...
    async def lock_reviews(self, reviews: Collection[Key]) -> dict[Key, Case[ReviewState]]: ...
    async def save_reviews(self, reviews: Reviews) -> None: ...


async def note_orders(store: Store, facts: Sequence[OrderFacts], now: datetime) -> None:
    """Merge the facts of orders; a payment cancels and recalls here and now."""
    if not facts:
        return
    before = await store.lock_orders({(fact.shop_id, fact.order_id) for fact in facts})
    cases = dict(before)
    for fact in facts:
        key = (fact.shop_id, fact.order_id)
        case = cases.get(key)
        state = merge_order(case.state if case else None, fact)
        cases[key] = Case(state) if case is None else replace(case, state=state)
    paid = _news(before, cases, lambda state: state.paid_at is not None)
    refunded = _news(before, cases, lambda state: state.is_fully_refunded)
    others = await store.lock_open_orders({(one.shop_id, one.customer_id) for one in paid})
    cases = {**others, **cases}
    book = await store.rules({shop_id for shop_id, _ in cases})

    effects: list[Effect] = []
    after = {key: _follow_order(case, paid, book, now, effects) for key, case in cases.items()}
    await store.save_orders(_changed({**others, **before}, after))

    parcels = await store.lock_parcels_of({(one.shop_id, one.order_id) for one in refunded})
    orders = {key: case.state for key, case in after.items()}
    told = {key: _follow_parcel(case, orders, book, now, effects) for key, case in parcels.items()}
    await store.save_parcels(_changed(parcels, told))
    await settle.settle(store, effects, now)


async def note_parcels(store: Store, facts: Sequence[ShipmentFacts], now: datetime) -> None:
    if not facts:
        return
    before = await store.lock_parcels({(fact.shop_id, fact.parcel_id) for fact in facts})
    cases = dict(before)
    for fact in facts:
        key = (fact.shop_id, fact.parcel_id)
        case = cases.get(key)
        state = merge_shipment(case.state if case else None, fact)
        cases[key] = Case(state) if case is None else replace(case, state=state)
    orders = await store.peek_orders(
        {(case.state.shop_id, case.state.order_id) for case in cases.values()}
    )
    book = await store.rules({shop_id for shop_id, _ in cases})
    effects: list[Effect] = []
    after = {key: _follow_parcel(case, orders, book, now, effects) for key, case in cases.items()}
    await store.save_parcels(_changed(before, after))
    await settle.settle(store, effects, now)


async def note_reviews(store: Store, facts: Sequence[ReviewFacts], now: datetime) -> None:
    if not facts:
        return
    before = await store.lock_reviews({(fact.shop_id, fact.review_id) for fact in facts})
    cases = dict(before)
    for fact in facts:
        key = (fact.shop_id, fact.review_id)
        case = cases.get(key)
        state = merge_review(case.state if case else None, fact)
        cases[key] = Case(state) if case is None else replace(case, state=state)
    book = await store.rules({shop_id for shop_id, _ in cases})
    effects: list[Effect] = []
    after = {key: _follow_review(case, book, now, effects) for key, case in cases.items()}
    await store.save_reviews(_changed(before, after))
    await settle.settle(store, effects, now)


def _follow_order(
    case: Case[OrderState],
    paid: Sequence[OrderState],
    book: Rulebook,
    now: datetime,
    effects: list[Effect],
) -> Case[OrderState]:
    order = case.state
    paid_later = [one for one in paid if one.customer_id == order.customer_id]
    steps = dict(case.steps)
    for rule, step in book.following(order.shop_id, unpaid_first.KIND, case.steps):
        instance = Instance(
            order.shop_id,
            order.customer_id,
            rule,
            order_id=order.order_id,
            facts=_instants(order, "placed_at", "paid_at", "paid_hint_at", "cancelled_at"),
        )
        wish = unpaid_first.wish(order, rule, paid_later)
        _keep(steps, rule.rule_id, pursue(instance, step, wish, now), effects)
    return replace(case, steps=steps)


def _follow_parcel(
    case: Case[ParcelState],
    orders: Mapping[Key, OrderState],
    book: Rulebook,
    now: datetime,
    effects: list[Effect],
) -> Case[ParcelState]:
    parcel = case.state
    order = orders.get((parcel.shop_id, parcel.order_id))
    steps = dict(case.steps)
    for rule, step in book.following(parcel.shop_id, shipped.KIND, case.steps):
        instance = Instance(
            parcel.shop_id,
            parcel.customer_id,
            rule,
            order_id=parcel.order_id,
            parcel_id=parcel.parcel_id,
            facts=_instants(parcel, "handed_over_at", "signed_at", "returned_at"),
        )
        wish = shipped.wish(parcel, order, rule)
        _keep(steps, rule.rule_id, pursue(instance, step, wish, now), effects)
    return replace(case, steps=steps)


def _follow_review(
    case: Case[ReviewState], book: Rulebook, now: datetime, effects: list[Effect]
) -> Case[ReviewState]:
    review = case.state
    steps = dict(case.steps)
    facts = {**_instants(review, "reviewed_at", "withdrawn_at"), "rating": review.rating}
    for suffix, go in (("", pursue), ("/task", pursue_task)):
        for rule, step in book.following(review.shop_id, bad_review.KIND, case.steps, suffix):
            instance = Instance(
                review.shop_id,
                review.customer_id,
                rule,
                order_id=review.order_id,
                review_id=review.review_id,
                facts=facts,
            )
            wish = bad_review.wish(review, rule)
            _keep(steps, rule.rule_id + suffix, go(instance, step, wish, now), effects)
    return replace(case, steps=steps)


def _keep(
    steps: dict[str, Step],
    name: str,
    course: tuple[Step | None, list[Effect]],
    effects: list[Effect],
) -> None:
    step, asked = course
    if step is not None:
        steps[name] = step
    effects.extend(asked)


def _news(before: Orders, after: Orders, holds: Callable[[OrderState], bool]) -> list[OrderState]:
    """Return the orders of which *holds* has become true."""
    return [
        case.state
        for key, case in after.items()
        if holds(case.state) and not (key in before and holds(before[key].state))
    ]


def _changed(before: Mapping[Key, Case[S]], after: Mapping[Key, Case[S]]) -> dict[Key, Case[S]]:
    return {
        key: case
        for key, case in after.items()
        if key not in before
        or case.state is not before[key].state
        or case.steps != before[key].steps
    }


def _instants(state: object, *names: str) -> dict[str, Any]:
    known = {name: getattr(state, name) for name in names}
    return {name: at.isoformat() for name, at in known.items() if at is not None}
