"""Settle the timers that have come due: speak, wait a little, or say why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, assert_never

from care_triggers.domain.course import Instance, Note, Status, Step, note
from care_triggers.domain.kinds import KINDS, decide, facts_used
from care_triggers.domain.values import Drop, Due, Send, Snooze, Timer
from contracts.events import DecisionResult, MessagePlanned, Variable


@dataclass(frozen=True, slots=True)
class Settled:
    """One timer's end, or its delay, for the counters."""

    kind: str
    result: str
    late_s: float


class Store(Protocol):
    async def take_due(self, now: datetime, limit: int) -> Sequence[Due]:
        """Lock timers due at *now* with what they are about; pass over what somebody holds."""

    async def snooze(self, later: Mapping[str, datetime]) -> None: ...
    async def delete_timers(self, timers: Sequence[Timer]) -> None: ...
    async def mark(self, timers: Sequence[tuple[Timer, Status]]) -> None:
        """Note beside the order, parcel, review or person what was done."""

    async def plan(self, messages: Sequence[MessagePlanned], now: datetime) -> None: ...
    async def log(self, notes: Sequence[Note]) -> None: ...
    def send(self, events: Iterable[Any]) -> None: ...


@dataclass(slots=True)
class _Heap:
    planned: list[MessagePlanned] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    ended: list[tuple[Timer, Status]] = field(default_factory=list)
    later: dict[str, datetime] = field(default_factory=dict)


async def fire_due(store: Store, now: datetime, *, limit: int) -> list[Settled]:
    """Settle the timers due at *now*, at most *limit* of them."""
    dues = await store.take_due(now, limit)
    if not dues:
        return []
    heap = _Heap()
    settled = [_settle(due, now, heap) for due in dues]
    await store.snooze(heap.later)
    await store.delete_timers([timer for timer, _ in heap.ended])
    await store.mark(heap.ended)
    await store.plan(heap.planned, now)
    await store.log(heap.notes)
    store.send(heap.planned)
    store.send(one.decision for one in heap.notes)
    return settled


def _settle(due: Due, now: datetime, heap: _Heap) -> Settled:
    timer = due.timer
    result: str
    match decide(due, now):
        case Send() as send:
            heap.planned.append(_message(due, send))
            heap.notes.append(_note(due, DecisionResult.PLANNED, "", now))
            heap.ended.append((timer, "planned"))
            result = DecisionResult.PLANNED
        case Snooze(until):
            heap.later[timer.key] = until
            result = DecisionResult.DEFERRED
        case Drop(reason, result_):
            heap.notes.append(_note(due, result_, reason, now))
            cancelled = result_ is DecisionResult.CANCELLED
            heap.ended.append((timer, "cancelled" if cancelled else "skipped"))
            result = result_
        case other:
            assert_never(other)
    return Settled(timer.kind, result, (now - timer.due_at).total_seconds())


def _note(due: Due, result: DecisionResult, reason: str, now: datetime) -> Note:
    timer = due.timer
    instance = Instance(timer.shop_id, timer.customer_id, due.rule, facts=facts_used(due))
    step = Step("waiting", timer.rule_version, timer.once_key, timer.due_at, timer.day)
    return note(instance, step, result, reason, now)


def _message(due: Due, send: Send) -> MessagePlanned:
    timer, rule = due.timer, due.rule
    fixed = {value.name: value.zh if due.shop.locale == "zh" else value.en for value in rule.values}
    return MessagePlanned(
        shop_id=timer.shop_id,
        customer_id=timer.customer_id,
        message_id=timer.key,
        rule_id=timer.rule_id,
        rule_version=timer.rule_version,
        kind=timer.kind,
        message_class=rule.message_class,
        priority=rule.priority,
        channels=rule.channels,
        due_at=timer.due_at,
        expires_at=send.expires_at,
        once_key=timer.once_key,
        order_id=timer.order_id,
        parcel_id=timer.parcel_id,
        review_id=timer.review_id,
        needs_freshness=KINDS[timer.kind].needs_freshness,
        variables=tuple(
            Variable(name, value) for name, value in sorted({**fixed, **send.variables}.items())
        ),
    )
