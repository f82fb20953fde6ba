"""The registries in Postgres: whose an order, parcel or cart is, and what waits to hear it."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec, topics
from contracts.events import CartFacts, ShipmentFacts
from ingest.app.note_fact import NewCart, NewFulfilled, NewOrder, NewParcel, Parked, ShopKey
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
)
from ingest.edges.tables import cart_ref, fulfilment_ref, parcel_ref, parked
from plumbing import arrays, outbox, trace
from plumbing.records import OutRecord, place

SOURCE: Final = "ingest"
LOCKS: Final = 0x4875  # the first half of our advisory locks' keys
BUCKETS: Final = 256  # a batch may register hundreds of keys; the server's lock table is finite

_LOCK = text(
    """
    select pg_advisory_xact_lock(:space, k)
    from unnest(cast(cast(:buckets as text) as int[])) as k
    """
)
_ORDERS = text(
    """
    select o.shop_id, o.ref, o.order_id, o.customer_id
    from order_ref o
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:refs as text) as text[]))
         as asked(shop_id, ref)
      on o.shop_id = asked.shop_id and o.ref = asked.ref
    """
)
_ADD_ORDERS = text(
    """
    insert into order_ref (shop_id, ref, order_id, customer_id)
    select * from unnest(cast(cast(:shops as text) as text[]), cast(cast(:refs as text) as text[]),
                         cast(cast(:orders as text) as text[]),
                         cast(cast(:customers as text) as text[]))
    on conflict do nothing
    """
)
_PARCELS = text(
    """
    select p.shop_id, p.number, p.order_id, p.customer_id, p.registered_at
    from parcel_ref p
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:numbers as text) as text[]))
         as asked(shop_id, number)
      on p.shop_id = asked.shop_id and p.number = asked.number
    """
)
_FULFILLED = text(
    """
    select f.shop_id, f.ref, f.parcel_id, f.order_id, f.customer_id
    from fulfilment_ref f
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:refs as text) as text[]))
         as asked(shop_id, ref)
      on f.shop_id = asked.shop_id and f.ref = asked.ref
    """
)
_CARTS = text(
    """
    select c.shop_id, c.token, c.customer_id
    from cart_ref c
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:tokens as text) as text[]))
         as asked(shop_id, token)
      on c.shop_id = asked.shop_id and c.token = asked.token
    """
)
_WAITING = text(
    """
    select p.id, p.shop_id, p.wait_key, p.type, p.fact
    from parked p
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:keys as text) as text[]))
         as asked(shop_id, wait_key)
      on p.shop_id = asked.shop_id and p.wait_key = asked.wait_key
    order by p.id
    """
)
# The second net: what should have been freed by the registration that it waited for.
_OVERLOOKED = text(
    """
    select distinct p.shop_id, p.wait_key from parked p
    where exists (select from order_ref o
                  where o.shop_id = p.shop_id and p.wait_key = 'order:' || o.ref)
       or exists (select from parcel_ref r
                  where r.shop_id = p.shop_id and p.wait_key = 'parcel:' || r.number)
       or exists (select from fulfilment_ref f
                  where f.shop_id = p.shop_id and p.wait_key = 'fulfilment:' || f.ref)
       or exists (select from cart_ref c
                  where c.shop_id = p.shop_id and p.wait_key = 'cart:' || c.token)
    limit :limit
    """
)


class PostgresStore:
    """One open transaction.

    Args:
        conn: As a worker, or as the API with its shop set.
        partitions: Of the customer-keyed topics.
        at: Travels with what is sent.
    """

    def __init__(self, conn: AsyncConnection, partitions: int, at: datetime) -> None:
        self._conn = conn
        self._partitions = partitions
        self._at = at

    async def lock(self, keys: Collection[ShopKey]) -> None:
        """Hold these wait keys until the transaction ends, taken in one order by everybody."""
        buckets = sorted({_bucket(key) for key in keys})
        await self._conn.execute(_LOCK, {"space": LOCKS, "buckets": arrays.plain(buckets)})

    async def order_refs(self, refs: Collection[ShopKey]) -> Mapping[ShopKey, list[OrderRef]]:
        found: dict[ShopKey, list[OrderRef]] = defaultdict(list)
        if refs:
            shops, spelled = _columns(refs)
            rows = await self._conn.execute(_ORDERS, {"shops": shops, "refs": spelled})
            for row in rows:
                found[row.shop_id, row.ref].append(OrderRef(row.order_id, row.customer_id))
        return found

    async def parcel_refs(self, numbers: Collection[ShopKey]) -> Mapping[ShopKey, list[ParcelRef]]:
        found: dict[ShopKey, list[ParcelRef]] = defaultdict(list)
        if numbers:
            shops, spelled = _columns(numbers)
            rows = await self._conn.execute(_PARCELS, {"shops": shops, "numbers": spelled})
            for row in rows:
                owner = ParcelRef(row.order_id, row.customer_id, row.registered_at)
                found[row.shop_id, row.number].append(owner)
        return found

    async def unknown_orders(self, orders: Collection[NewOrder]) -> list[NewOrder]:
        known = await self.order_refs({(one.shop_id, one.ref) for one in orders})
        new = {
            (one.shop_id, one.ref, one.owner.order_id): one
            for one in sorted(orders, key=lambda one: one.owner.customer_id)
            if one.owner.order_id
            not in {owner.order_id for owner in known.get((one.shop_id, one.ref), [])}
        }
        return [new[key] for key in sorted(new)]

    async def unknown_parcels(self, parcels: Collection[NewParcel]) -> list[NewParcel]:
        known = await self.parcel_refs({(one.shop_id, one.number) for one in parcels})
        new: dict[tuple[str, str, str], NewParcel] = {}
        for one in parcels:
            owners = {owner.order_id for owner in known.get((one.shop_id, one.number), [])}
            if one.owner.order_id not in owners:
                key = (one.shop_id, one.number, one.owner.order_id)
                new[key] = min(new.get(key, one), one, key=lambda n: n.owner.registered_at)
        return [new[key] for key in sorted(new)]

    async def add_orders(self, orders: Collection[NewOrder]) -> None:
        columns = {
            "shops": arrays.texts([one.shop_id for one in orders]),
            "refs": arrays.texts([one.ref for one in orders]),
            "orders": arrays.texts([one.owner.order_id for one in orders]),
            "customers": arrays.texts([one.owner.customer_id for one in orders]),
        }
        await self._conn.execute(_ADD_ORDERS, columns)

    async def add_parcels(self, parcels: Collection[NewParcel]) -> None:
        if not parcels:
            return
        rows = [
            {
                "shop_id": one.shop_id,
                "number": one.number,
                "order_id": one.owner.order_id,
                "customer_id": one.owner.customer_id,
                "carrier": one.carrier,
                "registered_at": one.owner.registered_at,
            }
            for one in parcels
        ]
        await self._conn.execute(insert(parcel_ref).on_conflict_do_nothing(), rows)

    async def fulfilled(self, refs: Collection[ShopKey]) -> Mapping[ShopKey, list[FulfilledParcel]]:
        found: dict[ShopKey, list[FulfilledParcel]] = defaultdict(list)
        if refs:
            shops, spelled = _columns(refs)
            for row in await self._conn.execute(_FULFILLED, {"shops": shops, "refs": spelled}):
                parcel = FulfilledParcel(row.parcel_id, row.order_id, row.customer_id)
                found[row.shop_id, row.ref].append(parcel)
        return found

    async def unknown_fulfilled(self, parcels: Collection[NewFulfilled]) -> list[NewFulfilled]:
        known = await self.fulfilled({(one.shop_id, one.ref) for one in parcels})
        places = {(*key, p.parcel_id, p.order_id) for key, found in known.items() for p in found}
        new = {
            (one.shop_id, one.ref, one.parcel.parcel_id, one.parcel.order_id): one
            for one in parcels
        }
        return [new[place] for place in sorted(new.keys() - places)]

    async def add_fulfilled(self, parcels: Collection[NewFulfilled]) -> None:
        rows = [{"shop_id": one.shop_id, "ref": one.ref, **asdict(one.parcel)} for one in parcels]
        if rows:
            await self._conn.execute(insert(fulfilment_ref).on_conflict_do_nothing(), rows)

    async def cart_owners(self, tokens: Collection[ShopKey]) -> Mapping[ShopKey, str]:
        if not tokens:
            return {}
        shops, spelled = _columns(tokens)
        rows = await self._conn.execute(_CARTS, {"shops": shops, "tokens": spelled})
        return {(row.shop_id, row.token): row.customer_id for row in rows}

    async def unknown_carts(self, carts: Collection[NewCart]) -> list[NewCart]:
        """Return those that are nobody's, or another's, as named last."""
        last = {(one.shop_id, one.token): one for one in carts}
        known = await self.cart_owners(last.keys())
        return [last[key] for key in sorted(last) if known.get(key) != last[key].customer_id]

    async def add_carts(self, carts: Collection[NewCart]) -> None:
        new = insert(cart_ref)
        named = new.on_conflict_do_update(
            index_elements=[cart_ref.c.shop_id, cart_ref.c.token],
            set_={"customer_id": new.excluded.customer_id, "named_at": new.excluded.named_at},
        )
        await self._conn.execute(named, [asdict(one) for one in carts])

    async def forget_carts(self, limit: int) -> None:
        """Forget carts that nobody named within days, and who was named long ago."""
        for statement in _FORGET_CARTS:
            await self._conn.execute(statement, {"limit": limit})

    async def park(self, shop_id: str, waiting: Sequence[Waiting]) -> None:
        rows = []
        for one in waiting:
            encoded = codec.encode(one.fact, source=SOURCE, at=self._at)
            kind = codec.header(encoded.headers, "ce_type").decode()
            row = {"shop_id": shop_id, "wait_key": one.wait_key, "type": kind}
            rows.append({**row, "event_id": encoded.event_id, "fact": encoded.value})
        if rows:
            await self._conn.execute(insert(parked).on_conflict_do_nothing(), rows)

    async def parked(self, keys: Collection[ShopKey]) -> list[Parked]:
        shops, spelled = _columns(keys)
        rows = await self._conn.execute(_WAITING, {"shops": shops, "keys": spelled})
        return [
            Parked(row.id, row.shop_id, _waiting(row.wait_key, row.type, row.fact)) for row in rows
        ]

    async def unpark(self, parked_ids: Collection[int]) -> None:
        if parked_ids:
            await self._conn.execute(delete(parked).where(parked.c.id.in_(sorted(parked_ids))))

    async def overlooked(self, limit: int) -> set[ShopKey]:
        rows = await self._conn.execute(_OVERLOOKED, {"limit": limit})
        return {(row.shop_id, row.wait_key) for row in rows}

    async def waiting_since(self) -> tuple[int, float]:
        """Return how many facts are parked, and for how many seconds the oldest."""
        row = (await self._conn.execute(_COUNT)).one()
        return int(row.n), float(row.oldest_s)

    async def send(self, facts: Sequence[Fact]) -> None:
        await self.put(encoded_records(facts, self._partitions, self._at))

    async def put(self, records: Sequence[OutRecord]) -> None:
        if records:
            await outbox.put(self._conn, records)


# Carts aside: of most nobody ever says whose they are.
_COUNT = text(
    """
    select count(*) as n,
           coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0) as oldest_s
    from parked
    where wait_key not like 'cart:%'
    """
)
_FORGET_CARTS: Final = (
    text(
        """
        delete from parked
        where id in (select id from parked
                     where wait_key like 'cart:%'
                       and received_at < clock_timestamp() - interval '7 days'
                     limit :limit)
        """
    ),
    text(
        """
        delete from cart_ref
        where (shop_id, token) in (select shop_id, token from cart_ref
                                   where named_at < clock_timestamp() - interval '30 days'
                                   limit :limit)
        """
    ),
)


def encoded_records(events: Iterable[object], partitions: int, at: datetime) -> list[OutRecord]:
    """Return *events* as records of their topics, in order."""
    traceparent = trace.current()
    return [
        place(codec.encode(event, source=SOURCE, at=at, traceparent=traceparent), partitions)
        for event in events
    ]


def tombstone_record(key: bytes, partitions: int, at: datetime) -> OutRecord:
    """Return the record that takes a person off customers.v1."""
    return place(codec.tombstone(topics.CUSTOMERS, key, source=SOURCE, at=at), partitions)


def _bucket(key: ShopKey) -> int:
    digest = hashlib.sha256("\x1f".join(key).encode()).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS


def _columns(keys: Collection[ShopKey]) -> tuple[str, str]:
    ordered = sorted(keys)
    return arrays.texts([shop_id for shop_id, _ in ordered]), arrays.texts(
        [rest for _, rest in ordered]
    )


def _waiting(wait_key: str, kind: str, value: bytes) -> Waiting:
    fact = codec.decode((("ce_type", kind.encode()),), value)
    what, _, rest = wait_key.partition(":")
    match fact:
        case ShipmentFacts() if what == "parcel":
            return ByParcel(rest, fact)
        case ShipmentFacts() if what == "fulfilment":
            return ByFulfilment(rest, fact)
        case CartFacts():
            return ByCart(rest, fact)
        case _:
            return ByOrder(rest, fact)
