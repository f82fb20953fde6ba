"""Give every shop the rules that the file holds, and end what belongs to a rule switched off."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from care_triggers.app import settle
from care_triggers.domain.kinds import KINDS
from care_triggers.domain.rule import Rule, announcement
from care_triggers.domain.rulebook import Pending, Rulebook, ending, next_versions


class Store(settle.Store, Protocol):
    async def rules(self, shops: Collection[str]) -> Rulebook: ...
    async def save_rules(self, versions: Sequence[tuple[str, Rule]], now: datetime) -> None: ...
    async def pending_switched_off(self, limit: int) -> Pending: ...


async def keep_rules(
    store: Store, shops: Collection[str], file: Mapping[str, Rule], now: datetime
) -> int:
    """Give *shops*, whose rows the caller has locked, the versions they lack; return how many."""
    book = await store.rules(shops)
    versions = [
        (shop_id, rule)
        for shop_id in sorted(shops)
        for rule in next_versions(
            file, [rule for (shop, _), rule in book.current.items() if shop == shop_id]
        )
    ]
    await store.save_rules(versions, now)
    store.send(
        announcement(rule, shop_id, credits_own_order=KINDS[rule.kind].credits_own_order)
        for shop_id, rule in versions
    )
    return len(versions)


async def drop_switched_off(store: Store, now: datetime, *, limit: int) -> int:
    """Drop timers and recall messages of rules that are off, at most *limit* of each."""
    pending = await store.pending_switched_off(limit)
    if not pending.timers and not pending.planned:
        return 0
    shops = {timer.shop_id for timer in (*pending.timers, *pending.planned)}
    effects = ending(pending, await store.rules(shops), "rule_off", now)
    await settle.settle(store, effects, now)
    return max(len(pending.timers), len(pending.planned))
