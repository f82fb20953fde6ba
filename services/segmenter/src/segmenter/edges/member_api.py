"""Levels and points over HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from care.calendar import day_of, start_of_day
from contracts.ids import derive
from plumbing.clock import business_now
from segmenter.app.change_points import NotEnough, Taken, change_points
from segmenter.app.settle_levels import House, keep, window_of
from segmenter.app.settle_points import Entry
from segmenter.domain.levels import Manual, Member, Merit, rank, set_manual
from segmenter.domain.passes import expiry_day
from segmenter.domain.points import SURVEY
from segmenter.edges.api import LAST_REVISION, Cursor, CustomerId
from segmenter.edges.member_answers import (
    AdjustBody,
    EndingAnswer,
    EntryAnswer,
    LevelBody,
    LevelsBody,
    ManualAnswer,
    ManualBody,
    MembershipAnswer,
    NextAnswer,
    PointsAnswer,
    SpendBody,
    SurveyBody,
)
from segmenter.edges.member_store import MemberStore
from segmenter.edges.points_store import PointsStore
from segmenter.edges.points_views import PointsViews
from segmenter.edges.store import SOURCE, Outlet
from segmenter.errors import (
    BadQuestion,
    NotEnoughPoints,
    RequestTaken,
    UnknownCustomer,
    UnknownShop,
)
from web.auth import ShopId, require
from web.bodies import json_body
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine, shop_tx

LONGEST_MANUAL: Final = timedelta(days=3660)

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["members"])
read = Depends(require("customers:read"))
write = Depends(require("customers:write"))


@dataclass(frozen=True, slots=True)
class Post:
    """How a route's events get out."""

    partitions: int
    wake: Callable[[], None] = lambda: None


def _post_of(request: Request) -> Post:
    post: Post = request.app.state.post
    return post


ThePost = Annotated[Post, Depends(_post_of)]


@dataclass(frozen=True, slots=True)
class Desk:
    """One shop, in one open transaction of the API's role."""

    conn: AsyncConnection
    outlet: Outlet
    house: House
    members: MemberStore
    points: PointsStore

    @property
    def today(self) -> date:
        return day_of(self.outlet.now, self.house.zone)

    async def member(self, customer_id: str) -> tuple[Member, Merit]:
        """Return a member, and what counts today."""
        key = (self.house.shop_id, customer_id)
        member = (await self.members.members([key])).get(key)
        if member is None:
            raise UnknownCustomer("no such member: nobody of this id has joined or bought")
        merits = await self.members.merits({key: window_of(self.house, self.today)})
        return member, merits[key]


@router.get("/levels", operation_id="get_levels", dependencies=[read])
async def get_levels(shop_id: ShopId, engine: Engine, post: ThePost) -> LevelsBody:
    """The shop's member levels, the lowest first."""
    async with _desk(engine, shop_id, post) as desk:
        return LevelsBody.of(desk.house.levels)


@router.put("/levels", operation_id="put_levels", dependencies=[Depends(require("shops:write"))])
async def put_levels(
    shop_id: ShopId,
    new: Annotated[LevelsBody, Depends(json_body(LevelsBody))],
    engine: Engine,
    post: ThePost,
) -> LevelsBody:
    """Replace the levels. Members follow with what they do next, and at the next review."""
    async with _desk(engine, shop_id, post) as desk:
        await desk.members.save_levels(shop_id, [one.level() for one in new.levels])
    return new


@router.get(
    "/customers/{customer_id}/membership", operation_id="get_membership", dependencies=[read]
)
async def get_membership(
    shop_id: ShopId, customer_id: CustomerId, engine: Engine, post: ThePost
) -> MembershipAnswer:
    """A member's level, what counts towards it, and what the next one lacks."""
    async with _desk(engine, shop_id, post) as desk:
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
    async with _desk(engine, shop_id, post) as desk:
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
    async with _desk(engine, shop_id, post) as desk:
        await _set(desk, customer_id, None)
    post.wake()
    return Response(status_code=204)


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
    async with _desk(engine, shop_id, post) as desk:
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
    async with _desk(engine, shop_id, post) as desk:
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


async def _set(desk: Desk, customer_id: str, manual: Manual | None) -> None:
    key = (desk.house.shop_id, customer_id)
    members = await desk.members.lock_members([key])
    if key not in members:
        raise UnknownCustomer("no such member: nobody of this id has joined or bought")
    outcome = set_manual(desk.house.levels, members[key], manual, desk.today)
    await keep(desk.members, members, {key: outcome})


async def _check_known(views: PointsViews, customer_id: str) -> None:
    if not await views.knows(customer_id):
        raise UnknownCustomer("no such customer")


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


@asynccontextmanager
async def _desk(engine: AsyncEngine, shop_id: str, post: Post) -> AsyncIterator[Desk]:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        outlet = Outlet(await business_now(conn), post.partitions)
        members = MemberStore(conn, outlet)
        house = (await members.houses([shop_id])).get(shop_id)
        if house is None:
            raise UnknownShop("no such shop")
        yield Desk(conn, outlet, house, members, PointsStore(conn, outlet))
