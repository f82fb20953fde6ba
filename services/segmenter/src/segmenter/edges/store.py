"""Orders, standings and announcements in Postgres: whole sets in, whole sets out.

Rows are read without locks and written only if nobody else wrote them meanwhile: the system
column `xmin` is what is compared. Two transactions meet on a row when two partitions speak of one
order, or at midnight; the loser's batch is handled again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from care.facts import order_from_json, order_to_json
from contracts.codec import encode
from contracts.events import Cell, SegmentChanged
from plumbing import outbox, trace
from plumbing.consume import NotReady
from plumbing.crashpoint import crashpoint
from plumbing.records import place
from segmenter.domain.fold import Held, OrderKey, Purchases
from segmenter.domain.rfm import Purchase, Tally
from segmenter.domain.standing import CustomerKey, Standing
from segmenter.metrics import CHANGES

SOURCE: Final = "segmenter"

_ORDERS: Final = text(
    """
    select shop_id, order_id, cast(state as text) as state, paid_day, net_minor,
           cast(customer_order.xmin as text) as seen
    from customer_order
    join unnest(cast(:shops as text[]), cast(:orders as text[])) as wanted(shop_id, order_id)
      using (shop_id, order_id)
    """
)
_INSERT_ORDERS: Final = text(
    """
    insert into customer_order (shop_id, order_id, customer_id, state, paid_day, net_minor)
    select shop_id, order_id, customer_id, cast(state as jsonb), paid_day, net_minor
    from unnest(cast(:shop_id as text[]), cast(:order_id as text[]), cast(:customer_id as text[]),
                cast(:state as text[]), cast(:paid_day as date[]), cast(:net_minor as bigint[]))
         as new(shop_id, order_id, customer_id, state, paid_day, net_minor)
    on conflict (shop_id, order_id) do nothing
    """
)
_UPDATE_ORDERS: Final = text(
    """
    update customer_order as held
    set customer_id = new.customer_id, state = cast(new.state as jsonb),
        paid_day = new.paid_day, net_minor = new.net_minor
    from unnest(cast(:shop_id as text[]), cast(:order_id as text[]), cast(:customer_id as text[]),
                cast(:state as text[]), cast(:paid_day as date[]), cast(:net_minor as bigint[]),
                cast(:seen as text[]))
         as new(shop_id, order_id, customer_id, state, paid_day, net_minor, seen)
    where held.shop_id = new.shop_id and held.order_id = new.order_id
      and cast(held.xmin as text) = new.seen
    """
)
_STANDINGS: Final = """
    select shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day,
           due_day, cell, is_high, revision, cast(customer_state.xmin as text) as seen
    from customer_state
    join unnest(cast(:shops as text[]), cast(:customers as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    """
_READ_STANDINGS: Final = text(_STANDINGS)
_LOCK_STANDINGS: Final = text(
    _STANDINGS
    + ' order by shop_id collate "C", customer_id collate "C" for update of customer_state'
)
_NEW_STANDINGS: Final = """
    unnest(cast(:shop_id as text[]), cast(:customer_id as text[]), cast(:frequency as bigint[]),
           cast(:monetary_minor as bigint[]), cast(:first_day as date[]), cast(:last_day as date[]),
           cast(:next_day as date[]), cast(:due_day as date[]), cast(:cell as text[]),
           cast(:is_high as boolean[]), cast(:revision as bigint[]), cast(:seen as text[]))
    as new(shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
           cell, is_high, revision, seen)
    """
# A row that appeared meanwhile but holds nothing was made by a profile: it is ours to fill.
_INSERT_STANDINGS: Final = text(
    f"""
    insert into customer_state as held
      (shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
       cell, is_high, revision)
    select shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
           cell, is_high, revision
    from {_NEW_STANDINGS}
    on conflict (shop_id, customer_id) do update
    set frequency = excluded.frequency, monetary_minor = excluded.monetary_minor,
        first_day = excluded.first_day, last_day = excluded.last_day,
        next_day = excluded.next_day, due_day = excluded.due_day, cell = excluded.cell,
        is_high = excluded.is_high, revision = excluded.revision
    where held.revision = 0 and held.frequency = 0 and held.next_day is null
    """  # noqa: S608 - put together from constants
)
_UPDATE_STANDINGS: Final = text(
    f"""
    update customer_state as held
    set frequency = new.frequency, monetary_minor = new.monetary_minor, first_day = new.first_day,
        last_day = new.last_day, next_day = new.next_day, due_day = new.due_day, cell = new.cell,
        is_high = new.is_high, revision = new.revision
    from {_NEW_STANDINGS}
    where held.shop_id = new.shop_id and held.customer_id = new.customer_id
      and cast(held.xmin as text) = new.seen
    """  # noqa: S608 - put together from constants
)
_PURCHASES: Final = text(
    """
    select shop_id, customer_id, order_id, paid_day, net_minor
    from customer_order
    join unnest(cast(:shops as text[]), cast(:customers as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    where paid_day is not null
    """
)
_INSERT_CHANGES: Final = text(
    """
    insert into segment_change
      (shop_id, customer_id, revision, as_of, before, after, reason, recency_days, frequency,
       monetary_minor, announced_at)
    select new.*, cast(:announced_at as timestamptz)
    from unnest(cast(:shop_id as text[]), cast(:customer_id as text[]), cast(:revision as bigint[]),
                cast(:as_of as date[]), cast(:before as text[]), cast(:after as text[]),
                cast(:reason as text[]), cast(:recency_days as int[]),
                cast(:frequency as bigint[]), cast(:monetary_minor as bigint[])) as new
    """
)
_CHANGE_COLUMNS: Final = (
    "shop_id",
    "customer_id",
    "revision",
    "as_of",
    "before",
    "after",
    "reason",
    "recency_days",
    "frequency",
    "monetary_minor",
)


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a store needs to publish: the instant of business time, how many partitions."""

    now: datetime
    partitions: int


class PostgresStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet
        self._seen_orders: dict[OrderKey, str] = {}
        self._seen_standings: dict[CustomerKey, str] = {}

    async def orders(self, keys: Collection[OrderKey]) -> dict[OrderKey, Held]:
        shops, orders = _split(keys)
        rows = await self._conn.execute(_ORDERS, {"shops": shops, "orders": orders})
        return {(row.shop_id, row.order_id): self._held(row) for row in rows}

    async def standings(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Standing]:
        return await self._standings(_READ_STANDINGS, customers)

    async def lock_standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]:
        return await self._standings(_LOCK_STANDINGS, customers)

    async def purchases(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Purchases]:
        """Return all purchases of all *customers*, of those too who have none."""
        found: dict[CustomerKey, dict[str, Purchase]] = {customer: {} for customer in customers}
        if not found:
            return {}
        shops, ids = _split(customers)
        rows = await self._conn.execute(_PURCHASES, {"shops": shops, "customers": ids})
        for row in rows:
            purchase = Purchase(row.paid_day, row.net_minor)
            found[row.shop_id, row.customer_id][row.order_id] = purchase
        return dict(found)

    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None:
        """Write what changed, in one order everywhere: orders before standings, sorted by key."""
        seen = self._seen_orders
        fresh = [_order_row(k, h, None) for k, h in sorted(orders.items()) if k not in seen]
        known = [_order_row(k, h, seen[k]) for k, h in sorted(orders.items()) if k in seen]
        await self._write(_INSERT_ORDERS, fresh)
        await self._write(_UPDATE_ORDERS, known)
        seen = self._seen_standings
        new = [_standing_row(k, s, None) for k, s in sorted(standings.items()) if k not in seen]
        old = [_standing_row(k, s, seen[k]) for k, s in sorted(standings.items()) if k in seen]
        await self._write(_INSERT_STANDINGS, new)
        await self._write(_UPDATE_STANDINGS, old)
        crashpoint("after-merge")

    async def send(self, changes: Sequence[SegmentChanged]) -> None:
        """Keep *changes* as history and put them into the outbox."""
        if changes:
            columns = {name: [getattr(one, name) for one in changes] for name in _CHANGE_COLUMNS}
            await self._conn.execute(_INSERT_CHANGES, {**columns, "announced_at": self._outlet.now})
        await publish(self._conn, self._outlet, changes)
        for change in changes:
            CHANGES.labels(change.reason).inc()

    async def _standings(
        self, query: TextClause, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]:
        shops, ids = _split(customers)
        found: dict[CustomerKey, Standing] = {}
        for row in await self._conn.execute(query, {"shops": shops, "customers": ids}):
            customer = (row.shop_id, row.customer_id)
            self._seen_standings[customer] = row.seen
            found[customer] = standing_of(row)
        return found

    def _held(self, row: Row[Any]) -> Held:
        self._seen_orders[row.shop_id, row.order_id] = row.seen
        purchase = None if row.paid_day is None else Purchase(row.paid_day, row.net_minor)
        return Held(order_from_json(orjson.loads(row.state)), purchase)

    async def _write(self, statement: TextClause, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        written = await self._conn.execute(statement, columns)
        if written.rowcount != len(rows):
            raise NotReady("another transaction wrote the same rows")


async def publish(conn: AsyncConnection, outlet: Outlet, events: Sequence[Any]) -> None:
    traceparent = trace.current()
    await outbox.put(
        conn,
        [
            place(
                encode(event, source=SOURCE, at=outlet.now, traceparent=traceparent),
                outlet.partitions,
            )
            for event in events
        ],
    )


def _split(keys: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(keys)
    return [first for first, _ in ordered], [second for _, second in ordered]


def _order_row(key: OrderKey, held: Held, seen: str | None) -> dict[str, Any]:
    purchase = held.purchase
    row = {
        "shop_id": key[0],
        "order_id": key[1],
        "customer_id": held.order.customer_id,
        "state": orjson.dumps(order_to_json(held.order)).decode(),
        "paid_day": None if purchase is None else purchase.day,
        "net_minor": None if purchase is None else purchase.net_minor,
    }
    return row if seen is None else {**row, "seen": seen}


def _standing_row(key: CustomerKey, standing: Standing, seen: str | None) -> dict[str, Any]:
    total = standing.total
    return {
        "shop_id": key[0],
        "customer_id": key[1],
        "frequency": total.frequency,
        "monetary_minor": total.monetary_minor,
        "first_day": total.first_day,
        "last_day": total.last_day,
        "next_day": total.next_day,
        "due_day": standing.due_day,
        "cell": standing.cell,
        "is_high": standing.is_high,
        "revision": standing.revision,
        "seen": seen,
    }


def standing_of(row: Row[Any]) -> Standing:
    total = Tally(row.frequency, row.monetary_minor, row.first_day, row.last_day, row.next_day)
    return Standing(total, Cell(row.cell), row.is_high, row.due_day, row.revision)
