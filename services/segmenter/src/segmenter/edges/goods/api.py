"""The segmenter's HTTP API of goods: what goes together, is needed again, sold last season."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncEngine

from segmenter.app.expect import Place, expect, expect_of
from segmenter.app.find_cohorts import Goods, Launched, count_cohorts, items_of, list_cohort
from segmenter.app.recommend import Suggestion, related
from segmenter.domain.cohort import Cohort, Days, large_sales
from segmenter.domain.pairs import ALL_YEAR, MOST_SHOWN, Season
from segmenter.domain.standing import ShopDay
from segmenter.edges.api import FIRST_DAY, Cursor, CustomerId
from segmenter.edges.goods.answers import (
    CohortsAnswer,
    ExpectedAnswer,
    ExpectedListAnswer,
    SuggestionAnswer,
    SuggestionsAnswer,
)
from segmenter.edges.goods.store import MOST_ITEMS, ProductStore
from segmenter.edges.store import SOURCE
from segmenter.edges.view_store import ViewStore
from segmenter.errors import BadQuestion, UnknownCustomer, UnknownItem, UnknownShop
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine, shop_tx

MOST_EXPECTED_DAYS: Final = 366

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["goods"])
read = Depends(require("customers:read"))

PLAIN: Final = r"^[^\x00-\x1f]*$"
Sku = Annotated[str, Path(min_length=1, max_length=600, pattern=PLAIN)]
Word = Annotated[str, Query(max_length=600, pattern=PLAIN)]
Few = Annotated[int, Query(ge=1, le=MOST_SHOWN)]
OfSeason = Annotated[
    Season | None, Query(description="count that season's purchases alone; absent: all")
]
Range = Annotated[str, Query(pattern=r"^\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d$")]


@router.get("/products/{sku}/related", operation_id="list_related", dependencies=[read])
async def list_related(
    shop_id: ShopId, sku: Sku, engine: Engine, season: OfSeason = None, limit: Few = MOST_SHOWN
) -> SuggestionsAnswer:
    """What is bought together with an item and in stock; then what the catalogue pairs it with."""
    async with _open(engine, shop_id) as (store, _):
        if not await store.knows_item(sku):
            raise UnknownItem("no such item in the catalogue or in any order")
        found = await related(store, sku, season or ALL_YEAR, limit)
        return _answer(await store.pairs_day(), season, found)


@router.get(
    "/customers/{customer_id}/suggestions", operation_id="list_suggestions", dependencies=[read]
)
async def list_suggestions(
    shop_id: ShopId,
    customer_id: CustomerId,
    engine: Engine,
    season: OfSeason = None,
    limit: Few = MOST_SHOWN,
) -> SuggestionsAnswer:
    """What goes with what a customer bought.

    Without what they have (but for consumables), sent back, or cannot get because it is out of
    stock.
    """
    async with _open(engine, shop_id) as (store, _):
        if not await store.knows_customer(customer_id):
            raise UnknownCustomer("no such customer")
        found = await store.suggestions(customer_id, season or ALL_YEAR, limit)
        return _answer(await store.pairs_day(), season, found)


@router.get("/customers/{customer_id}/expected", operation_id="list_expected", dependencies=[read])
async def list_expected(
    shop_id: ShopId, customer_id: CustomerId, engine: Engine
) -> list[ExpectedAnswer]:
    """When a customer will have used up each item that they buy again and again."""
    async with _open(engine, shop_id) as (store, _):
        if not await store.knows_customer(customer_id):
            raise UnknownCustomer("no such customer")
        return [ExpectedAnswer.of(one) for one in await expect_of(store, customer_id)]


@router.get("/expected", operation_id="list_all_expected", dependencies=[read])
async def list_all_expected(
    shop_id: ShopId,
    engine: Engine,
    opens: Annotated[date, Query(alias="from", description="the first day")],
    until: Annotated[date, Query(description="the day after the last")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ExpectedListAnswer:
    """Next purchases expected between two days, all customers'."""
    if not timedelta(0) < until - opens <= timedelta(days=MOST_EXPECTED_DAYS):
        raise BadQuestion(f"until must lie 1 to {MOST_EXPECTED_DAYS} days behind from")
    after = _place(cursor)
    async with _open(engine, shop_id) as (store, _):
        found = await expect(store, opens, until, after, limit + 1)
    more = len(found) > limit
    last = found[limit - 1].place if more else None
    return ExpectedListAnswer(
        expected=[ExpectedAnswer.of(one) for one in found[:limit]],
        cursor=encode_cursor(last.expected_day.toordinal(), *last[1:]) if last else None,
    )


