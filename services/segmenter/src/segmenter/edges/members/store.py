"""Members and their levels in Postgres."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import LevelChanged
from plumbing.consume import NotReady
from segmenter.app.settle_levels import House, Window
from segmenter.domain.levels import DEFAULT, Level, Levels, Manual, Member, Merit, Notice
from segmenter.domain.standing import CustomerKey
from segmenter.edges.store import OVERTAKEN, Outlet, publish
from segmenter.metrics import LEVEL_CHANGES

_HOUSES: Final = text(
    """
    select shop_id, zone, currency, cast(levels as text) as levels
    from shop left join shop_levels using (shop_id)
    where shop_id = any(cast(:shops as text[]))
    """
)
_MEMBERS: Final = """
    select member.* from member
    join unnest(cast(:shops as text[]), cast(:customers as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    """
_READ: Final = text(_MEMBERS)
_LOCK: Final = text(
    _MEMBERS + ' order by shop_id collate "C", customer_id collate "C" for update of member'
)
_WANTED: Final = """
    unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:sinces as timestamptz[]),
           cast(:untils as timestamptz[]), cast(:zones as text[]), cast(:currencies as text[]))
      as wanted(shop_id, customer_id, since, until, zone, currency)
    """
_MERITS: Final = text(
    f"""
    select shop_id, customer_id, spend_minor, orders, reviews, login_days
    from {_WANTED}
    cross join lateral (
      select coalesce(sum(net_minor), 0) as spend_minor, count(*) as orders from order_detail
      where order_detail.shop_id = wanted.shop_id
        and order_detail.customer_id = wanted.customer_id
        and order_detail.currency = wanted.currency and paid_at >= since and paid_at < until) o
    cross join lateral (
      select count(score) as reviews from review
      where review.shop_id = wanted.shop_id and review.customer_id = wanted.customer_id
        and reviewed_at >= since and reviewed_at < until) r
    cross join lateral (
      select count(distinct cast(at at time zone zone as date)) as login_days from login
      where login.shop_id = wanted.shop_id and login.customer_id = wanted.customer_id
        and at >= since and at < until) l
    """  # noqa: S608 - put together from constants
)
_FIRST_PAID: Final = text(
    f"""
    select shop_id, customer_id, first_at
    from {_WANTED}
    cross join lateral (
      select min(paid_at) as first_at from order_detail
      where order_detail.shop_id = wanted.shop_id
        and order_detail.customer_id = wanted.customer_id
        and order_detail.currency = wanted.currency and paid_at < until) o
    where first_at is not null
    """  # noqa: S608 - put together from constants
)
_COLUMNS: Final = (
    *("shop_id", "customer_id", "level_id", "since", "joined_on", "revision", "warned_for"),
    *("manual_level", "manual_until", "manual_reason", "manual_ends_at"),
)
_NEW: Final = """
    unnest(cast(:shop_id as text[]), cast(:customer_id as text[]), cast(:level_id as text[]),
           cast(:since as date[]), cast(:joined_on as date[]), cast(:revision as bigint[]),
           cast(:warned_for as date[]), cast(:manual_level as text[]),
           cast(:manual_until as date[]), cast(:manual_reason as text[]),
           cast(:manual_ends_at as timestamptz[]))
    """
_ADD: Final = text(f"insert into member select * from {_NEW} on conflict do nothing")  # noqa: S608 - constants
_UPDATE: Final = text(
    f"""
    update member as held
    set {", ".join(f"{name} = new.{name}" for name in _COLUMNS[2:])}
    from {_NEW} as new({", ".join(_COLUMNS)})
    where held.shop_id = new.shop_id and held.customer_id = new.customer_id
    """  # noqa: S608 - put together from constants
)
_FORGET_REASONS: Final = text(
    """
    update member set manual_reason = '' from unnest(
      cast(:shops as text[]), cast(:customers as text[])) as gone(shop_id, customer_id)
    where member.shop_id = gone.shop_id and member.customer_id = gone.customer_id
      and manual_reason <> ''
    """
)
_SAVE_LEVELS: Final = text(
    """
    insert into shop_levels as held (shop_id, revision, levels, changed_at)
    values (:shop_id, 1, cast(:levels as jsonb), :now)
    on conflict (shop_id) do update
    set revision = held.revision + 1, levels = excluded.levels, changed_at = excluded.changed_at
    """
)


class MemberStore:
    """Bound to one open transaction."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet
        self._locked: set[CustomerKey] = set()

    async def houses(self, shop_ids: Collection[str]) -> dict[str, House]:
        rows = await self._conn.execute(_HOUSES, {"shops": sorted(shop_ids)})
        return {
            row.shop_id: House(row.shop_id, row.zone, row.currency, _levels(row.levels))
            for row in rows
        }

    async def members(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Member]:
        rows = await self._conn.execute(_READ, _keys(customers))
        return {(row.shop_id, row.customer_id): _member(row) for row in rows}

    async def lock_members(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Member]:
        rows = await self._conn.execute(_LOCK, _keys(customers))
        found = {(row.shop_id, row.customer_id): _member(row) for row in rows}
        self._locked |= found.keys()
        return found

    async def merits(self, windows: Mapping[CustomerKey, Window]) -> dict[CustomerKey, Merit]:
        if not windows:
            return {}
        return {
            (row.shop_id, row.customer_id): Merit(
                int(row.spend_minor), row.orders, row.reviews, row.login_days
            )
            for row in await self._conn.execute(_MERITS, _wanted(windows))
        }

    async def first_paid(
        self, windows: Mapping[CustomerKey, Window]
    ) -> dict[CustomerKey, datetime]:
        """Return when these customers paid for the first time, ever; those who have not are out."""
        if not windows:
            return {}
        rows = await self._conn.execute(_FIRST_PAID, _wanted(windows))
        return {(row.shop_id, row.customer_id): row.first_at for row in rows}

    async def save_members(self, members: Mapping[CustomerKey, Member]) -> None:
        for statement, keys in (
            (_ADD, sorted(members.keys() - self._locked)),
            (_UPDATE, sorted(members.keys() & self._locked)),
        ):
            if keys:
                rows = [_row(key, members[key]) for key in keys]
                columns = dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
                if (await self._conn.execute(statement, columns)).rowcount != len(keys):
                    raise NotReady(OVERTAKEN)

    async def tell(self, notices: Sequence[tuple[CustomerKey, Notice]]) -> None:
        events = [
            LevelChanged(
                *customer,
                one.revision,
                one.as_of,
                one.after,
                one.before,
                one.kind,
                one.review_day,
                one.missing_minor,
            )
            for customer, one in notices
        ]
        await publish(self._conn, self._outlet, events)
        for event in events:
            LEVEL_CHANGES.labels(event.kind).inc()

    async def forget_reasons(self, customers: Collection[CustomerKey]) -> None:
        """Drop what people wrote about these customers."""
        if customers:
            await self._conn.execute(_FORGET_REASONS, _keys(customers))

    async def save_levels(self, shop_id: str, levels: Levels) -> None:
        stored = orjson.dumps([asdict(one) for one in levels]).decode()
        values = {"shop_id": shop_id, "levels": stored, "now": self._outlet.now}
        await self._conn.execute(_SAVE_LEVELS, values)


