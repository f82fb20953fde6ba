"""Reading SQL behind the lists of a shop: late parcels, reviews."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Row,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.edges.tables import order_fact, parcel_fact, review_fact, shop

_NEVER_US: Final = -1
_PARCEL: Final = (
    parcel_fact.c.parcel_id,
    parcel_fact.c.order_id,
    parcel_fact.c.customer_id,
    parcel_fact.c.handed_over_at,
    parcel_fact.c.signed_at,
    parcel_fact.c.estimated_day,
    parcel_fact.c.state,
)


class ListQueries:
    """Bound to a transaction that sees one shop only."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def zone(self) -> str | None:
        found: str | None = await self._conn.scalar(select(shop.c.zone))
        return found

    async def overdue(
        self, day: date, ends: datetime, after: tuple[date, str] | None, limit: int
    ) -> tuple[int, Sequence[Row[Any]]]:
        """Return how many were on their way past their day when *day* ended, and some of them.

        Args:
            day: The shop's.
            ends: The instant at which it ends.
            after: Estimated day and id of the last one seen.
            limit: How many, the longest overdue first.
        """
        at = parcel_fact.c
        where = and_(
            at.handed_over_at < ends,
            or_(at.signed_at.is_(None), at.signed_at >= ends),
            or_(at.turned_back_at.is_(None), at.turned_back_at >= ends),
            at.estimated_day < day,
            _is_wanted(),
        )
        place = (at.estimated_day, at.parcel_id)
        page = select(*_PARCEL).where(where).order_by(*place).limit(limit)
        if after is not None:
            page = page.where(tuple_(*place) > after)
        return await self._counted(select(func.count()).select_from(parcel_fact).where(where), page)

    async def late(
        self,
        zone: str,
        span: tuple[datetime, datetime],
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> tuple[int, Sequence[Row[Any]]]:
        """Return how many were signed in *span* after their estimated day, and some of them.

        Args:
            zone: The shop's.
            span: First instant, and the one behind the last.
            after: Signing and id of the last one seen.
            limit: How many, the newest first.
        """
        at = parcel_fact.c
        day_after = cast(at.estimated_day + timedelta(days=1), DateTime(timezone=False))
        where = and_(
            at.signed_at >= span[0],
            at.signed_at < span[1],
            at.signed_at >= func.timezone(zone, day_after),
            _is_wanted(),
        )
        place = (at.signed_at, at.parcel_id)
        page = select(*_PARCEL).where(where).order_by(*(one.desc() for one in place)).limit(limit)
        if after is not None:
            page = page.where(tuple_(*place) < after)
        return await self._counted(select(func.count()).select_from(parcel_fact).where(where), page)

    async def reviews(
        self,
        most_stars: int,
        span: tuple[datetime, datetime],
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> tuple[int, Sequence[Row[Any]]]:
        """Return how many standing reviews of *span* have at most so many stars; newest first."""
        at = review_fact.c
        where = and_(at.reviewed_at >= span[0], at.reviewed_at < span[1], at.rating <= most_stars)
        place = (at.reviewed_at, at.review_id)
        page = select(review_fact).where(where).order_by(*(one.desc() for one in place))
        if after is not None:
            page = page.where(tuple_(*place) < after)
        return await self._counted(
            select(func.count()).select_from(review_fact).where(where), page.limit(limit)
        )

    async def _counted(
        self, count: Select[Any], page: Select[Any]
    ) -> tuple[int, Sequence[Row[Any]]]:
        total: int = await self._conn.scalar(count) or 0
        return total, (await self._conn.execute(page)).all()


def _is_wanted() -> ColumnElement[bool]:
    """Tell that the parcel's order was not cancelled, as far as is known now."""
    state = order_fact.c.state
    cancelled, restored = (
        func.coalesce(cast(state[("at", name)].astext, BigInteger), literal(_NEVER_US, BigInteger))
        for name in ("cancelled_at", "restored_at")
    )
    gone = select(order_fact.c.order_id).where(
        order_fact.c.shop_id == parcel_fact.c.shop_id,
        order_fact.c.order_id == parcel_fact.c.order_id,
        cancelled > restored,
    )
    return ~gone.exists()
