"""What the API reads of points. The transaction sees one shop's rows only."""

from datetime import date
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.app.settle_points import Entry

_KNOWN: Final = text(
    """
    select exists (select from customer_state where customer_id = :customer_id)
        or exists (select from member where customer_id = :customer_id)
        or exists (select from points_account where customer_id = :customer_id)
    """
)
_BALANCE: Final = text("select balance from points_account where customer_id = :customer_id")
_ENTRIES: Final = text(
    """
    select * from points_entry
    where customer_id = :customer_id and number < :before order by number desc limit :limit
    """
)
# What is left of the points that end by a day: what carries such days, less all that was taken.
_ENDING: Final = text(
    """
    select expires_on, by_then - taken as points
    from (select expires_on, sum(sum(points)) over (order by expires_on) as by_then
          from points_entry where customer_id = :customer_id and expires_on is not null
          group by expires_on) as dated
    cross join (select taken from points_account where customer_id = :customer_id) as account
    where by_then > taken
    order by expires_on limit 1
    """
)


class PointsViews:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def knows(self, customer_id: str) -> bool:
        """Tell whether anything is known of such a customer."""
        found = await self._conn.execute(_KNOWN, {"customer_id": customer_id})
        return bool(found.scalar_one())

    async def balance(self, customer_id: str) -> int:
        found = await self._conn.execute(_BALANCE, {"customer_id": customer_id})
        return int(found.scalar_one_or_none() or 0)

    async def entries(self, customer_id: str, before: int, limit: int) -> list[Entry]:
        values = {"customer_id": customer_id, "before": before, "limit": limit}
        return [entry_of(row) for row in await self._conn.execute(_ENTRIES, values)]

    async def ending(self, customer_id: str) -> tuple[date, int] | None:
        """Return which points end next: their last day, and how many."""
        row = (await self._conn.execute(_ENDING, {"customer_id": customer_id})).one_or_none()
        return None if row is None else (row.expires_on, int(row.points))


def entry_of(row: Row[Any]) -> Entry:
    return Entry(
        *(row.shop_id, row.customer_id, row.entry_id, row.points, row.cause, row.at),
        *(row.source, row.reason, row.expires_on, row.number, row.balance),
    )
