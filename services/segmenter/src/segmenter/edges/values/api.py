"""The HTTP API of value and churn: a customer's, a shop's, and who is at risk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from segmenter.app.view_value import judge, worth
from segmenter.app.walk_churn import Met
from segmenter.domain.churn import Risk
from segmenter.edges.api import Cursor, CustomerId, read
from segmenter.edges.store import SOURCE
from segmenter.edges.values.answers import (
    AtRiskAnswer,
    BuyingAnswer,
    ChurnAnswer,
    ChurnGapsAnswer,
    RiskAnswer,
    ShopValueAnswer,
    SpendingAnswer,
    ValueAnswer,
    classes_of,
)
from segmenter.edges.values.purchase_days import at_risk, days_of
from segmenter.edges.values.view_store import ShopView, ValueViewStore
from segmenter.edges.values.wire import Model
from segmenter.errors import UnknownCustomer, UnknownShop
from web.auth import ShopId
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine, shop_tx

_ASCENDING: Final = tuple(Risk)

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["value"])


class ListedRisk(StrEnum):
    """Risks that are listed; everybody else is at a low one, or at none that could be told."""

    MIDDLE = Risk.MIDDLE
    HIGH = Risk.HIGH
    VERY_HIGH = Risk.VERY_HIGH


@router.get(
    "/customers/{customer_id}/value", operation_id="get_customer_value", dependencies=[read]
)
async def get_customer_value(
    shop_id: ShopId, customer_id: CustomerId, engine: Engine
) -> ValueAnswer:
    """What one customer brought and is expected to bring, and the risk of losing them, today."""
    async with _view(engine, shop_id) as (conn, store, shop):
        if not await store.is_known(customer_id):
            raise UnknownCustomer("no such customer")
        days = await days_of(conn, shop_id, customer_id, shop.day)
    model, terms = shop.model, shop.terms
    found = None
    if model is not None and model.buying is not None:
        found = worth(days, shop.day, model.buying, model.spending, terms)
    last_day = days[-1].day if days else None
    judged = judge(len(days), last_day, shop.day, shop.gaps, shop.thresholds)
    return ValueAnswer(
        shop_id=shop_id,
        customer_id=customer_id,
        as_of=shop.day,
        currency=shop.currency,
        net_minor=sum(one.net_minor for one in days),
        state="waiting" if model is None else model.state,
        reason=_reason(model),
        have=None if model is None else model.repeaters,
        needed=None if model is None else model.needed,
        model_of=shop.model_of,
        margin_percent=terms.margin_percent,
        acquisition_cost_minor=terms.acquisition_cost_minor,
        churn=RiskAnswer.of(judged),
        **ValueAnswer.expected(found),
    )


@router.get("/value", operation_id="get_shop_value", dependencies=[read])
async def get_shop_value(shop_id: ShopId, engine: Engine) -> ShopValueAnswer:
    """The models behind: parameters, how well they fit, the gaps; or why there are none."""
    async with _view(engine, shop_id) as (_, _, shop):
        model = shop.model
    return ShopValueAnswer(
        shop_id=shop_id,
        state="waiting" if model is None else model.state,
        reason=_reason(model),
        as_of=shop.model_of,
        customers=None if model is None else model.customers,
        have=None if model is None else model.repeaters,
        needed=None if model is None else model.needed,
        every=None if model is None else model.every,
        buying=_buying(model),
        spending=_spending(model),
        churn=ChurnGapsAnswer(
            as_of=shop.gaps_of,
            percents=list(shop.terms.churn_percents),
            classes=classes_of(shop.gaps, shop.thresholds),
        ),
    )


@router.get("/churn", operation_id="list_churn", dependencies=[read])
async def list_churn(
    shop_id: ShopId,
    engine: Engine,
    risk: Annotated[ListedRisk, Query(description="as announced")] = ListedRisk.HIGH,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ChurnAnswer:
    """Customers by id of whom this risk was announced, with the reasons; not who came since.

    A page may be shorter than *limit*, or empty, and others follow it: the cursor tells.
    """
    place = decode_cursor(cursor, str)
    after = "" if place is None else str(place[0])
    async with _view(engine, shop_id) as (conn, store, shop):
        found = await at_risk(conn, shop_id, shop.day, Risk(risk), after, limit + 1)
        since = await store.announced([one.customer_id for one in found[:limit]])
    listed = [
        AtRiskAnswer(
            customer_id=one.customer_id,
            announced_on=since[one.customer_id],
            churn=RiskAnswer.of(
                judge(one.counted_days, one.last_day, shop.day, shop.gaps, shop.thresholds)
            ),
        )
        for one in found[:limit]
        if not _came_since(one, risk, shop)
    ]
    more = len(found) > limit
    return ChurnAnswer(
        as_of=shop.gaps_of,
        customers=listed,
        cursor=encode_cursor(found[limit - 1].customer_id) if more else None,
    )


def _came_since(one: Met, risk: ListedRisk, shop: ShopView) -> bool:
    judged = judge(one.counted_days, one.last_day, shop.day, shop.gaps, shop.thresholds)
    return _ASCENDING.index(judged.risk) < _ASCENDING.index(Risk(risk))


def _reason(model: Model | None) -> str:
    return "" if model is None else model.reason or model.spending_reason


def _buying(model: Model | None) -> BuyingAnswer | None:
    if model is None or model.buying is None:
        return None
    known = model.buying
    return BuyingAnswer(
        r=known.r,
        alpha=known.alpha,
        a=known.a,
        b=known.b,
        log_likelihood=model.log_likelihood,
        calibration=model.calibration,
    )


def _spending(model: Model | None) -> SpendingAnswer | None:
    if model is None or model.spending is None:
        return None
    known = model.spending
    return SpendingAnswer(
        p=known.p, q=known.q, gamma=known.gamma, log_likelihood=model.spending_log_likelihood
    )


@asynccontextmanager
async def _view(
    engine: AsyncEngine, shop_id: str
) -> AsyncIterator[tuple[AsyncConnection, ValueViewStore, ShopView]]:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        store = ValueViewStore(conn)
        shop = await store.shop(shop_id)
        if shop is None:
            raise UnknownShop("no such shop")
        yield conn, store, shop
