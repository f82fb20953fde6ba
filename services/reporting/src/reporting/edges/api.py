"""Reports over HTTP: read only, one shop, days of that shop."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.requests import ClientDisconnect

from reporting.edges.reports.answers import EffectReport, PeopleReport, Side, SummaryReport
from reporting.edges.reports.desk import Desk
from reporting.edges.reports.wire import Ask, EffectOf, PeopleOf, SummaryOf
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor
from web.tagged import TaggedRoute

router = APIRouter(prefix="/v1/shops/{shop_id}/reports", tags=["reports"], route_class=TaggedRoute)
read = Depends(require("reports:read"))

First = Annotated[
    date | None, Query(alias="from", description="first day; by default 30 before `until`")
]
Until = Annotated[date | None, Query(description="the day after the last one; by default tomorrow")]
RuleId = Annotated[str, Query(min_length=1, max_length=128)]


@router.get(
    "/effect", operation_id="report_effect", dependencies=[read], response_model=EffectReport
)
async def report_effect(
    request: Request,
    shop_id: ShopId,
    rule_id: RuleId | None = None,
    first: First = None,
    until: Until = None,
) -> Response:
    """Tell what the messages sent in the period cost and brought, per rule."""
    return await _answer(request, EffectOf(shop_id, first, until, rule_id))


@router.get(
    "/summary", operation_id="report_summary", dependencies=[read], response_model=SummaryReport
)
async def report_summary(
    request: Request, shop_id: ShopId, first: First = None, until: Until = None
) -> Response:
    """Tell what came in, what was sent and why not, and what it earned."""
    return await _answer(request, SummaryOf(shop_id, first, until))


@router.get(
    "/people", operation_id="report_people", dependencies=[read], response_model=PeopleReport
)
async def report_people(  # noqa: PLR0913, PLR0917 - each one is a part of the query
    request: Request,
    shop_id: ShopId,
    rule_id: RuleId,
    side: Side = Side.PAID,
    first: First = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List who is behind a rule's fields: those who paid, or those who did not."""
    place = decode_cursor(cursor, str)
    after = None if place is None else str(place[0])
    ask = PeopleOf(shop_id, first, until, rule_id, side, limit, after)
    return await _answer(request, ask)


async def _answer(request: Request, ask: Ask) -> Response:
    """Answer with the report, unless the caller goes away before."""
    desk: Desk = request.app.state.desk
    report = asyncio.create_task(desk.report(ask))
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({report, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not report.done():
            raise ClientDisconnect
        return Response(report.result(), media_type="application/json")
    finally:
        report.cancel()
        gone.cancel()
        await asyncio.gather(report, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
