"""Orders, standings and announcements in Postgres: whole sets in, whole sets out.

Rows are read without locks and written only if nobody else wrote them meanwhile: the system
column `xmin` is what is compared. Two transactions meet on a row when two partitions speak of one
order, or at midnight; the loser's batch is handled again.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from care.facts import money_from_json
from contracts.codec import encode_all
from contracts.events import SegmentChanged
from plumbing import arrays, outbox, trace
from plumbing.consume import NotReady
from plumbing.crashpoint import crashpoint
from plumbing.records import place
from segmenter.domain.fold import NOBODY_ELSE, Held, OrderKey, Sums, Survivors
from segmenter.domain.rfm import DaySum, Purchase
from segmenter.domain.standing import CustomerKey, Standing
from segmenter.edges.memory import Memory
from segmenter.edges.rows import (
    Columns,
    change_columns,
    order_columns,
    owner_of,
    split,
    standing_columns,
    standings_of,
)
from segmenter.metrics import CHANGES

SOURCE: Final = "segmenter"
OVERTAKEN: Final = "another transaction wrote the same rows"

_ORDERS: Final = text(
    """
    select shop_id, order_id, customer_id, buyer_id, cast(state as text) as state, paid_day,
           net_minor, cast(customer_order.xmin as text) as seen
    from customer_order
    join unnest(cast(cast(:shops as text) as text[]),
                cast(cast(:orders as text) as text[])) as wanted(shop_id, order_id)
      using (shop_id, order_id)
    """
)
_ADD_ORDERS: Final = text(
    """
    with new as (
      select * from unnest(cast(cast(:shop_id as text) as text[]),
                           cast(cast(:order_id as text) as text[]),
                           cast(cast(:customer_id as text) as text[]),
                           cast(cast(:buyer_id as text) as text[]),
                           string_to_array(:state, chr(31)),
                           cast(cast(:paid_day as text) as date[]),
                           cast(cast(:net_minor as text) as bigint[]))
           as new(shop_id, order_id, customer_id, buyer_id, state, paid_day, net_minor)
    ), added as (
      insert into customer_order
        (shop_id, order_id, customer_id, buyer_id, state, paid_day, net_minor)
      select shop_id, order_id, customer_id, buyer_id, cast(state as jsonb), paid_day, net_minor
      from new
      on conflict (shop_id, order_id) do nothing
      returning shop_id, order_id
    )
    select shop_id, order_id from new
    where (shop_id, order_id) not in (select shop_id, order_id from added)
    """
)
_UPDATE_ORDERS: Final = text(
    """
    update customer_order as held
    set customer_id = new.customer_id, buyer_id = new.buyer_id, state = cast(new.state as jsonb),
        paid_day = new.paid_day, net_minor = new.net_minor
    from unnest(cast(cast(:shop_id as text) as text[]), cast(cast(:order_id as text) as text[]),
                cast(cast(:customer_id as text) as text[]),
                cast(cast(:buyer_id as text) as text[]),
                string_to_array(:state, chr(31)), cast(cast(:paid_day as text) as date[]),
                cast(cast(:net_minor as text) as bigint[]),
                cast(cast(:seen as text) as text[]))
         as new(shop_id, order_id, customer_id, buyer_id, state, paid_day, net_minor, seen)
    where held.shop_id = new.shop_id and held.order_id = new.order_id
      and cast(held.xmin as text) = new.seen
    """
)
_STANDINGS: Final = """
    select shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day,
           due_day, cell, is_high, revision, survivor_id,
           cast(customer_state.xmin as text) as seen
    from customer_state
    join unnest(cast(cast(:shops as text) as text[]),
                cast(cast(:customers as text) as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    """
_READ_STANDINGS: Final = text(_STANDINGS)
_LOCK_STANDINGS: Final = text(
    _STANDINGS
    + ' order by shop_id collate "C", customer_id collate "C" for update of customer_state'
)
_NEW_STANDINGS: Final = """
    unnest(cast(cast(:shop_id as text) as text[]), cast(cast(:customer_id as text) as text[]),
           cast(cast(:frequency as text) as bigint[]),
           cast(cast(:monetary_minor as text) as bigint[]),
           cast(cast(:first_day as text) as date[]), cast(cast(:last_day as text) as date[]),
           cast(cast(:next_day as text) as date[]), cast(cast(:due_day as text) as date[]),
           cast(cast(:cell as text) as text[]),
           cast(cast(:is_high as text) as boolean[]), cast(cast(:revision as text) as bigint[]),
           cast(cast(:survivor_id as text) as text[]), cast(cast(:seen as text) as text[]))
    as new(shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
           cell, is_high, revision, survivor_id, seen)
    """
# A row that appeared meanwhile but holds nothing was made by a profile: it is ours to fill.
_INSERT_STANDINGS: Final = text(
    f"""
    insert into customer_state as held
      (shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
       cell, is_high, revision, survivor_id)
    select shop_id, customer_id, frequency, monetary_minor, first_day, last_day, next_day, due_day,
           cell, is_high, revision, survivor_id
    from {_NEW_STANDINGS}
    on conflict (shop_id, customer_id) do update
    set frequency = excluded.frequency, monetary_minor = excluded.monetary_minor,
        first_day = excluded.first_day, last_day = excluded.last_day,
        next_day = excluded.next_day, due_day = excluded.due_day, cell = excluded.cell,
        is_high = excluded.is_high, revision = excluded.revision,
        survivor_id = excluded.survivor_id
    where held.revision = 0 and held.frequency = 0 and held.next_day is null
      and held.survivor_id is null
    """  # noqa: S608 - put together from constants
)
_UPDATE_STANDINGS: Final = text(
    f"""
    update customer_state as held
    set frequency = new.frequency, monetary_minor = new.monetary_minor, first_day = new.first_day,
        last_day = new.last_day, next_day = new.next_day, due_day = new.due_day, cell = new.cell,
        is_high = new.is_high, revision = new.revision, survivor_id = new.survivor_id
    from {_NEW_STANDINGS}
    where held.shop_id = new.shop_id and held.customer_id = new.customer_id
      and cast(held.xmin as text) = new.seen
    """  # noqa: S608 - put together from constants
)
# Of the purchases as they stood before this batch: without the orders that it added.
_SUMS: Final = text(
    """
    select shop_id, customer_id, paid_day, count(*) as orders, sum(net_minor) as net_minor
    from customer_order
    join unnest(cast(cast(:shops as text) as text[]),
                cast(cast(:customers as text) as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    where paid_day is not null
      and (shop_id, order_id) not in (
        select * from unnest(cast(cast(:added_shops as text) as text[]),
                             cast(cast(:added_orders as text) as text[])))
    group by shop_id, customer_id, paid_day
    """
)
_INSERT_CHANGES: Final = text(
    """
    insert into segment_change
      (shop_id, customer_id, revision, as_of, before, after, reason, recency_days, frequency,
       monetary_minor, announced_at)
    select new.*, cast(:announced_at as timestamptz)
    from unnest(cast(cast(:shop_id as text) as text[]), cast(cast(:customer_id as text) as text[]),
                cast(cast(:revision as text) as bigint[]), cast(cast(:as_of as text) as date[]),
                cast(cast(:before as text) as text[]), cast(cast(:after as text) as text[]),
                cast(cast(:reason as text) as text[]),
                cast(cast(:recency_days as text) as int[]),
                cast(cast(:frequency as text) as bigint[]),
                cast(cast(:monetary_minor as text) as bigint[])) as new
    """
)


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a store needs to publish.

    Args:
        now: The instant of business time.
        partitions: Of the customer-keyed topics.
        part: The one that all of `near` are in, of any such topic.
        near: Keys of customers whose partition need not be computed.
    """

    now: datetime
    partitions: int
    part: int | None = None
    near: Collection[bytes] = frozenset()


class PostgresStore:
    """Bound to one open transaction of the worker's role, and to what is known without a look."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet, memory: Memory | None = None) -> None:
        self._conn = conn
        self._outlet = outlet
        self._memory = memory or Memory()
        self._added: Mapping[OrderKey, Held] = {}
        self._persons: dict[CustomerKey, str] = {}  # survivors of those who are one with others
        self._locked: set[CustomerKey] = set()

    @property
    def known(self) -> dict[OrderKey, Held]:
        return self._memory.orders.held

    async def survivors(self, customers: Collection[CustomerKey]) -> Survivors:
        """Return the survivors of those of *customers* who are one person with others, locked.

        Two partitions have facts of one person: without a lock each would overtake the other.
        """
        await self._look_up(customers)
        if not self._persons:
            return NOBODY_ELSE
        found = {one: self._persons[one] for one in customers if one in self._persons}
        said = found | {(one[0], survivor): survivor for one, survivor in found.items()}
        fresh = said.keys() - self._locked
        if fresh:
            stand = await self.lock_standings(fresh)
            self._locked |= fresh
            if any(stand[one].survivor_id != said[one] for one in fresh):
                raise NotReady(OVERTAKEN)  # united or parted while we waited
        return {one: survivor for one, survivor in found.items() if survivor != one[1]}

    async def add(self, orders: Mapping[OrderKey, Held]) -> Sequence[OrderKey]:
        keys = sorted(orders)
        stand: list[OrderKey] = []
        if keys:
            rows = await self._conn.execute(_ADD_ORDERS, order_columns(keys, orders))
            stand = [(row.shop_id, row.order_id) for row in rows]
        there = set(stand)
        self._added = {key: orders[key] for key in keys if key not in there} if stand else orders
        return stand

    async def orders(self, keys: Collection[OrderKey]) -> dict[OrderKey, Held]:
        shops, orders = split(sorted(keys))
        rows = await self._conn.execute(_ORDERS, {"shops": shops, "orders": orders})
        found = {(row.shop_id, row.order_id): self._held(row) for row in rows}
        if len(found) < len(keys):
            raise NotReady(OVERTAKEN)
        return found

    async def standings(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Standing]:
        await self._look_up(customers)
        held = self._memory.standings.held
        return {customer: held[customer] for customer in customers if customer in held}

    async def lock_standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]:
        return await self._standings(_LOCK_STANDINGS, customers)

    async def sums(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Sums]:
        """Return what the days added up to before this batch, of all *customers*."""
        found: dict[CustomerKey, list[DaySum]] = {customer: [] for customer in customers}
        if found:
            shops, ids = split(sorted(customers))
            added_shops, added = split(
                [key for key, held in self._added.items() if (key[0], owner_of(held)) in found]
            )
            values = {"added_shops": added_shops, "added_orders": added}
            rows = await self._conn.execute(_SUMS, {"shops": shops, "customers": ids, **values})
            for shop_id, customer_id, day, orders, net_minor in rows:
                found[shop_id, customer_id].append(DaySum(day, orders, int(net_minor)))
        return dict(found)

    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None:
        """Write what changed, in one order everywhere: orders before standings, sorted by key.

        *orders* were there before; new ones are for `add`.
        """
        memory = self._memory
        keys, seen = sorted(orders), memory.orders.seen
        news = {**order_columns(keys, orders), "seen": arrays.plain([seen[key] for key in keys])}
        await self._write(_UPDATE_ORDERS, news, len(keys))
        seen = memory.standings.seen
        new = sorted(key for key in standings if key not in seen)
        old = sorted(key for key in standings if key in seen)
        await self._write(_INSERT_STANDINGS, standing_columns(new, standings, seen), len(new))
        await self._write(_UPDATE_STANDINGS, standing_columns(old, standings, seen), len(old))
        memory.orders.note(self._added, memory.xmin)
        memory.orders.note(orders, memory.xmin)
        memory.standings.note(standings, memory.xmin)
        memory.standings.drop(self._persons)  # other partitions write them too
        memory.standings.drop(self._locked)
        crashpoint("after-merge")

    async def send(self, changes: Sequence[SegmentChanged]) -> None:
        """Keep *changes* as history and put them into the outbox."""
        if changes:
            columns = {**change_columns(changes), "announced_at": self._outlet.now}
            await self._conn.execute(_INSERT_CHANGES, columns)
        await publish(self._conn, self._outlet, changes)
        for reason, number in Counter(change.reason for change in changes).items():
            CHANGES.labels(reason).inc(number)

    async def _look_up(self, customers: Collection[CustomerKey]) -> None:
        held = self._memory.standings.held
        await self._standings(_READ_STANDINGS, [one for one in customers if one not in held])

    async def _standings(
        self, query: TextClause, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]:
        if not customers:
            return {}
        shops, ids = split(sorted(customers))
        rows = (await self._conn.execute(query, {"shops": shops, "customers": ids})).all()
        found, seen, persons = standings_of(rows)
        known = self._memory.standings
        known.held.update(found)
        known.seen.update(seen)
        self._persons |= persons
        return found

    def _held(self, row: Row[Any]) -> Held:
        key = (row.shop_id, row.order_id)
        purchase = None if row.paid_day is None else Purchase(row.paid_day, row.net_minor)
        owner_id = None if row.buyer_id is None else row.customer_id
        held = Held(money_from_json(*key, orjson.loads(row.state)), purchase, owner_id)
        self._memory.orders.held[key], self._memory.orders.seen[key] = held, row.seen
        return held

    async def _write(self, statement: TextClause, columns: Columns, rows: int) -> None:
        if rows and (await self._conn.execute(statement, columns)).rowcount != rows:
            raise NotReady(OVERTAKEN)


async def publish(conn: AsyncConnection, outlet: Outlet, events: Sequence[Any]) -> None:
    traceparent = trace.current()
    encoded = encode_all(events, source=SOURCE, at=outlet.now, traceparent=traceparent)
    here, near = outlet.part, outlet.near
    await outbox.put(
        conn,
        [place(one, outlet.partitions, here if one.key in near else None) for one in encoded],
    )
