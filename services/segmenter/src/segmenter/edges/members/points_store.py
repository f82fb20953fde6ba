"""The ledger of points in Postgres, and what it is fed from."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from care.facts import ParcelState, parcel_from_json
from contracts.events import PointsChanged
from plumbing.consume import NotReady
from plumbing.crashpoint import crashpoint
from plumbing.upsert import upsert
from segmenter.app.note_details import Key
from segmenter.app.settle_points import Ending, Entry, PaidOrder, SourceKey, ToldReview
from segmenter.domain.points import Account, Source
from segmenter.domain.standing import CustomerKey
from segmenter.edges.members.points_views import entry_of
from segmenter.edges.store import OVERTAKEN, Outlet, publish
from segmenter.edges.tables import metadata
from segmenter.metrics import POINTS

_SOURCE_ROWS: Final = metadata.tables["points_source"]
_ACCOUNT_ROWS: Final = metadata.tables["points_account"]
_ENTRY_COLUMNS: Final = (
    *("shop_id", "entry_id", "customer_id", "number", "points", "balance", "cause", "source"),
    *("reason", "expires_on", "at"),
)

_WANTED: Final = (
    "unnest(cast(:shops as text[]), cast(:ids as text[])) as wanted(shop_id, {id}) using"
    " (shop_id, {id})"
)
_ORDERS: Final = text(
    f"""
    select shop_id, order_id, customer_id,
           case when order_detail.currency = shop.currency then net_minor end as net_minor,
           paid_at, signed_at, confirmed_at, zone, shop.currency,
           case when not birth_is_lunar then birth_month end as birth_month,
           case when not birth_is_lunar then birth_day end as birth_day
    from order_detail
    join {_WANTED.format(id="order_id")}
    join shop using (shop_id)
    left join customer_traits as known
      using (shop_id, customer_id)
    """  # noqa: S608 - put together from constants
)
_HOLD_ORDERS: Final = text(
    f"""
    select from order_detail join {_WANTED.format(id="order_id")}
    order by shop_id collate "C", order_id collate "C" for update of order_detail
    """
)
_PARCELS: Final = text(
    f"""
    select shop_id, order_id, cast(state as text) as state from parcel
    join {_WANTED.format(id="order_id")}
    """  # noqa: S608 - put together from constants
)
_REVIEWS: Final = text(
    f"""
    select shop_id, review_id, customer_id, score, reviewed_at, zone from review
    join {_WANTED.format(id="review_id")}
    join shop using (shop_id)
    """  # noqa: S608 - put together from constants
)
_LOCK_SOURCES: Final = text(
    """
    select points_source.* from points_source
    join unnest(cast(:shops as text[]), cast(:kinds as text[]), cast(:ids as text[]))
         as wanted(shop_id, kind, source_id) using (shop_id, kind, source_id)
    order by shop_id collate "C", kind, source_id collate "C" for update of points_source
    """
)
_EXPECT: Final = text(
    """
    insert into points_source
      (shop_id, kind, source_id, customer_id, granted, entries, factor, due_at)
    select shop_id, 'order', order_id, '', 0, 0, 1, :due_at
    from unnest(cast(:shops as text[]), cast(:ids as text[])) as new(shop_id, order_id)
    on conflict do nothing
    """
)
_DROP_SOURCES: Final = text(
    """
    delete from points_source
    where entries = 0 and (shop_id, kind, source_id) in (
      select * from unnest(cast(:shops as text[]), cast(:kinds as text[]), cast(:ids as text[])))
    """
)
_OPEN_ACCOUNTS: Final = text(
    """
    insert into points_account (shop_id, customer_id, balance, taken, entries)
    select shop_id, customer_id, 0, 0, 0
    from unnest(cast(:shops as text[]), cast(:ids as text[])) as new(shop_id, customer_id)
    on conflict do nothing
    """
)
_LOCK_ACCOUNTS: Final = text(
    f"""
    select points_account.* from points_account
    join {_WANTED.format(id="customer_id")}
    order by shop_id collate "C", customer_id collate "C" for update of points_account
    """  # noqa: S608 - put together from constants
)
_DATED: Final = text(
    f"""
    select shop_id, customer_id, sum(points) as points from points_entry
    join {_WANTED.format(id="customer_id")}
    where expires_on <= :by group by shop_id, customer_id
    """  # noqa: S608 - put together from constants
)
_ENTRY: Final = text("select * from points_entry where shop_id = :shop_id and entry_id = :entry_id")
_ADD_ENTRIES: Final = text(
    """
    insert into points_entry
      (shop_id, entry_id, customer_id, number, points, balance, cause, source, reason, expires_on,
       at)
    select * from unnest(
      cast(:shop_id as text[]), cast(:entry_id as text[]), cast(:customer_id as text[]),
      cast(:number as bigint[]), cast(:points as bigint[]), cast(:balance as bigint[]),
      cast(:cause as text[]), cast(:source as text[]), cast(:reason as text[]),
      cast(:expires_on as date[]), cast(:at as timestamptz[]))
    on conflict do nothing
    """
)


class PointsStore:
    """Bound to one open transaction."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet

    async def orders(self, keys: Collection[Key]) -> list[PaidOrder]:
        """Return these orders with their parcels, as they stand in this transaction."""
        if not keys:
            return []
        parcels: dict[Key, list[ParcelState]] = defaultdict(list)
        for row in await self._conn.execute(_PARCELS, _split(keys)):
            parcel = parcel_from_json(orjson.loads(row.state))
            parcels[row.shop_id, row.order_id].append(parcel)
        return [
            PaidOrder(
                *(row.shop_id, row.order_id, row.customer_id, row.net_minor, row.paid_at),
                *(row.signed_at, row.confirmed_at, _solar(row), row.zone, row.currency),
                tuple(parcels[row.shop_id, row.order_id]),
            )
            for row in await self._conn.execute(_ORDERS, _split(keys))
        ]

    async def hold_orders(self, keys: Collection[Key]) -> None:
        """Keep others from writing these orders until the transaction ends."""
        if keys:
            await self._conn.execute(_HOLD_ORDERS, _split(keys))

    async def expect(self, keys: Collection[Key], due_at: datetime) -> None:
        """Have orders looked at then that are not known yet."""
        if keys:
            await self._conn.execute(_EXPECT, {**_split(keys), "due_at": due_at})

    async def drop_sources(self, keys: Collection[SourceKey]) -> None:
        """Forget sources that nothing is known of and nothing was given for."""
        if keys:
            await self._conn.execute(_DROP_SOURCES, _sources(keys))

    async def reviews(self, keys: Collection[Key]) -> list[ToldReview]:
        if not keys:
            return []
        return [ToldReview(*row) for row in await self._conn.execute(_REVIEWS, _split(keys))]

    async def lock_sources(self, keys: Collection[SourceKey]) -> dict[SourceKey, Source]:
        rows = await self._conn.execute(_LOCK_SOURCES, _sources(keys))
        return {
            (row.shop_id, row.kind, row.source_id): Source(
                *(row.customer_id, row.granted, row.entries, row.factor),
                *(row.expires_on, row.due_at),
            )
            for row in rows
        }

    async def save_sources(self, sources: Mapping[SourceKey, Source]) -> None:
        rows = [
            {"shop_id": key[0], "kind": key[1], "source_id": key[2], **source._asdict()}
            for key, source in sources.items()
        ]
        await upsert(self._conn, _SOURCE_ROWS, rows)

    async def lock_accounts(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Account]:
        if not customers:
            return {}
        await self._conn.execute(_OPEN_ACCOUNTS, _split(customers))
        rows = await self._conn.execute(_LOCK_ACCOUNTS, _split(customers))
        return {
            (row.shop_id, row.customer_id): Account(row.balance, row.taken, row.entries)
            for row in rows
        }

    async def entry(self, shop_id: str, entry_id: str) -> Entry | None:
        values = {"shop_id": shop_id, "entry_id": entry_id}
        row = (await self._conn.execute(_ENTRY, values)).one_or_none()
        return None if row is None else entry_of(row)

    async def post(self, accounts: Mapping[CustomerKey, Account], entries: Sequence[Entry]) -> None:
        """Write *entries*, and the accounts as they stand after them."""
        if not entries:
            return
        columns = {name: [getattr(one, name) for one in entries] for name in _ENTRY_COLUMNS}
        if (await self._conn.execute(_ADD_ENTRIES, columns)).rowcount != len(entries):
            raise NotReady(OVERTAKEN)
        rows = [
            {"shop_id": shop_id, "customer_id": customer_id, **account._asdict()}
            for (shop_id, customer_id), account in accounts.items()
        ]
        await upsert(self._conn, _ACCOUNT_ROWS, rows)
        crashpoint("after-merge")
        await publish(self._conn, self._outlet, [_event(one) for one in entries])
        for one in entries:
            POINTS.labels(one.cause).inc(abs(one.points))

    async def dated(self, customers: Collection[CustomerKey], by: date) -> dict[CustomerKey, int]:
        rows = await self._conn.execute(_DATED, {**_split(customers), "by": by})
        return {(row.shop_id, row.customer_id): int(row.points) for row in rows}

    async def tell_endings(self, endings: Sequence[Ending]) -> None:
        events = [
            PointsChanged(
                *(one.shop_id, one.customer_id, one.entry_id, 0, one.balance, "expiring"),
                *(one.number, one.points, one.on),
            )
            for one in endings
        ]
        await publish(self._conn, self._outlet, events)


def _event(entry: Entry) -> PointsChanged:
    return PointsChanged(
        *(entry.shop_id, entry.customer_id, entry.entry_id, entry.points, entry.balance),
        *(entry.cause, entry.number),
    )


def _solar(row: Row[Any]) -> tuple[int | None, int | None]:
    return row.birth_month, row.birth_day


def _split(keys: Collection[tuple[str, ...]]) -> dict[str, list[str]]:
    ordered = sorted(keys)
    return {"shops": [key[0] for key in ordered], "ids": [key[1] for key in ordered]}


def _sources(keys: Collection[SourceKey]) -> dict[str, list[str]]:
    ordered = sorted(keys)
    return {
        "shops": [key[0] for key in ordered],
        "kinds": [key[1] for key in ordered],
        "ids": [key[2] for key in ordered],
    }
