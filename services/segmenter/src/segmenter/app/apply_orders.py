"""Order facts become orders, tallies and cells; whoever changes cell is announced."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from contracts.events import SegmentChanged
from segmenter.domain.fold import Fact, Held, OrderKey, Purchases, absorb, advance, incomplete
from segmenter.domain.standing import CustomerKey, ShopDay, Standing


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction.

    What was loaded must still be so when it is saved; the store sees to it.
    """

    async def orders(self, keys: Collection[OrderKey]) -> dict[OrderKey, Held]: ...
    async def standings(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Standing]: ...
    async def purchases(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Purchases]: ...
    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None: ...
    async def send(self, changes: Sequence[SegmentChanged]) -> None: ...


async def apply_orders(store: Store, facts: Sequence[Fact], shops: Mapping[str, ShopDay]) -> None:
    """Merge *facts* of any number of customers of *shops*, whose days may not move meanwhile."""
    known = await store.orders({(fact.shop_id, fact.order_id) for fact in facts})
    changed, steps = absorb(known, facts, shops)

    # Standings before purchases: a change in between then shows in the standing.
    standings = await store.standings({step.customer for step in steps})
    purchases = await store.purchases(incomplete(steps, standings, shops))
    outcome = advance(steps, standings, purchases, shops)

    await store.save(changed, outcome.standings)
    await store.send(outcome.changes)
