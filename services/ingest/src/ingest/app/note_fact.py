"""Registries: whose an order, a parcel or a cart is, and the facts that wait to hear it.

Whoever parks and whoever registers first takes the lock of the wait key; otherwise the one could
look before, and the other after, and both miss each other for ever.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeAlias

from contracts.events import CartFacts, OrderHome, ShipmentFacts
from ingest.domain.facts import (
    ByCart,
    ByFulfilment,
    ByOrder,
    ByParcel,
    Fact,
    FulfilledParcel,
    OrderRef,
    ParcelRef,
    Waiting,
    of_fulfilment,
    of_order,
    of_parcel,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Shop, and a wait key, an order's spelling, a number, a fulfilment or a cart.
ShopKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewOrder:
    shop_id: str
    ref: str
    owner: OrderRef


@dataclass(frozen=True, slots=True)
class NewParcel:
    shop_id: str
    number: str
    carrier: str | None
    owner: ParcelRef


@dataclass(frozen=True, slots=True)
class NewFulfilled:
    shop_id: str
    ref: str
    parcel: FulfilledParcel


@dataclass(frozen=True, slots=True)
class NewCart:
    shop_id: str
    token: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Parked:
    parked_id: int
    shop_id: str
    waiting: Waiting


class Refs(Protocol):
    async def lock(self, keys: Collection[ShopKey]) -> None: ...
    async def order_refs(self, refs: Collection[ShopKey]) -> Mapping[ShopKey, list[OrderRef]]: ...
    async def parcel_refs(
        self, numbers: Collection[ShopKey]
    ) -> Mapping[ShopKey, list[ParcelRef]]: ...
    async def fulfilled(
        self, refs: Collection[ShopKey]
    ) -> Mapping[ShopKey, list[FulfilledParcel]]: ...
    async def cart_owners(self, tokens: Collection[ShopKey]) -> Mapping[ShopKey, str]: ...
    async def parked(self, keys: Collection[ShopKey]) -> list[Parked]: ...
    async def unpark(self, parked_ids: Collection[int]) -> None: ...


class Settling(Refs, Protocol):
    async def park(self, shop_id: str, waiting: Sequence[Waiting]) -> None: ...


class Registering(Refs, Protocol):
    async def unknown_orders(self, orders: Collection[NewOrder]) -> list[NewOrder]: ...
    async def unknown_parcels(self, parcels: Collection[NewParcel]) -> list[NewParcel]: ...
    async def add_orders(self, orders: Collection[NewOrder]) -> None: ...
    async def add_parcels(self, parcels: Collection[NewParcel]) -> None: ...
    async def unknown_fulfilled(self, parcels: Collection[NewFulfilled]) -> list[NewFulfilled]: ...
    async def add_fulfilled(self, parcels: Collection[NewFulfilled]) -> None: ...
    async def unknown_carts(self, carts: Collection[NewCart]) -> list[NewCart]: ...
    async def add_carts(self, carts: Collection[NewCart]) -> None: ...
    async def send(self, facts: Sequence[Fact]) -> None: ...


async def settle(store: Settling, shop_id: str, waiting: Sequence[Waiting]) -> list[Fact]:
    """Return the facts whose owner is known; park the others."""
    known, rest = await _resolve(store, [(shop_id, one) for one in waiting])
    if rest:
        await store.lock({(shop_id, one.wait_key) for _, one in rest})
        late, rest = await _resolve(store, rest)
        known += late
        await _park(store, shop_id, [one for _, one in rest])
    return known


async def note_orders(store: Registering, facts: Iterable[OrderHome]) -> None:
    await register_orders(
        store,
        [
            NewOrder(fact.shop_id, fact.order_id, OrderRef(fact.order_id, fact.customer_id))
            for fact in facts
        ],
    )


async def register_orders(store: Registering, orders: Collection[NewOrder]) -> None:
    """Note spellings of orders that are new, and free what waits for them."""
    new = await store.unknown_orders(orders)
    if new:
        keys = {(one.shop_id, f"order:{one.ref}") for one in new}
        await store.lock(keys)
        await store.add_orders(new)
        await free(store, keys)


async def note_shipments(store: Registering, facts: Collection[ShipmentFacts]) -> None:
    new = await store.unknown_parcels({_parcel(fact) for fact in facts})
    fulfilled = await store.unknown_fulfilled(
        {
            NewFulfilled(
                fact.shop_id,
                fact.source_ref,
                FulfilledParcel(fact.parcel_id, fact.order_id, fact.customer_id),
            )
            for fact in facts
            if fact.source_ref is not None
        }
    )
    if new or fulfilled:
        keys = {(one.shop_id, f"parcel:{one.number}") for one in new}
        keys |= {(one.shop_id, f"fulfilment:{one.ref}") for one in fulfilled}
        await store.lock(keys)
        await store.add_parcels(new)
        await store.add_fulfilled(fulfilled)
        await free(store, keys)


async def note_carts(store: Registering, facts: Iterable[CartFacts]) -> None:
    new = await store.unknown_carts(
        [NewCart(fact.shop_id, fact.cart_id, fact.customer_id) for fact in facts]
    )
    if new:
        keys = {(one.shop_id, f"cart:{one.token}") for one in new}
        await store.lock(keys)
        await store.add_carts(new)
        await free(store, keys)


async def free(store: Registering, keys: Collection[ShopKey]) -> int:
    """Send what waits under *keys* and has an owner now; return how many pushes that were."""
    parked = await store.parked(keys)
    known, rest = await _resolve(store, [(one.shop_id, one.waiting) for one in parked])
    still = {id(waiting) for _, waiting in rest}
    gone = [one.parked_id for one in parked if id(one.waiting) not in still]
    await store.send(known)
    await store.unpark(gone)
    return len(gone)


async def _park(store: Settling, shop_id: str, waiting: Sequence[Waiting]) -> None:
    """Park them; of a cart only what was said last, for most visitors never give a name."""
    keys = {(shop_id, one.wait_key) for one in waiting if isinstance(one, ByCart)}
    before = await store.parked(keys) if keys else []
    last_us: dict[str, int] = {}
    for cart in (*(one.waiting for one in before), *waiting):
        if isinstance(cart, ByCart):
            last_us[cart.token] = max(cart.fact.version_us, last_us.get(cart.token, 0))

    def is_last(one: Waiting) -> bool:
        return not isinstance(one, ByCart) or one.fact.version_us == last_us[one.token]

    await store.park(shop_id, [one for one in waiting if is_last(one)])
    await store.unpark([one.parked_id for one in before if not is_last(one.waiting)])


async def _resolve(
    store: Refs, waiting: Sequence[tuple[str, Waiting]]
) -> tuple[list[Fact], list[tuple[str, Waiting]]]:
    orders = await store.order_refs(
        {
            (shop_id, one.ref)
            for shop_id, one in waiting
            if isinstance(one, ByOrder | ByParcel) and one.ref is not None
        }
    )
    parcels = await store.parcel_refs(
        {(shop_id, one.number) for shop_id, one in waiting if isinstance(one, ByParcel)}
    )
    fulfilled = await store.fulfilled(
        {(shop_id, one.ref) for shop_id, one in waiting if isinstance(one, ByFulfilment)}
    )
    carts = await store.cart_owners(
        {(shop_id, one.token) for shop_id, one in waiting if isinstance(one, ByCart)}
    )
    known: list[Fact] = []
    rest: list[tuple[str, Waiting]] = []
    for shop_id, one in waiting:
        found: list[Fact] = []
        match one:
            case ByOrder():
                owned = of_order(one.fact, orders.get((shop_id, one.ref), []))
                found = [] if owned is None else [owned]
            case ByParcel():
                found = [*of_parcel(one.fact, parcels.get((shop_id, one.number), []))]
                if not found and one.ref is not None:
                    owned = of_order(one.fact, orders.get((shop_id, one.ref), []))
                    found = [] if owned is None else [owned]
            case ByFulfilment():
                found = [*of_fulfilment(one.fact, fulfilled.get((shop_id, one.ref), []))]
            case ByCart():
                owner = carts.get((shop_id, one.token))
                found = [] if owner is None else [replace(one.fact, customer_id=owner)]
        known += found
        if not found:
            rest.append((shop_id, one))
    return known, rest


def _parcel(fact: ShipmentFacts) -> NewParcel:
    said_at = EPOCH + timedelta(microseconds=fact.version_us)
    owner = ParcelRef(fact.order_id, fact.customer_id, said_at)
    return NewParcel(fact.shop_id, fact.number or fact.parcel_id, fact.carrier, owner)
