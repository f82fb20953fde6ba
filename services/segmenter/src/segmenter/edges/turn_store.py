"""The midnight pass in Postgres: whose turn it is, whom it concerns, how far it got."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from plumbing.crashpoint import crashpoint
from segmenter.app.roll_day import Phase, Turn
from segmenter.domain.average import span_of
from segmenter.domain.fold import Held, Survivors
from segmenter.domain.standing import CustomerKey, ShopDay
from segmenter.edges.people_store import lock_merges
from segmenter.edges.shop_store import seize_days, shop_day
from segmenter.edges.store import PostgresStore

_TAKE: Final = text(
    """
    select shop_id, zone, currency, day, average_orders, average_sum_minor, phase, everything,
           cursor
    from shop_day join shop using (shop_id)
    where phase <> 'done' or next_midnight <= :now
    order by next_midnight, shop_id
    limit 1 for update of shop_day skip locked
    """
)
_OPEN: Final = text(
    """
    update shop_day
    set day = :day, next_midnight = :until, phase = :phase, everything = :everything, cursor = '',
        done_at = null,
        (average_orders, average_sum_minor) =
          (select count(*), coalesce(sum(net_minor), 0) from customer_order
           where customer_order.shop_id = :shop_id and paid_day between :first and :last)
    where shop_id = :shop_id
    """
)
_ORDERS: Final = text(
    """
    select shop_id, order_id, customer_id, buyer_id, cast(state as text) as state, paid_day,
           net_minor, cast(xmin as text) as seen
    from customer_order
    where shop_id = :shop_id and order_id > :after
    order by order_id limit :limit for update
    """
)
_SURVIVORS: Final = text(
    """
    select shop_id, customer_id, survivor_id from customer_state
    join unnest(cast(:shops as text[]), cast(:customers as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    where survivor_id <> customer_id
    """
)
_CURSOR: Final = text("update shop_day set cursor = :cursor where shop_id = :shop_id")
# One sequential read of the narrow table. Without an average (no orders) everybody is high.
_LIST: Final = text(
    """
    insert into due_customer (shop_id, customer_id)
    select shop_id, customer_id from customer_state
    where shop_id = :shop_id and (survivor_id is null or survivor_id = customer_id)
      and (:everything or due_day <= :day
           or is_high <> (cast(monetary_minor as numeric) * cast(:orders as bigint) >= :sum_minor))
    on conflict do nothing
    """
)
_ENTER: Final = text("update shop_day set phase = :phase where shop_id = :shop_id")
_DRAW: Final = text(
    """
    delete from due_customer
    where shop_id = :shop_id and customer_id = any(array(
      select customer_id from due_customer where shop_id = :shop_id
      order by customer_id limit :limit))
    returning shop_id, customer_id
    """
)
_FINISH: Final = text(
    """
    update shop_day set phase = :phase, everything = false, done_at = clock.business_clock()
    where shop_id = :shop_id
    """
)


class TurnStore(PostgresStore):
    """Bound to one open transaction of the worker's role."""

    async def take_turn(self, now: datetime) -> Turn | None:
        """Return a shop with work to do at *now* that nobody else is working on."""
        row = (await self._conn.execute(_TAKE, {"now": now})).one_or_none()
        if row is None:
            return None
        return Turn(shop_day(row), Phase(row.phase), row.everything, row.cursor)

    async def open_day(self, shop_id: str, day: date, until: datetime, *, everything: bool) -> None:
        """Let *day* begin, with the average of the days before it; *until* is its end."""
        await seize_days(self._conn, [shop_id])
        first, last = span_of(day)
        values = {
            "shop_id": shop_id,
            "day": day,
            "until": until,
            "first": first,
            "last": last,
            "phase": Phase.SCAN,
            "everything": everything,
        }
        await self._conn.execute(_OPEN, values)

    async def page_of_orders(self, shop_id: str, after: str, limit: int) -> list[Held]:
        """Lock the next orders; nobody is united with others until the transaction ends."""
        await lock_merges(self._conn, [shop_id])
        values = {"shop_id": shop_id, "after": after, "limit": limit}
        return [self._held(row) for row in await self._conn.execute(_ORDERS, values)]

    async def known_survivors(self, customers: Collection[CustomerKey]) -> Survivors:
        values = {
            "shops": [shop_id for shop_id, _ in customers],
            "customers": [customer_id for _, customer_id in customers],
        }
        rows = await self._conn.execute(_SURVIVORS, values)
        return {(row.shop_id, row.customer_id): row.survivor_id for row in rows}

    async def save_cursor(self, shop_id: str, cursor: str) -> None:
        await self._conn.execute(_CURSOR, {"shop_id": shop_id, "cursor": cursor})

    async def list_due(self, shop: ShopDay, *, everything: bool) -> int:
        """List whom the new day concerns, and go over to settling them."""
        values = {
            "shop_id": shop.shop_id,
            "day": shop.day,
            "orders": shop.average.orders,
            "sum_minor": shop.average.sum_minor,
            "everything": everything,
        }
        listed = await self._conn.execute(_LIST, values)
        await self._conn.execute(_ENTER, {"shop_id": shop.shop_id, "phase": Phase.WALK})
        return listed.rowcount

    async def draw(self, shop_id: str, limit: int) -> list[CustomerKey]:
        """Take the next customers off the list; whoever rolls back puts them on again."""
        rows = await self._conn.execute(_DRAW, {"shop_id": shop_id, "limit": limit})
        crashpoint("timer-after-take")
        return [(row.shop_id, row.customer_id) for row in rows]

    async def finish(self, shop_id: str) -> None:
        await self._conn.execute(_FINISH, {"shop_id": shop_id, "phase": Phase.DONE})
