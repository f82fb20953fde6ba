"""A shop's midnight: cells that change because time passed, or because the average moved.

One pass is many short transactions. Opening the day sets day and average; the scan lists whom that
concerns; each batch settles some of them. A pass that dies goes on where it stood: nobody is
announced twice. Midnights that were slept through are made up for one by one, in order, so that
everybody goes through the same cells as if somebody had been awake.

A shop whose zone or currency changed goes the longer way: all orders are derived anew, and the
scan lists everybody.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from care.calendar import day_of, next_day, start_of_day
from contracts.events import SegmentChanged
from segmenter.domain.book import Book
from segmenter.domain.fold import Held, OrderKey, Sums, Survivors, state_of
from segmenter.domain.rfm import purchase_of
from segmenter.domain.standing import CustomerKey, ShopDay, Standing, is_stale, move


class Phase(StrEnum):
    """Where a shop's pass is. derive -> scan -> walk -> done; a midnight enters at scan."""

    DERIVE = "derive"
    SCAN = "scan"
    WALK = "walk"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Turn:
    """A shop with work to do; nobody else works on it until the transaction ends."""

    shop: ShopDay
    phase: Phase
    everything: bool  # all tallies are to be added up again
    cursor: str  # the last order derived


class Store(Protocol):
    """What the pass needs from storage, inside one open transaction."""

    async def take_turn(self, now: datetime) -> Turn | None: ...
    async def open_day(
        self, shop_id: str, day: date, until: datetime, *, everything: bool
    ) -> None: ...
    # Nobody is united with others until the transaction ends.
    async def page_of_orders(self, shop_id: str, after: str, limit: int) -> list[Held]: ...
    async def known_survivors(self, customers: Collection[CustomerKey]) -> Survivors: ...
    async def save_cursor(self, shop_id: str, cursor: str) -> None: ...
    async def list_due(self, shop: ShopDay, *, everything: bool) -> int: ...
    async def draw(self, shop_id: str, limit: int) -> list[CustomerKey]: ...
    async def lock_standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]: ...
    async def sums(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Sums]: ...
    async def finish(self, shop_id: str) -> None: ...
    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None: ...
    async def send(self, changes: Sequence[SegmentChanged]) -> None: ...


async def roll_day(store: Store, now: datetime, *, limit: int) -> Turn | None:
    """Do the next piece of some shop's pass, at most *limit* rows.

    Returns:
        The turn as it was taken, with DONE when it ended; None when no shop has anything to do.
    """
    turn = await store.take_turn(now)
    if turn is None:
        return None
    if turn.phase is Phase.DERIVE:
        await _derive(store, turn, now, limit)
    elif turn.phase is Phase.SCAN:
        await store.list_due(turn.shop, everything=turn.everything)
    elif turn.phase is Phase.WALK:
        if not await _walk(store, turn, limit):
            await store.finish(turn.shop.shop_id)
            return replace(turn, phase=Phase.DONE)
    else:
        await _open(store, turn, next_day(turn.shop.day, turn.shop.zone), everything=False)
    return turn


async def _open(store: Store, turn: Turn, day: date, *, everything: bool) -> None:
    until = start_of_day(next_day(day, turn.shop.zone), turn.shop.zone)
    await store.open_day(turn.shop.shop_id, day, until, everything=everything)


async def _derive(store: Store, turn: Turn, now: datetime, limit: int) -> None:
    shop = turn.shop
    page = await store.page_of_orders(shop.shop_id, turn.cursor, limit)
    if not page:
        await _open(store, turn, day_of(now, shop.zone), everything=True)
        return
    survivors = await store.known_survivors(
        {(shop.shop_id, held.order.customer_id) for held in page}
    )
    renewed: dict[OrderKey, Held] = {}
    for held in page:
        purchase = purchase_of(state_of(held), zone=shop.zone, currency=shop.currency)
        if purchase != held.purchase:
            owner_id = survivors.get((shop.shop_id, held.order.customer_id))
            renewed[shop.shop_id, held.order.order_id] = Held(held.order, purchase, owner_id)
    await store.save(renewed, {})
    await store.save_cursor(shop.shop_id, page[-1].order.order_id)


async def _walk(store: Store, turn: Turn, limit: int) -> bool:
    """Settle the next customers; return whether there were any."""
    shop = turn.shop
    customers = await store.draw(shop.shop_id, limit)
    if not customers:
        return False
    standings = await store.lock_standings(customers)
    redo = {
        customer
        for customer, standing in standings.items()
        if turn.everything or is_stale(standing, shop.day)
    }
    sums = await store.sums(redo)
    after: dict[CustomerKey, Standing] = {}
    changes: list[SegmentChanged] = []
    for customer, before in standings.items():
        total = before.total
        if customer in redo:
            total = Book(sums[customer]).tally(shop.day)
        standing, change = move(customer, before, total, shop)
        if standing != before:
            after[customer] = standing
        if change is not None:
            changes.append(change)
    await store.save({}, after)
    await store.send(changes)
    return True
