"""HTTP: what a shop looks through every morning: late parcels, reviews with few stars."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncEngine

from care.calendar import day_of, start_of_day
from care_triggers.edges.answers import (
    LateParcelList,
    ReviewList,
    late_parcel_answer,
    listed_review_answer,
)
from care_triggers.edges.list_queries import ListQueries
from care_triggers.edges.rows import SERVICE
from care_triggers.errors import BadQuestion, UnknownShop
from plumbing.clock import business_now
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor, instant_of, micros_of
from web.problems import BadRequest
from web.shop_session import Engine, shop_tx

FIRST_DAY: Final = date(1990, 1, 1)

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["care"])
read = Depends(require("care:read"))

Cursor = Annotated[str | None, Query(description="from the page before")]
AsOf = Annotated[date | None, Query(description="the shop's day at whose end to look: today")]
From = Annotated[date | None, Query(description="first day of the shop; absent: from the start")]
To = Annotated[date | None, Query(description="last day, included; absent: today")]


@router.get("/parcels/overdue", operation_id="list_overdue_parcels", dependencies=[read])
async def overdue_parcels(
    shop_id: ShopId,
    engine: Engine,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LateParcelList:
    """Parcels on their way past their estimated day, the longest overdue first.

    Those of orders that were cancelled, as far as is known now, are not among them.
    """
    after = _day_and_id(cursor)
    async with _shop(engine, shop_id) as shop:
        day = shop.checked(as_of)
        total, rows = await shop.queries.overdue(day, shop.end_of(day), after, limit)
    parcels = [late_parcel_answer(row, day) for row in rows]
    full = len(parcels) == limit
    last = encode_cursor(rows[-1].estimated_day.toordinal(), rows[-1].parcel_id) if full else None
    return LateParcelList(total=total, parcels=parcels, next_cursor=last)


@router.get("/parcels/late", operation_id="list_late_parcels", dependencies=[read])
async def late_parcels(
    shop_id: ShopId,
    engine: Engine,
    from_day: From = None,
    to_day: To = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LateParcelList:
    """Parcels that were signed for after their estimated day, the newest first."""
    after = _instant_and_id(cursor)
    async with _shop(engine, shop_id) as shop:
        total, rows = await shop.queries.late(shop.zone, shop.span(from_day, to_day), after, limit)
    parcels = [late_parcel_answer(row, day_of(row.signed_at, shop.zone)) for row in rows]
    full = len(parcels) == limit
    last = encode_cursor(micros_of(rows[-1].signed_at), rows[-1].parcel_id) if full else None
    return LateParcelList(total=total, parcels=parcels, next_cursor=last)


@router.get("/reviews", operation_id="list_reviews", dependencies=[read])
async def reviews(  # noqa: PLR0913, PLR0917 - each is one of the query's parameters
    shop_id: ShopId,
    engine: Engine,
    most_stars: Annotated[int, Query(ge=1, le=5, description="3: medium and bad ones")] = 3,
    from_day: From = None,
    to_day: To = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ReviewList:
    """Reviews that stand, by their stars, the newest first."""
    after = _instant_and_id(cursor)
    async with _shop(engine, shop_id) as shop:
        span = shop.span(from_day, to_day)
        total, rows = await shop.queries.reviews(most_stars, span, after, limit)
    full = len(rows) == limit
    last = encode_cursor(micros_of(rows[-1].reviewed_at), rows[-1].review_id) if full else None
    found = [listed_review_answer(row) for row in rows]
    return ReviewList(total=total, reviews=found, next_cursor=last)


@dataclass(frozen=True, slots=True)
class _Shop:
    """A shop that is looked through, and its calendar."""

    queries: ListQueries
    zone: str
    today: date

    def checked(self, day: date | None) -> date:
        if day is not None and not FIRST_DAY <= day <= self.today:
            raise BadQuestion(f"a day must lie between {FIRST_DAY} and the shop's today")
        return day or self.today

    def end_of(self, day: date) -> datetime:
        return start_of_day(day + timedelta(days=1), self.zone)

    def span(self, first: date | None, last: date | None) -> tuple[datetime, datetime]:
        begins, ends = self.checked(first or FIRST_DAY), self.checked(last)
        if begins > ends:
            raise BadQuestion("from_day lies behind to_day")
        return start_of_day(begins, self.zone), self.end_of(ends)


@asynccontextmanager
async def _shop(engine: AsyncEngine, shop_id: str) -> AsyncIterator[_Shop]:
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        queries = ListQueries(conn)
        zone = await queries.zone()
        if zone is None:
            raise UnknownShop("no such shop")
        yield _Shop(queries, zone, day_of(await business_now(conn), zone))


def _instant_and_id(cursor: str | None) -> tuple[datetime, str] | None:
    parts = decode_cursor(cursor, int, str)
    return None if parts is None else (instant_of(parts[0]), str(parts[1]))


def _day_and_id(cursor: str | None) -> tuple[date, str] | None:
    parts = decode_cursor(cursor, int, str)
    if parts is None:
        return None
    try:
        return date.fromordinal(int(parts[0])), str(parts[1])
    except (ValueError, OverflowError):
        raise BadRequest("the cursor is not one of ours: begin again without it") from None
