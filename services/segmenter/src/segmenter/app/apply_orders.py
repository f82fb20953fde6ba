"""Order facts become orders, tallies and cells; whoever changes cell is announced."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from contracts.events import SegmentChanged
from segmenter.domain.fold import (
    NOBODY_ELSE,
    Absorbed,
    Held,
    OrderKey,
    Sums,
    Survivors,
    absorb,
    advance,
    incomplete,
)
from segmenter.domain.rfm import Fact
from segmenter.domain.standing import CustomerKey, ShopDay, Standing


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction.

    What was loaded must still be so when it is saved; the store sees to it.
    """

    @property
    def known(self) -> Mapping[OrderKey, Held]:
        """Orders that need not be looked for; there may be others."""

    # Those of *customers* who count under another id. They and their survivors stay locked.
    async def survivors(self, customers: Collection[CustomerKey]) -> Survivors: ...
    async def add(self, orders: Mapping[OrderKey, Held]) -> Collection[OrderKey]:
        """Write *orders*, but those that stand there already, and return these."""

    async def orders(self, keys: Collection[OrderKey]) -> dict[OrderKey, Held]: ...
    async def standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]: ...
    # Without the orders that were added.
    async def sums(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, Sums]: ...
    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None: ...
    async def send(self, changes: Sequence[SegmentChanged]) -> None: ...


async def apply_orders(store: Store, facts: Sequence[Fact], shops: Mapping[str, ShopDay]) -> None:
    """Merge *facts* of any number of customers of *shops*, whose days may not move meanwhile."""
    known = store.known
    absorbed, survivors = await _absorb(store, known, facts, shops, NOBODY_ELSE)
    new = {key: held for key, held in absorbed.orders.items() if key not in known}
    stand = await store.add(new)
    if stand:  # what we took for new was not: once more, knowing them
        known = {**known, **await store.orders(stand)}
        absorbed, _ = await _absorb(store, known, facts, shops, survivors)

    # Standings before purchases: a change in between then shows in the standing.
    standings = await store.standings(absorbed.paths.keys())
    sums = await store.sums(incomplete(absorbed, standings, shops))
    outcome = advance(absorbed.paths, standings, sums, shops)

    amended = {key: held for key, held in absorbed.orders.items() if key in known}
    await store.save(amended, outcome.standings)
    await store.send(outcome.changes)


async def _absorb(
    store: Store,
    known: Mapping[OrderKey, Held],
    facts: Sequence[Fact],
    shops: Mapping[str, ShopDay],
    survivors: Survivors,
) -> tuple[Absorbed, Survivors]:
    """Absorb *facts*; as often as they turn out to be of somebody who counts under another id."""
    while True:
        absorbed = absorb(known, facts, shops, survivors)
        more = await store.survivors(absorbed.paths.keys())
        if more.keys() <= survivors.keys():
            return absorbed, survivors
        survivors = {**survivors, **more}
