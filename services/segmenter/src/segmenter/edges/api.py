"""The segmenter's HTTP API: customers, their changes, the grid."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from care.calendar import day_of
from contracts.events import Cell
from segmenter.app.view import (
    WINDOWS_DAYS,
    list_as_of,
    list_live,
    view_customer,
    view_grid,
)
from segmenter.domain.standing import ShopDay
from segmenter.edges.answers import (
    AverageAnswer,
    CellAnswer,
    ChangeAnswer,
    ChangesAnswer,
    CustomerAnswer,
    CustomersAnswer,
    GridAnswer,
    ListedAnswer,
    RfmAnswer,
    ScoresAnswer,
    TraitsAnswer,
)
from segmenter.edges.store import SOURCE
from segmenter.edges.view_store import ViewStore
from segmenter.errors import BadQuestion, UnknownCustomer, UnknownShop
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine, shop_tx
from web.tagged import TaggedRoute

FIRST_DAY: Final = date(1990, 1, 1)
LAST_REVISION: Final = 2**63 - 1

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["segments"], route_class=TaggedRoute)
read = Depends(require("customers:read"))

CustomerId = Annotated[str, Path(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")]
AsOf = Annotated[
    date | None, Query(description="the shop's day at whose end to look; absent: live")
]
WindowDays = Annotated[
    int | None, Query(ge=1, le=730, description="the last so many days, as_of included")
]
Cursor = Annotated[str | None, Query(description="from the page before")]


@router.get("/customers/{customer_id}", operation_id="get_customer", dependencies=[read])
async def get_customer(
    shop_id: ShopId,
    customer_id: CustomerId,
    engine: Engine,
    as_of: AsOf = None,
    window_days: WindowDays = None,
) -> CustomerAnswer:
    """One customer's recency, frequency, money and cell: live, or computed as of a day."""
    windows = {*WINDOWS_DAYS, *([window_days] if window_days else [])}
    async with view(engine, shop_id, as_of) as (conn, shop):
        store = ViewStore(conn)
        found = await view_customer(store, shop, customer_id, as_of, windows)
        if found is None:
            raise UnknownCustomer("no such customer")
        traits = await store.traits(found.customer_id)
    return CustomerAnswer(
        shop_id=shop_id,
        customer_id=found.customer_id,
        aliases=list(found.aliases),
        as_of=found.as_of,
        live=as_of is None,
        revision=found.revision,
        cell=found.cell,
        currency=shop.currency,
        first_day=found.first_day,
        last_day=found.last_day,
        life=RfmAnswer.of(found.life),
        windows={str(days): RfmAnswer.of(rfm) for days, rfm in found.windows.items()},
        counted_days=found.counted_days,
        scores=None if found.scores is None else ScoresAnswer(**found.scores._asdict()),
        average=AverageAnswer.of(found.average),
        traits=None if traits is None else TraitsAnswer(**traits),
    )


@router.get("/customers", operation_id="list_customers", dependencies=[read])
async def list_customers(  # noqa: PLR0913, PLR0917 - each is one of the query's parameters
    shop_id: ShopId,
    engine: Engine,
    cell: Cell | None = None,
    as_of: AsOf = None,
    window_days: WindowDays = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CustomersAnswer:
    """Customers by id: live, of one cell or all; or all of them as of a day, or over a window."""
    computed = as_of is not None or window_days is not None
    if computed and cell is not None:
        raise BadQuestion("a cell can be chosen live only, without as_of and window_days")
    place = decode_cursor(cursor, str)
    after = "" if place is None else str(place[0])
    async with view(engine, shop_id, as_of) as (conn, shop):
        store = ViewStore(conn)
        day = as_of or shop.day
        if computed:
            found = list(await list_as_of(store, day, window_days, after, limit + 1))
        else:
            found = await list_live(store, shop, cell, after, limit + 1)
    more = len(found) > limit
    return CustomersAnswer(
        as_of=day,
        customers=[ListedAnswer.of(one) for one in found[:limit]],
        cursor=encode_cursor(found[limit - 1].customer_id) if more else None,
    )


@router.get("/customers/{customer_id}/changes", operation_id="list_changes", dependencies=[read])
async def list_changes(
    shop_id: ShopId,
    customer_id: CustomerId,
    engine: Engine,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ChangesAnswer:
    """What was announced of one customer, newest first."""
    place = decode_cursor(cursor, int)
    before = LAST_REVISION if place is None else int(place[0])
    async with view(engine, shop_id, None) as (conn, _):
        store = ViewStore(conn)
        if await store.standing(customer_id) is None:
            raise UnknownCustomer("no such customer")
        found = await store.changes(customer_id, before, limit + 1)
    more = len(found) > limit
    return ChangesAnswer(
        changes=[ChangeAnswer(**asdict(one)) for one in found[:limit]],
        cursor=encode_cursor(found[limit - 1].revision) if more else None,
    )


@router.get("/grid", operation_id="get_grid", dependencies=[read])
async def get_grid(shop_id: ShopId, engine: Engine, as_of: AsOf = None) -> GridAnswer:
    """All cells with their customers, and these customers' orders and money over the life."""
    async with view(engine, shop_id, as_of) as (conn, shop):
        store = ViewStore(conn)
        grid = await view_grid(store, shop, as_of)
    return GridAnswer(
        shop_id=shop_id,
        as_of=grid.as_of,
        live=as_of is None,
        currency=shop.currency,
        customers=sum(total.customers for total in grid.cells.values()),
        average=AverageAnswer.of(grid.average),
        cells=[CellAnswer(cell=cell, **asdict(total)) for cell, total in grid.cells.items()],
    )


@asynccontextmanager
async def view(
    engine: AsyncEngine, shop_id: str, as_of: date | None
) -> AsyncIterator[tuple[AsyncConnection, ShopDay]]:
    """Open the shop for reading; refuse a day that its calendar has not reached."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ViewStore(conn).shop(shop_id)
        if found is None:
            raise UnknownShop("no such shop")
        shop, now = found
        if as_of is not None and not FIRST_DAY <= as_of <= day_of(now, shop.zone):
            raise BadQuestion(f"as_of must lie between {FIRST_DAY} and the shop's today")
        yield conn, shop
