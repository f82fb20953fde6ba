"""Used audiences: who enters and who leaves, announced exactly once.

A whole judgement is many short transactions. One compares whom the filter means with whom was
announced, and lists the difference; each further one writes and announces a page of it. A
judgement that dies goes on where it stood. Customers of whom something changed are judged apart,
between whole judgements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from contracts.events import AttributeType, AudienceChanged
from segmenter.domain.audience.parse import BadFilter, parse
from segmenter.domain.audience.tree import Question, Today


@dataclass(frozen=True, slots=True)
class Task:
    """An audience with work to do; nobody else works on it until the transaction ends."""

    shop: Today
    own: Mapping[str, AttributeType]  # the shop's own attributes
    audience_id: str
    question: Mapping[str, Any]  # as saved
    judgement: int
    judged_day: date | None
    compares: bool  # else it writes what the last comparison left
    removed: bool


@dataclass(frozen=True, slots=True)
class Change:
    customer_id: str
    member: bool


class Store(Protocol):
    """What judging needs from storage, inside one open transaction."""

    async def take(self) -> Task | None: ...
    async def compare(self, task: Task, question: Question | None) -> None:
        """List who enters and who leaves; without a question everybody leaves."""

    async def fault(self, task: Task, reason: str) -> None: ...
    async def draw(self, task: Task, limit: int) -> list[Change]: ...
    async def keep(self, task: Task, changes: Sequence[Change]) -> None: ...
    async def send(self, changes: Sequence[AudienceChanged]) -> None: ...
    async def finish(self, task: Task) -> None: ...
    async def take_changed(self, limit: int) -> tuple[list[Task], list[str]]:
        """Return all used audiences of some shop at rest, and its customers that changed."""

    async def compare_some(
        self, task: Task, question: Question, customers: Sequence[str]
    ) -> list[Change]: ...


async def judge_audience(store: Store, *, limit: int) -> bool:
    """Do the next piece of some audience's judgement; return whether there was any."""
    task = await store.take()
    if task is None:
        return False
    if task.compares:
        await _compare(store, task)
        return True
    changes = await store.draw(task, limit)
    if changes:
        await _announce(store, task, changes, task.judged_day or task.shop.day)
    else:
        await store.finish(task)
    return True


async def judge_changed(store: Store, *, limit: int) -> bool:
    """Judge again customers of whom something changed; return whether there were any."""
    tasks, customers = await store.take_changed(limit)
    for task in tasks if customers else ():
        try:
            question = _question(task)
        except BadFilter:
            continue  # the next whole judgement tells it
        changes = await store.compare_some(task, question, customers)
        if changes:
            await _announce(store, task, changes, task.shop.day)
    return bool(customers)


async def _compare(store: Store, task: Task) -> None:
    if task.removed:
        await store.compare(task, None)
        return
    try:
        question = _question(task)
    except BadFilter as bad:
        first = bad.faults[0]
        await store.fault(task, f"{first.path}: {first.hint}")
        return
    await store.compare(task, question)


async def _announce(store: Store, task: Task, changes: Sequence[Change], as_of: date) -> None:
    await store.keep(task, changes)
    await store.send(
        [
            AudienceChanged(
                shop_id=task.shop.shop_id,
                customer_id=change.customer_id,
                audience_id=task.audience_id,
                revision=task.judgement,
                as_of=as_of,
                member=change.member,
            )
            for change in changes
        ]
    )


def _question(task: Task) -> Question:
    return parse(task.question["filter"], task.question["exclude"], task.own)
