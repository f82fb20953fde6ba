"""Where the passes over members are, and what else falls due for them, in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.crashpoint import crashpoint
from segmenter.app.settle_points import SourceKey
from segmenter.app.tend_members import Round, Run
from segmenter.domain.passes import Pass
from segmenter.domain.standing import CustomerKey

_WITHOUT: Final = text(
    """
    select shop_id, zone from shop
    where not exists (select from member_pass where member_pass.shop_id = shop.shop_id)
    order by shop_id limit :limit
    """
)
_BEGIN: Final = text(
    """
    insert into member_pass (shop_id, kind, day, next_at, cursor)
    select shop_id, kind, day, at, '' from unnest(
      cast(:shops as text[]), cast(:kinds as text[]), cast(:days as date[]),
      cast(:ats as timestamptz[])) as new(shop_id, kind, day, at)
    on conflict do nothing
    """
)
_TAKE: Final = text(
    """
    select shop_id, zone, kind, day, cursor from member_pass join shop using (shop_id)
    where next_at <= :now
    order by next_at, kind, shop_id limit 1 for update of member_pass skip locked
    """
)
_MEMBERS: Final = text(
    """
    select customer_id from member where shop_id = :shop_id and customer_id > :cursor
    order by customer_id limit :limit
    """
)
_ACCOUNTS: Final = text(
    """
    select customer_id from points_account
    where shop_id = :shop_id and customer_id > :cursor and balance > 0
    order by customer_id limit :limit
    """
)
_CURSOR: Final = text(
    "update member_pass set cursor = :cursor where shop_id = :shop_id and kind = :kind"
)
_ADVANCE: Final = text(
    """
    update member_pass set day = :day, next_at = :at, cursor = ''
    where shop_id = :shop_id and kind = :kind
    """
)
_ENDED: Final = text(
    """
    select shop_id, customer_id from member where manual_ends_at <= :now
    order by manual_ends_at limit :limit for update skip locked
    """
)
_DUE: Final = text(
    """
    select shop_id, kind, source_id from points_source where due_at <= :now
    order by due_at limit :limit for update skip locked
    """
)


class RoundStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def shops_without(self, limit: int) -> dict[str, str]:
        """Return shops whose passes have not begun, with their zones."""
        rows = await self._conn.execute(_WITHOUT, {"limit": limit})
        return {row.shop_id: row.zone for row in rows}

    async def begin(self, rounds: Sequence[Round]) -> None:
        if rounds:
            columns = {
                "shops": [one.shop_id for one in rounds],
                "kinds": [one.kind for one in rounds],
                "days": [one.day for one in rounds],
                "ats": [one.at for one in rounds],
            }
            await self._conn.execute(_BEGIN, columns)

    async def take_run(self, now: datetime) -> Run | None:
        row = (await self._conn.execute(_TAKE, {"now": now})).one_or_none()
        if row is None:
            return None
        crashpoint("timer-after-take")
        return Run(row.shop_id, row.zone, Pass(row.kind), row.day, row.cursor)

    async def members_after(self, run: Run, limit: int) -> list[CustomerKey]:
        values = {"shop_id": run.shop_id, "cursor": run.cursor, "limit": limit}
        rows = await self._conn.execute(_MEMBERS, values)
        return [(run.shop_id, row.customer_id) for row in rows]

    async def accounts_after(self, run: Run, limit: int) -> list[CustomerKey]:
        """Return customers with points left; of others none can end."""
        values = {"shop_id": run.shop_id, "cursor": run.cursor, "limit": limit}
        rows = await self._conn.execute(_ACCOUNTS, values)
        return [(run.shop_id, row.customer_id) for row in rows]

    async def save_cursor(self, run: Run, cursor: str) -> None:
        values = {"shop_id": run.shop_id, "kind": run.kind, "cursor": cursor}
        await self._conn.execute(_CURSOR, values)

    async def advance(self, following: Round) -> None:
        values = {
            "shop_id": following.shop_id,
            "kind": following.kind,
            "day": following.day,
            "at": following.at,
        }
        await self._conn.execute(_ADVANCE, values)

    async def take_ended(self, now: datetime, limit: int) -> list[CustomerKey]:
        """Return members whose level by hand has ended."""
        rows = await self._conn.execute(_ENDED, {"now": now, "limit": limit})
        return [(row.shop_id, row.customer_id) for row in rows]

    async def take_due(self, now: datetime, limit: int) -> list[SourceKey]:
        """Return sources of points that have fallen due."""
        rows = await self._conn.execute(_DUE, {"now": now, "limit": limit})
        return [(row.shop_id, row.kind, row.source_id) for row in rows]
