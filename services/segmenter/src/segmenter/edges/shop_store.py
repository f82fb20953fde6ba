"""Shops and their days in Postgres, and the lock that keeps a day still.

Who applies orders holds a shop's day shared, who moves the day takes it alone. The lock is an
advisory one because that is a fair queue: a share lock on the row would let a busy shop's batches
put midnight off for ever. Lock order everywhere: rows of shop_day, then days, then other rows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import Shop
from segmenter.app.note_shops import KnownShop
from segmenter.app.roll_day import Phase
from segmenter.domain.average import Average
from segmenter.domain.standing import ShopDay

# The first of an advisory lock's two keys; the second is the shop. Two shops may share one: it
# costs waiting, nothing else.
DAY_LOCK: Final = 4_820_102

_HOLD: Final = text(
    """
    select pg_advisory_xact_lock_shared(:space, hashtext(shop_id))
    from unnest(cast(:shops as text[])) as wanted(shop_id)
    """
)
_SEIZE: Final = text(
    """
    select pg_advisory_xact_lock(:space, hashtext(shop_id))
    from unnest(cast(:shops as text[])) as wanted(shop_id)
    """
)
_DAYS: Final = text(
    """
    select shop_id, zone, currency, day, average_orders, average_sum_minor
    from shop join shop_day using (shop_id)
    where shop_id = any(cast(:shops as text[]))
    """
)
_LOCK: Final = text(
    """
    select shop_id, revision, zone, currency from shop join shop_day using (shop_id)
    where shop_id = any(cast(:shops as text[]))
    order by shop_id collate "C" for update
    """
)
_SAVE: Final = text(
    """
    insert into shop as held (shop_id, revision, zone, currency, settings, attributes)
    select shop_id, revision, zone, currency, cast(settings as jsonb), cast(attributes as jsonb)
    from unnest(cast(:shops as text[]), cast(:revisions as bigint[]), cast(:zones as text[]),
                cast(:currencies as text[]), cast(:settings as text[]), cast(:attributes as text[]))
         as new(shop_id, revision, zone, currency, settings, attributes)
    on conflict (shop_id) do update
    set revision = excluded.revision, zone = excluded.zone, currency = excluded.currency,
        settings = excluded.settings, attributes = excluded.attributes
    where held.revision < excluded.revision
    """
)
_START: Final = text(
    """
    insert into shop_day
      (shop_id, day, average_orders, average_sum_minor, next_midnight, phase, everything, cursor)
    select shop_id, day, 0, 0, until, :phase, false, ''
    from unnest(cast(:shops as text[]), cast(:days as date[]), cast(:untils as timestamptz[]))
         as new(shop_id, day, until)
    on conflict (shop_id) do nothing
    """
)
_REBUILD: Final = text(
    """
    update shop_day set phase = :phase, everything = true, cursor = '', done_at = null
    where shop_id = any(cast(:shops as text[]))
    """
)


class ShopStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def hold_days(self, shop_ids: Collection[str]) -> dict[str, ShopDay]:
        """Return the days of the shops that are known; they stay so while the transaction lasts."""
        shops = sorted(shop_ids)
        await self._conn.execute(_HOLD, {"space": DAY_LOCK, "shops": shops})
        # A statement of its own: it must see what whoever held the lock has committed.
        rows = await self._conn.execute(_DAYS, {"shops": shops})
        return {row.shop_id: shop_day(row) for row in rows}

    async def lock_shops(self, shop_ids: Collection[str]) -> dict[str, KnownShop]:
        rows = await self._conn.execute(_LOCK, {"shops": sorted(shop_ids)})
        return {row.shop_id: KnownShop(row.revision, row.zone, row.currency) for row in rows}

    async def save_shops(self, shops: Sequence[Shop]) -> None:
        if not shops:
            return
        ids = [shop.shop_id for shop in shops]
        await seize_days(self._conn, ids)
        columns = {
            "shops": ids,
            "revisions": [shop.revision for shop in shops],
            "zones": [shop.zone for shop in shops],
            "currencies": [shop.currency for shop in shops],
            "settings": [_settings(shop) for shop in shops],
            "attributes": [_types_of(shop) for shop in shops],
        }
        await self._conn.execute(_SAVE, columns)

    async def start_days(self, days: Sequence[tuple[ShopDay, datetime]]) -> None:
        """Give new shops their first day, without orders and with nothing left to do."""
        if not days:
            return
        columns = {
            "shops": [shop.shop_id for shop, _ in days],
            "days": [shop.day for shop, _ in days],
            "untils": [until for _, until in days],
            "phase": Phase.DONE,
        }
        await self._conn.execute(_START, columns)

    async def rebuild(self, shop_ids: Sequence[str]) -> None:
        """Have everything of these shops derived anew, by the pass."""
        if shop_ids:
            await self._conn.execute(_REBUILD, {"shops": list(shop_ids), "phase": Phase.DERIVE})


def _types_of(shop: Shop) -> str:
    return orjson.dumps({own.name: own.type for own in shop.attributes}).decode()


async def seize_days(conn: AsyncConnection, shop_ids: Collection[str]) -> None:
    """Wait until nobody holds these shops' days, and keep others from it."""
    await conn.execute(_SEIZE, {"space": DAY_LOCK, "shops": sorted(shop_ids)})


def _settings(shop: Shop) -> str:
    return orjson.dumps({one.name: one.value for one in shop.settings}).decode()


def shop_day(row: Row[Any]) -> ShopDay:
    average = Average(row.average_orders, row.average_sum_minor)
    return ShopDay(row.shop_id, row.zone, row.currency, row.day, average)