@router.get("/cohorts/same-season", operation_id="list_same_season", dependencies=[read])
async def list_same_season(  # noqa: PLR0913, PLR0917 - each is one of the query's parameters
    shop_id: ShopId,
    engine: Engine,
    sku: Word = "",
    style: Word = "",
    category: Word = "",
    season: Annotated[
        str, Query(max_length=600, pattern=PLAIN, description="of the catalogue")
    ] = "",
    launch_day: Annotated[date | None, Query(description="L, instead of the catalogue's")] = None,
    hot_sale_day: Annotated[date | None, Query(description="H, together with launch_day")] = None,
    sale: Annotated[
        list[Range] | None,
        Query(max_length=100, description="a large sale, both days included; several times"),
    ] = None,
    cohort: Annotated[Cohort | None, Query(description="list these customers")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CohortsAnswer:
    """Who bought last year's season how: counts, and one cohort's customers by id."""
    goods = Goods(sku, style, category, season)
    if not (sku or style or category):
        raise BadQuestion("name an item, a style or a category: sku=, style=, category=")
    place = decode_cursor(cursor, str)
    after = "" if place is None else str(place[0])
    async with _open(engine, shop_id) as (store, shop):
        days = _season(launch_day, hot_sale_day, shop.day)
        sales = [_days(one) for one in sale] if sale else large_sales(FIRST_DAY.year, shop.day.year)
        items = _some(await items_of(store, goods, days, shop.day))
        counts = await count_cohorts(store, items, sales)
        found: list[str] = []
        if cohort is not None:
            found = await list_cohort(store, items, sales, cohort, after, limit + 1)
    return CohortsAnswer(
        as_of=shop.day,
        items=len(items),
        buyers=sum(counts.values()),
        early=counts[Cohort.EARLY],
        multi=counts[Cohort.MULTI],
        sale_only=counts[Cohort.SALE_ONLY],
        others=counts[None],
        customers=found[:limit],
        cursor=encode_cursor(found[limit - 1]) if len(found) > limit else None,
    )


def _answer(
    pairs_of: date | None, season: Season | None, found: Sequence[Suggestion]
) -> SuggestionsAnswer:
    return SuggestionsAnswer(
        pairs_of=pairs_of, season=season, suggestions=[SuggestionAnswer.of(one) for one in found]
    )


def _place(cursor: str | None) -> Place:
    found = decode_cursor(cursor, int, str, str)
    if found is None:
        return Place(date.min, "", "")
    day, customer_id, sku = found
    try:
        return Place(date.fromordinal(int(day)), str(customer_id), str(sku))
    except (ValueError, OverflowError):
        raise BadQuestion("the cursor is not one of ours: begin again without it") from None


def _season(
    launch_day: date | None, hot_sale_day: date | None, today: date
) -> tuple[date, date | None] | None:
    if launch_day is None:
        if hot_sale_day is not None:
            raise BadQuestion("hot_sale_day goes with launch_day")
        return None
    if not FIRST_DAY <= launch_day <= today or (hot_sale_day or launch_day) < launch_day:
        raise BadQuestion(
            f"launch_day must lie between {FIRST_DAY} and today, and hot_sale_day not before it"
        )
    return launch_day, hot_sale_day


def _days(sale: str) -> Days:
    first, _, last = sale.partition("..")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise BadQuestion(f"{sale} names a day that does not exist") from None
    if days[0] > days[1]:
        raise BadQuestion(f"{sale} ends before it begins")
    return days


def _some(items: Sequence[Launched]) -> Sequence[Launched]:
    if len(items) > MOST_ITEMS:
        raise BadQuestion(f"these are more than {MOST_ITEMS} items: choose fewer")
    if not items:
        raise BadQuestion("no such item has a launch day of last year: give launch_day=")
    return items


@asynccontextmanager
async def _open(engine: AsyncEngine, shop_id: str) -> AsyncIterator[tuple[ProductStore, ShopDay]]:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ViewStore(conn).shop(shop_id)
        if found is None:
            raise UnknownShop("no such shop")
        yield ProductStore(conn, found[0]), found[0]
