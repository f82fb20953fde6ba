"""The course of one instance of a rule: wait, speak or be stopped; never twice.

Pure. `pursue` compares what is wanted with what was done, so any order of the facts ends alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Start, Stop, Timer, Wish
from contracts import ids
from contracts.events import Decision, DecisionResult

HISTORY: Final = timedelta(days=400)  # older facts are history: no care, and no word about it
SEND: Final = "send"
TASK: Final = "task"

Status: TypeAlias = Literal["waiting", "planned", "skipped", "cancelled", "recalled"]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done about one rule for one order, parcel, review or person."""

    status: Status
    rule_version: int
    once_key: str
    due_at: datetime
    day: date | None = None

    @property
    def open(self) -> bool:
        return self.status in ("waiting", "planned")


Steps: TypeAlias = Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class Instance:
    """Whom and what a rule is about. `facts` go into the log of decisions: nothing personal."""

    shop_id: str
    customer_id: str
    rule: Rule
    order_id: str | None = None
    parcel_id: str | None = None
    review_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A decision for the log and for the others, with the facts that it was taken on."""

    decision: Decision
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    task_id: str
    shop_id: str
    customer_id: str
    rule_id: str
    rule_version: int
    cause: str
    subject: str
    team: str
    priority: int
    opened_at: datetime
    due_at: datetime
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class PutTimer:
    timer: Timer


@dataclass(frozen=True, slots=True)
class DropTimer:
    key: str
    note: Note  # holds only if the timer was still there


@dataclass(frozen=True, slots=True)
class Recall:
    message_id: str
    note: Note  # holds only if the message can still be recalled


@dataclass(frozen=True, slots=True)
class OpenTask:
    task: Task
    note: Note


@dataclass(frozen=True, slots=True)
class CloseTask:
    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tell:
    note: Note


Effect: TypeAlias = PutTimer | DropTimer | Recall | OpenTask | CloseTask | Tell
Course: TypeAlias = tuple[Step | None, list[Effect]]


def pursue(instance: Instance, step: Step | None, wish: Wish, now: datetime) -> Course:
    """Return the step that holds from now on, and what is to be done.

    A cancelled instance may begin anew (an order that was restored); a planned, skipped or
    recalled one has had its turn.
    """
    match wish:
        case Start() if step is None or step.status == "cancelled":
            return _begin(instance, step, wish, now)
        case Start() if step is not None and step.status == "waiting":
            return _move(instance, step, wish)
        case Stop(reason) if step is not None and step.status == "waiting":
            return stop(instance, step, reason, now)
        case Stop(reason) if step is not None and step.status == "planned":
            return recall(instance, step, reason, now)
        case _:
            return step, []


def pursue_task(instance: Instance, step: Step | None, wish: Wish, now: datetime) -> Course:
    """Open a rule's task at once, close it when its cause is gone; the rule must have one."""
    match wish:
        case Start() if step is None and not _is_history(wish, now):
            return _open_task(instance, wish, now)
        case Stop(reason) if step is not None and step.status == "planned":
            task_id = _id(instance, step.once_key, TASK)
            return replace(step, status="cancelled"), [CloseTask(task_id, reason)]
        case _:
            return step, []


def stop(instance: Instance, step: Step, reason: str, now: datetime) -> Course:
    key = _id(instance, step.once_key, SEND)
    told = note(instance, step, DecisionResult.CANCELLED, reason, now)
    return replace(step, status="cancelled"), [DropTimer(key, told)]


def recall(instance: Instance, step: Step, reason: str, now: datetime) -> Course:
    key = _id(instance, step.once_key, SEND)
    told = note(instance, step, DecisionResult.RECALLED, reason, now)
    return replace(step, status="recalled"), [Recall(key, told)]


def note(
    instance: Instance, step: Step, result: DecisionResult, reason: str, now: datetime
) -> Note:
    """Return the decision; its id is derived, so that taken twice it is one."""
    message_id = _id(instance, step.once_key, SEND)
    decision = Decision(
        shop_id=instance.shop_id,
        customer_id=instance.customer_id,
        decision_id=ids.derive("decision", message_id, result, reason),
        rule_id=instance.rule.rule_id,
        rule_version=instance.rule.version,
        kind=instance.rule.kind,
        once_key=step.once_key,
        result=result,
        reason=reason,
        due_at=step.due_at,
        message_id=message_id,
    )
    return Note(decision, now, instance.facts)


def _begin(instance: Instance, step: Step | None, wish: Start, now: datetime) -> Course:
    if _is_history(wish, now):
        return step, []
    begun = Step("waiting", instance.rule.version, wish.once_key, wish.due_at, wish.day)
    if now >= wish.expires_at:
        told = note(instance, begun, DecisionResult.SKIPPED, "stale", now)
        return replace(begun, status="skipped"), [Tell(told)]
    return begun, [PutTimer(_timer(instance, wish))]


def _move(instance: Instance, step: Step, wish: Start) -> Course:
    """An earlier fact became known, or a day was corrected: the timer goes where it belongs."""
    if wish.due_at == step.due_at:
        return step, []
    return replace(step, due_at=wish.due_at, day=wish.day), [PutTimer(_timer(instance, wish))]


def _open_task(instance: Instance, wish: Start, now: datetime) -> Course:
    rule = instance.rule
    step = Step("planned", rule.version, wish.once_key, wish.due_at)
    if rule.task is None or now >= wish.expires_at:
        return step, []
    task = Task(
        task_id=_id(instance, wish.once_key, TASK),
        shop_id=instance.shop_id,
        customer_id=instance.customer_id,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        cause=rule.kind,
        subject=wish.once_key,
        team=rule.task.team,
        priority=rule.priority,
        opened_at=now,
        due_at=now + rule.task.due,
        order_id=instance.order_id,
    )
    told = note(instance, step, DecisionResult.TASK, "", now)
    decision = replace(told.decision, message_id=None, task_id=task.task_id)
    return step, [OpenTask(task, replace(told, decision=decision))]


def _is_history(wish: Start, now: datetime) -> bool:
    return now - wish.due_at > HISTORY


def _timer(instance: Instance, wish: Start) -> Timer:
    return Timer(
        key=_id(instance, wish.once_key, SEND),
        shop_id=instance.shop_id,
        customer_id=instance.customer_id,
        rule_id=instance.rule.rule_id,
        rule_version=instance.rule.version,
        kind=instance.rule.kind,
        once_key=wish.once_key,
        due_at=wish.due_at,
        expires_at=wish.expires_at,
        order_id=instance.order_id,
        parcel_id=instance.parcel_id,
        review_id=instance.review_id,
        day=wish.day,
    )


def _id(instance: Instance, once_key: str, step: str) -> str:
    return ids.message_id(instance.shop_id, instance.rule.rule_id, once_key, step)


def steps_to_json(steps: Steps) -> dict[str, Any]:
    return {
        name: [
            step.status,
            step.rule_version,
            step.once_key,
            step.due_at.isoformat(),
            step.day and step.day.isoformat(),
        ]
        for name, step in steps.items()
    }


def steps_from_json(body: Mapping[str, Any]) -> dict[str, Step]:
    return {
        name: Step(
            status, version, once, datetime.fromisoformat(due), day and date.fromisoformat(day)
        )
        for name, (status, version, once, due, day) in body.items()
    }
