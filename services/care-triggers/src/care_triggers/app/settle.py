"""Carry out what the course of the rules asks for, inside the transaction that merged the facts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, assert_never

from care_triggers.domain.course import (
    CloseTask,
    DropTimer,
    Effect,
    Note,
    OpenTask,
    PutTimer,
    Recall,
    Task,
    Tell,
)
from care_triggers.domain.values import Timer
from contracts.events import MessageRecalled


class Store(Protocol):
    async def put_timers(self, timers: Sequence[Timer]) -> None:
        """Insert them, or move those that are waiting."""

    async def drop_timers(self, keys: Collection[str]) -> set[str]:
        """Delete them; return the keys of those that were still there."""

    async def recall(self, reasons: Mapping[str, str], now: datetime) -> set[str]:
        """Mark planned messages as recalled; return those that had not ended yet."""

    async def open_tasks(self, tasks: Sequence[Task]) -> None: ...
    async def close_tasks(self, reasons: Mapping[str, str], now: datetime) -> None: ...
    async def log(self, notes: Sequence[Note]) -> None: ...
    def send(self, events: Iterable[Any]) -> None:
        """Keep them for the outbox, which is written last in the transaction."""


@dataclass(slots=True)
class _Heap:
    timers: list[Timer] = field(default_factory=list)
    drops: dict[str, Note] = field(default_factory=dict)
    recalls: dict[str, Note] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def add(self, effect: Effect) -> None:
        match effect:
            case PutTimer(timer):
                self.timers.append(timer)
            case DropTimer(key, note):
                self.drops[key] = note
            case Recall(message_id, note):
                self.recalls[message_id] = note
            case OpenTask(task, note):
                self.tasks.append(task)
                self.notes.append(note)
            case CloseTask(task_id, reason):
                self.closed[task_id] = reason
            case Tell(note):
                self.notes.append(note)
            case other:
                assert_never(other)


async def settle(store: Store, effects: Iterable[Effect], now: datetime) -> None:
    """Drop, recall, put and tell; a cancelled timer that was gone already is not told of."""
    heap = _Heap()
    for effect in effects:
        heap.add(effect)
    dropped = await store.drop_timers(heap.drops.keys())
    recalls = {key: note.decision.reason for key, note in heap.recalls.items()}
    recalled = await store.recall(recalls, now)
    await store.put_timers(heap.timers)
    await store.open_tasks(heap.tasks)
    await store.close_tasks(heap.closed, now)
    gone = [heap.recalls[key] for key in sorted(recalled)]
    notes = [*(heap.drops[key] for key in sorted(dropped)), *gone, *heap.notes]
    await store.log(notes)
    store.send(
        MessageRecalled(
            shop_id=note.decision.shop_id,
            customer_id=note.decision.customer_id,
            message_id=note.decision.message_id or "",
            reason=note.decision.reason,
        )
        for note in gone
    )
    store.send(note.decision for note in notes)
