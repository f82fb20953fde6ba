"""Levels over HTTP."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from care.calendar import start_of_day
from segmenter.app.settle_levels import House, keep
from segmenter.domain.levels import Manual, Member, Merit, rank, set_manual
from segmenter.edges.api import CustomerId
from segmenter.edges.members.answers import (
    LevelBody,
    LevelsBody,
    ManualAnswer,
    ManualBody,
    MembershipAnswer,
    NextAnswer,
)
from segmenter.edges.members.desk import Desk, ThePost, open_desk
from segmenter.edges.members.points_views import PointsViews
from segmenter.errors import BadQuestion, UnknownCustomer
from web.auth import ShopId, require
from web.bodies import json_body
from web.shop_session import Engine

LONGEST_MANUAL: Final = timedelta(days=3660)

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["members"])
read = Depends(require("customers:read"))
write = Depends(require("customers:write"))


@router.get("/levels", operation_id="get_levels", dependencies=[read])
async def get_levels(shop_id: ShopId, engine: Engine, post: ThePost) -> LevelsBody:
    """The shop's member levels, the lowest first."""
    async with open_desk(engine, shop_id, post) as desk:
        return LevelsBody.of(desk.house.levels)


@router.put("/levels", operation_id="put_levels", dependencies=[Depends(require("shops:write"))])
async def put_levels(
    shop_id: ShopId,
    new: Annotated[LevelsBody, Depends(json_body(LevelsBody))],
    engine: Engine,
    post: ThePost,
) -> LevelsBody:
    """Replace the levels. Members follow with what they do next, and at the next review."""
    async with open_desk(engine, shop_id, post) as desk:
        await desk.members.save_levels(shop_id, [one.level() for one in new.levels])
    return new


@router.get(
    "/customers/{customer_id}/membership", operation_id="get_membership", dependencies=[read]
)
async def get_membership(
    shop_id: ShopId, customer_id: CustomerId, engine: Engine, post: ThePost
) -> MembershipAnswer:
    """A member's level, what counts towards it, and what the next one lacks."""
    async with open_desk(engine, shop_id, post) as desk:
        member, merit = await desk.member(customer_id)
        balance = await PointsViews(desk.conn).balance(customer_id)
        return _membership(desk.house, customer_id, member, merit, balance)


@router.put("/customers/{customer_id}/level", operation_id="set_level", dependencies=[write])
async def set_level(
    shop_id: ShopId,
    customer_id: CustomerId,
    new: Annotated[ManualBody, Depends(json_body(ManualBody))],
    engine: Engine,
    post: ThePost,
) -> MembershipAnswer:
    """Set a level by hand: it shows, whatever is earned, until the end of a day."""
    async with open_desk(engine, shop_id, post) as desk:
        if new.level_id not in {one.level_id for one in desk.house.levels}:
            raise BadQuestion("the shop has no such level: GET .../levels tells which it has")
        if not desk.today <= new.until <= desk.today + LONGEST_MANUAL:
            raise BadQuestion("until must lie between the shop's today and ten years from now")
        ends_at = start_of_day(new.until + timedelta(days=1), desk.house.zone)
        await _set(desk, customer_id, Manual(new.level_id, new.until, new.reason, ends_at))
        member, merit = await desk.member(customer_id)
        balance = await PointsViews(desk.conn).balance(customer_id)
    post.wake()
    return _membership(desk.house, customer_id, member, merit, balance)


@router.delete(
    "/customers/{customer_id}/level",
    operation_id="unset_level",
    status_code=204,
    dependencies=[write],
)
async def unset_level(
    shop_id: ShopId, customer_id: CustomerId, engine: Engine, post: ThePost
) -> Response:
    """Take back a level set by hand; the ordinary one shows again."""
    async with open_desk(engine, shop_id, post) as desk:
        await _set(desk, customer_id, None)
    post.wake()
    return Response(status_code=204)


async def _set(desk: Desk, customer_id: str, manual: Manual | None) -> None:
    key = (desk.house.shop_id, customer_id)
    members = await desk.members.lock_members([key])
    if key not in members:
        raise UnknownCustomer("no such member: nobody of this id has joined or bought")
    outcome = set_manual(desk.house.levels, members[key], manual, desk.today)
    await keep(desk.members, members, {key: outcome})


def _membership(
    house: House, customer_id: str, member: Member, merit: Merit, balance: int
) -> MembershipAnswer:
    place = rank(house.levels, member.shown)
    manual = member.manual
    return MembershipAnswer(
        shop_id=house.shop_id,
        customer_id=customer_id,
        level=LevelBody.of(house.levels[place]),
        since=member.since,
        joined_on=member.joined_on,
        manual=None
        if manual is None
        else ManualAnswer(level_id=manual.level_id, until=manual.until, reason=manual.reason),
        ordinary_level_id=member.level_id,
        currency=house.currency,
        spend_minor=merit.spend_minor,
        activity=merit.activity,
        orders=merit.orders,
        reviews=merit.reviews,
        login_days=merit.login_days,
        next=_next(house, place, merit),
        goes_down_on=member.warned_for,
        points=balance,
    )


def _next(house: House, place: int, merit: Merit) -> NextAnswer | None:
    if place + 1 == len(house.levels):
        return None
    level = house.levels[place + 1]
    return NextAnswer(
        level_id=level.level_id,
        missing_minor=max(0, level.spend * house.unit_minor - merit.spend_minor),
        missing_activity=max(0, level.activity - merit.activity),
    )
