"""Take in what the other services say: merge it into rows, whatever its order and number."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from care.facts import OrderState, merge_order
from contracts.events import (
    Decision,
    DeliveryChanged,
    MessagePlanned,
    MessageRecalled,
    OrderFacts,
)
from reporting.domain.messages import MessageState, merge_message
from reporting.domain.orders import Figures, figures

Key: TypeAlias = tuple[str, str]  # shop and order, or shop and message
MessageEvent: TypeAlias = MessagePlanned | MessageRecalled | DeliveryChanged


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """`fact_ids` names the facts that were merged: their number is what the shop sent."""

    state: OrderState | None
    fact_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class OrderRow:
    state: OrderState
    figures: Figures
    fact_ids: frozenset[int]


class OrderStore(Protocol):
    async def lock_orders(self, keys: Collection[Key]) -> Mapping[Key, KnownOrder]:
        """Return each order as stored, locked in sorted order; a new one as known of nothing."""

    async def save_orders(self, rows: Sequence[OrderRow]) -> None: ...


class MessageStore(Protocol):
    async def lock_messages(self, keys: Collection[Key]) -> Mapping[Key, MessageState | None]:
        """Return each message as stored, locked in sorted order."""

    async def save_messages(self, messages: Sequence[MessageState]) -> None: ...

    async def add_decisions(self, decisions: Sequence[tuple[Decision, datetime]]) -> None:
        """Keep each decision, once by its id, with the instant that it belongs to."""


async def absorb_orders(store: OrderStore, facts: Sequence[tuple[int, OrderFacts]]) -> int:
    """Merge *facts*, each with the number of its event; return how many orders they changed."""
    keys = {(one.shop_id, one.order_id) for _, one in facts}
    known = await store.lock_orders(keys)
    merged = dict(known)
    for fact_id, one in facts:
        key = (one.shop_id, one.order_id)
        held = merged[key]
        if fact_id not in held.fact_ids:
            merged[key] = KnownOrder(merge_order(held.state, one), held.fact_ids | {fact_id})
    rows = [
        OrderRow(held.state, figures(held.state), held.fact_ids)
        for key, held in merged.items()
        if held is not known[key] and held.state is not None
    ]
    await store.save_orders(rows)
    return len(rows)


async def absorb_messages(store: MessageStore, events: Sequence[MessageEvent]) -> int:
    """Merge plans, recalls and deliveries; return how many messages they changed."""
    keys = {(one.shop_id, one.message_id) for one in events}
    known = await store.lock_messages(keys)
    merged = dict(known)
    for one in events:
        key = (one.shop_id, one.message_id)
        merged[key] = merge_message(merged[key], one)
    changed = [
        state for key, state in merged.items() if state is not None and state is not known[key]
    ]
    await store.save_messages(changed)
    return len(changed)
