"""What comes for members because time passes: points fall due, levels by hand end, passes run.

A pass goes over a shop's members in pages, one transaction each: reviews and their warnings,
points that end and the word before. It remembers whom it did last, so one that dies goes on there;
one that slept through its day does it late, and all days between, in order. A warning that would
come too late is not given: nobody goes down by it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from care.calendar import day_of
from segmenter.app.settle_levels import Store as Levels
from segmenter.app.settle_levels import end_manual, judge
from segmenter.app.settle_points import (
    Ends,
    PaidOrder,
    SourceKey,
    Sources,
    ToldReview,
    expire,
    order_claims,
    review_claims,
    settle_points,
    tell_endings,
)
from segmenter.domain.passes import Pass, first_day, next_day, runs_at, runs_on
from segmenter.domain.points import ORDER
from segmenter.domain.standing import CustomerKey


@dataclass(frozen=True, slots=True)
class Run:
    """A pass of one shop that is to go on; nobody else works on it."""

    shop_id: str
    zone: str
    kind: Pass
    day: date
    cursor: str  # the last customer done


@dataclass(frozen=True, slots=True)
class Round:
    """When a pass runs next."""

    shop_id: str
    kind: Pass
    day: date
    at: datetime


class Rounds(Protocol):
    """What passes need of storage, inside one open transaction. What is taken is locked."""

    async def shops_without(self, limit: int) -> dict[str, str]: ...
    async def begin(self, rounds: Sequence[Round]) -> None: ...
    async def take_run(self, now: datetime) -> Run | None: ...
    async def members_after(self, run: Run, limit: int) -> list[CustomerKey]: ...
    async def accounts_after(self, run: Run, limit: int) -> list[CustomerKey]: ...
    async def save_cursor(self, run: Run, cursor: str) -> None: ...
    async def advance(self, following: Round) -> None: ...
    async def take_ended(self, now: datetime, limit: int) -> list[CustomerKey]: ...
    async def take_due(self, now: datetime, limit: int) -> list[SourceKey]: ...


class Points(Sources, Ends, Protocol):
    async def orders(self, keys: Collection[tuple[str, ...]]) -> list[PaidOrder]: ...
    async def reviews(self, keys: Collection[tuple[str, ...]]) -> list[ToldReview]: ...
    async def drop_sources(self, keys: Collection[SourceKey]) -> None: ...


async def tend_members(
    rounds: Rounds, levels: Levels, points: Points, now: datetime, *, limit: int
) -> int:
    """Do the next piece of what is due, at most *limit* rows; return 0 if nothing is."""
    due = await rounds.take_due(now, limit)
    if due:
        orders = await points.orders({(key[0], key[2]) for key in due if key[1] == ORDER})
        reviews = await points.reviews({(key[0], key[2]) for key in due if key[1] != ORDER})
        claims = order_claims(orders) + review_claims(reviews)
        await settle_points(points, claims, now)
        await points.drop_sources(set(due) - {claim.key for claim in claims})
        return len(due)
    ended = await rounds.take_ended(now, limit)
    if ended:
        await end_manual(levels, ended, now)
        return len(ended)
    run = await rounds.take_run(now)
    if run is not None:
        await _go_on(rounds, levels, points, run, now, limit)
        return 1
    return await _begin(rounds, now, limit)


async def _go_on(
    rounds: Rounds, levels: Levels, points: Points, run: Run, now: datetime, limit: int
) -> None:
    today = day_of(now, run.zone)
    if run.kind in (Pass.REVIEW, Pass.WARN):
        too_late = run.kind is Pass.WARN and today > runs_on(run.kind, run.day)
        page = [] if too_late else await rounds.members_after(run, limit)
        house = (await levels.houses([run.shop_id]))[run.shop_id]
        await judge(levels, house, run.kind, run.day, page, today)
    else:
        page = await rounds.accounts_after(run, limit)
        if run.kind is Pass.EXPIRE:
            await expire(points, run.shop_id, page, run.day, now)
        else:
            await tell_endings(points, run.shop_id, page, run.day)
    if page:
        await rounds.save_cursor(run, page[-1][1])
        return
    day = next_day(run.kind, run.day)
    await rounds.advance(Round(run.shop_id, run.kind, day, runs_at(run.kind, day, run.zone)))


async def _begin(rounds: Rounds, now: datetime, limit: int) -> int:
    shops = await rounds.shops_without(limit)
    found: list[Round] = []
    for shop_id, zone in shops.items():
        for kind in Pass:
            day = first_day(kind, day_of(now, zone))
            found.append(Round(shop_id, kind, day, runs_at(kind, day, zone)))
    await rounds.begin(found)
    return len(shops)
