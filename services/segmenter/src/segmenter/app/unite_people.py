"""Customers who turn out to be one person, or to be several: orders and places in the grid follow.

The orders of all count under the survivor's id. The others leave the grid as they stand: nothing
is announced of them, for whoever heeds a merge looks at the survivor. Parted again, everybody has
the orders that name them, and is announced if that is another cell than the last one announced.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol

from contracts.events import ChangeReason, SegmentChanged
from segmenter.domain.book import Book
from segmenter.domain.fold import Held, OrderKey, Sums
from segmenter.domain.people import Regrouped, Ties, Word, regroup
from segmenter.domain.rfm import NOTHING
from segmenter.domain.standing import UNSEEN, CustomerKey, ShopDay, Standing, move


class Moved(NamedTuple):
    """A customer who counts under another id from now on."""

    shop_id: str
    customer_id: str
    before: str
    after: str


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction.

    Nobody else unites customers of these shops meanwhile: who opened it has seen to that.
    """

    async def ties(self, shop_id: str, customers: Collection[str]) -> Ties: ...
    async def save_ties(self, shop_id: str, ties: Ties) -> None: ...
    async def lock_standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]: ...
    async def hand_over(self, moved: Sequence[Moved]) -> None: ...
    async def sums(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Sums]: ...
    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None: ...
    async def send(self, changes: Sequence[SegmentChanged]) -> None: ...
    def forget(self) -> None: ...


async def unite_people(store: Store, words: Iterable[Word], shops: Mapping[str, ShopDay]) -> None:
    """Heed *words* about pairs of customers of *shops*, whose days may not move meanwhile."""
    of_shop = attrgetter("shop_id")
    for shop_id, said in groupby(sorted(words, key=of_shop), key=of_shop):
        news = list(said)
        named = {one for word in news for one in (word.alias_id, word.survivor_id)}
        regrouped = regroup(await store.ties(shop_id, named), news)
        await store.save_ties(shop_id, regrouped.ties)
        if regrouped.moved:
            await _move(store, shops[shop_id], regrouped)
    store.forget()


async def _move(store: Store, shop: ShopDay, regrouped: Regrouped) -> None:
    shop_id, moved = shop.shop_id, regrouped.moved
    concerned = {(shop_id, one) for who, places in moved.items() for one in (who, *places)}
    standings = await store.lock_standings(concerned)
    await store.hand_over([Moved(shop_id, who, *places) for who, places in sorted(moved.items())])
    survivors = {customer: regrouped.survivors[customer[1]] for customer in sorted(concerned)}
    counted = {one for one, survivor_id in survivors.items() if survivor_id in {None, one[1]}}
    sums = await store.sums(counted)
    after: dict[CustomerKey, Standing] = {}
    changes: list[SegmentChanged] = []
    for customer, survivor_id in survivors.items():
        before = standings.get(customer, UNSEEN)._replace(survivor_id=survivor_id)
        if customer not in counted:
            after[customer] = before._replace(total=NOTHING, is_high=None, due_day=None)
            continue
        total = Book(sums[customer]).tally(shop.day)
        after[customer], change = move(customer, before, total, shop, ChangeReason.MERGE)
        if change is not None:
            changes.append(change)
    await store.save({}, after)
    await store.send(changes)
