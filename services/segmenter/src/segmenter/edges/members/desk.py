"""What the routes of levels and points share: one shop, in one transaction."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from care.calendar import day_of
from plumbing.clock import business_now
from segmenter.app.settle_levels import House, window_of
from segmenter.domain.levels import Member, Merit
from segmenter.edges.members.points_store import PointsStore
from segmenter.edges.members.store import MemberStore
from segmenter.edges.store import SOURCE, Outlet
from segmenter.errors import UnknownCustomer, UnknownShop
from web.shop_session import shop_tx


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


@asynccontextmanager
async def open_desk(engine: AsyncEngine, shop_id: str, post: Post) -> AsyncIterator[Desk]:
    """Open the shop for one request."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        outlet = Outlet(await business_now(conn), post.partitions)
        members = MemberStore(conn, outlet)
        house = (await members.houses([shop_id])).get(shop_id)
        if house is None:
            raise UnknownShop("no such shop")
        yield Desk(conn, outlet, house, members, PointsStore(conn, outlet))