def _levels(stored: str | None) -> Levels:
    if stored is None:
        return DEFAULT
    return tuple(Level(**{**one, "rights": tuple(one["rights"])}) for one in orjson.loads(stored))


def _member(row: Row[Any]) -> Member:
    manual = None
    if row.manual_level is not None:
        manual = Manual(row.manual_level, row.manual_until, row.manual_reason, row.manual_ends_at)
    return Member(row.level_id, row.since, row.joined_on, row.revision, row.warned_for, manual)


def _row(key: CustomerKey, member: Member) -> tuple[Any, ...]:
    manual = member.manual
    by_hand = (
        (None,) * 4
        if manual is None
        else (manual.level_id, manual.until, manual.reason, manual.ends_at)
    )
    told = (member.level_id, member.since, member.joined_on, member.revision, member.warned_for)
    return *key, *told, *by_hand


def _keys(customers: Collection[CustomerKey]) -> dict[str, list[str]]:
    ordered = sorted(customers)
    return {"shops": [one for one, _ in ordered], "customers": [two for _, two in ordered]}


def _wanted(windows: Mapping[CustomerKey, Window]) -> dict[str, list[Any]]:
    held = [windows[key] for key in sorted(windows)]
    return {
        **_keys(windows),
        "sinces": [one.since for one in held],
        "untils": [one.until for one in held],
        "zones": [one.zone for one in held],
        "currencies": [one.currency for one in held],
    }
