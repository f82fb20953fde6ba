"""Points over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.ids import derive
from segmenter.app.change_points import NotEnough, Taken, change_points
from segmenter.app.settle_points import Entry
from segmenter.domain.passes import expiry_day
from segmenter.domain.points import SURVEY
from segmenter.edges.api import LAST_REVISION, Cursor, CustomerId
from segmenter.edges.members.answers import (
    AdjustBody,
    EndingAnswer,
    EntryAnswer,
    PointsAnswer,
    SpendBody,
    SurveyBody,
)
from segmenter.edges.members.desk import Post, ThePost, open_desk
from segmenter.edges.members.points_views import PointsViews
from segmenter.errors import BadQuestion, NotEnoughPoints, RequestTaken, UnknownCustomer
from web.auth import ShopId, require
from web.bodies import json_body
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["members"])
read = Depends(require("customers:read"))
write = Depends(require("customers:write"))


@router.get("/customers/{customer_id}/points", operation_id="get_points", dependencies=[read])
async def get_points(
    shop_id: ShopId,
    customer_id: CustomerId,
    engine: Engine,
    post: ThePost,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PointsAnswer:
    """A customer's points: the balance, the ledger, and which end next."""
    place = decode_cursor(cursor, int)
    before = LAST_REVISION if place is None else int(place[0])
    async with open_desk(engine, shop_id, post) as desk:
        views = PointsViews(desk.conn)
        await _check_known(views, customer_id)
        balance = await views.balance(customer_id)
        found = await views.entries(customer_id, before, limit + 1)
        ending = await views.ending(customer_id)
    more = len(found) > limit
    return PointsAnswer(
        balance=balance,
        entries=[EntryAnswer.of(one) for one in found[:limit]],
        expires_next=None if ending is None else EndingAnswer(points=ending[1], on=ending[0]),
        cursor=encode_cursor(found[limit - 1].number) if more else None,
    )


@router.post(
    "/customers/{customer_id}/points/spend", operation_id="spend_points", dependencies=[write]
)
async def spend_points(
    shop_id: ShopId,
    customer_id: CustomerId,
    new: Annotated[SpendBody, Depends(json_body(SpendBody))],
    engine: Engine,
    post: ThePost,
) -> EntryAnswer:
    """Spend points, the oldest first; more than there are is a 409 that tells the balance."""
    return await _change(
        *(engine, shop_id, customer_id, post),
        ("spent", new.spend_id, -new.points, new.reason or ""),
    )


@router.post(
    "/customers/{customer_id}/points/adjust", operation_id="adjust_points", dependencies=[write]
)
async def adjust_points(
    shop_id: ShopId,
    customer_id: CustomerId,
    new: Annotated[AdjustBody, Depends(json_body(AdjustBody))],
    engine: Engine,
    post: ThePost,
) -> EntryAnswer:
    """Give or take points by hand."""
    if new.points == 0:
        raise BadQuestion("points must not be 0: say how many to give, or below 0 to take")
    return await _change(
        *(engine, shop_id, customer_id, post),
        ("adjusted", new.adjust_id, new.points, new.reason),
    )


@router.post(
    "/customers/{customer_id}/points/survey", operation_id="reward_survey", dependencies=[write]
)
async def reward_survey(
    shop_id: ShopId,
    customer_id: CustomerId,
    new: Annotated[SurveyBody, Depends(json_body(SurveyBody))],
    engine: Engine,
    post: ThePost,
) -> EntryAnswer:
    """Give the points of an answered survey, once for each."""
    return await _change(
        *(engine, shop_id, customer_id, post), ("survey", new.survey_id, SURVEY, "")
    )


async def _change(
    engine: AsyncEngine,
    shop_id: str,
    customer_id: str,
    post: Post,
    asked: tuple[str, str, int, str],
) -> EntryAnswer:
    cause, request_id, points, reason = asked
    async with open_desk(engine, shop_id, post) as desk:
        await _check_known(PointsViews(desk.conn), customer_id)
        wanted = Entry(
            shop_id,
            customer_id,
            derive("points", shop_id, cause, customer_id, request_id),
            points,
            cause,
            desk.outlet.now,
            source=request_id,
            reason=reason,
            expires_on=expiry_day(desk.today) if points > 0 else None,
        )
        answer = await change_points(desk.points, wanted)
    match answer:
        case NotEnough(balance):
            raise NotEnoughPoints(f"the balance is {balance}: take no more than that")
        case Taken():
            raise RequestTaken("this id was used for another number of points: choose a new one")
        case entry:
            post.wake()
            return EntryAnswer.of(entry)


async def _check_known(views: PointsViews, customer_id: str) -> None:
    if not await views.knows(customer_id):
        raise UnknownCustomer("no such customer")
