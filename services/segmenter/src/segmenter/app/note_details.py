"""Facts in full become details: each merges into what is known, and what changed is written."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from care.facts import (
    OrderState,
    ParcelState,
    ReviewState,
    merge_order,
    merge_review,
    merge_shipment,
)
from contracts.events import CustomerProfile, OrderFacts, Product, ReviewFacts, ShipmentFacts
from segmenter.domain.detail import KEPT
from segmenter.domain.standing import CustomerKey

Key: TypeAlias = tuple[str, ...]  # the shop, and the ids of what it is
Login: TypeAlias = tuple[str, str, datetime]

QUARTER: Final = timedelta(minutes=15)
S = TypeVar("S")


class Orders(Protocol):
    """What is needed of storage, inside one open transaction.

    What was loaded must still be so when it is saved; the store sees to it.
    """

    async def orders(self, keys: Collection[Key]) -> dict[Key, OrderState]: ...
    async def save_orders(self, orders: Mapping[Key, OrderState]) -> None: ...


class Parcels(Protocol):
    async def parcels(self, keys: Collection[Key]) -> dict[Key, ParcelState]: ...
    async def save_parcels(self, parcels: Mapping[Key, ParcelState]) -> None: ...


class Reviews(Protocol):
    async def reviews(self, keys: Collection[Key]) -> dict[Key, ReviewState]: ...
    async def save_reviews(self, reviews: Mapping[Key, ReviewState]) -> None: ...


class People(Protocol):
    async def add_logins(self, logins: Collection[Login]) -> None: ...
    async def forget(self, customers: Collection[CustomerKey]) -> None: ...


class Goods(Protocol):
    async def save_products(self, products: Sequence[Product]) -> None: ...
    async def drop_products(self, keys: Collection[Key]) -> None: ...


async def note_orders(store: Orders, facts: Sequence[OrderFacts]) -> set[CustomerKey]:
    """Merge *facts*; return whose orders changed: former owners too."""
    known = await store.orders({_order_key(fact) for fact in facts})
    after = _merged(known, facts, _order_key, lambda state, fact: merge_order(state, fact, KEPT))
    await store.save_orders(after)
    states = [*after.values(), *(known[key] for key in after if key in known)]
    return {(one.shop_id, one.customer_id) for one in states}


async def note_parcels(store: Parcels, facts: Sequence[ShipmentFacts]) -> set[Key]:
    """Merge *facts* but for the stations on the way; return the orders whose parcels changed."""
    known = await store.parcels({_parcel_key(fact) for fact in facts})
    narrow = [replace(fact, checkpoints=()) for fact in facts]
    after = _merged(known, narrow, _parcel_key, merge_shipment)
    await store.save_parcels(after)
    return {(one.shop_id, one.order_id) for one in after.values()}


async def note_reviews(store: Reviews, facts: Sequence[ReviewFacts]) -> set[CustomerKey]:
    """Merge *facts*; return whose reviews changed: former owners too."""
    known = await store.reviews({_review_key(fact) for fact in facts})
    after = _merged(known, facts, _review_key, merge_review)
    await store.save_reviews(after)
    states = [*after.values(), *(known[key] for key in after if key in known)]
    return {(one.shop_id, one.customer_id) for one in states}


async def note_people(
    store: People, profiles: Iterable[CustomerProfile], erased: Collection[CustomerKey]
) -> set[CustomerKey]:
    """Keep when people logged in, and forget who is *erased*; return of whom a login is told."""
    logins = {
        (one.shop_id, one.customer_id, quarter_of(one.last_login_at))
        for one in profiles
        if one.last_login_at is not None
    }
    await store.add_logins(sorted(logins))
    await store.forget(erased)
    return {(shop_id, customer_id) for shop_id, customer_id, _ in logins} - set(erased)


async def note_goods(store: Goods, products: Iterable[Product], gone: Collection[Key]) -> None:
    """Keep the newest of each product, and drop what is *gone*."""
    newest: dict[Key, Product] = {}
    for one in products:
        held = newest.get((one.shop_id, one.sku))
        if held is None or one.revision > held.revision:
            newest[one.shop_id, one.sku] = one
    await store.save_products([newest[key] for key in sorted(newest)])
    await store.drop_products(gone)


def quarter_of(at: datetime) -> datetime:
    """Return *at* cut to the quarter of an hour: in every zone that is on the same day."""
    over = timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
    return at - over


def _merged(
    known: Mapping[Key, S],
    facts: Iterable[Any],
    key_of: Callable[[Any], Key],
    merge: Callable[[S | None, Any], S],
) -> dict[Key, S]:
    """Return what *facts* change of the *known*."""
    after: dict[Key, S] = {}
    for fact in facts:
        key = key_of(fact)
        was = after.get(key) or known.get(key)
        now = merge(was, fact)
        if now is not was:
            after[key] = now
    return after


def _order_key(fact: OrderFacts) -> Key:
    return fact.shop_id, fact.order_id


def _parcel_key(fact: ShipmentFacts) -> Key:
    return fact.shop_id, fact.order_id, fact.parcel_id


def _review_key(fact: ReviewFacts) -> Key:
    return fact.shop_id, fact.review_id
