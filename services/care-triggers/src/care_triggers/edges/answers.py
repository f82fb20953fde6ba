"""What the API answers: each field is listed, nothing personal among them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import Row

from care.facts import order_from_json, parcel_from_json, review_from_json
from care_triggers.domain.course import steps_from_json
from care_triggers.domain.rule import rule_from_json


class StepAnswer(BaseModel):
    rule_id: str
    rule_version: int
    status: str
    due_at: datetime


class OrderAnswer(BaseModel):
    order_id: str
    placed_at: datetime | None
    paid_at: datetime | None
    cancelled: bool
    closes_at: datetime | None
    total_minor: int | None
    refunded_minor: int
    currency: str | None
    steps: list[StepAnswer]


class ParcelAnswer(BaseModel):
    parcel_id: str
    order_id: str
    carrier: str | None
    handed_over_at: datetime | None
    signed_at: datetime | None
    returned_at: datetime | None
    steps: list[StepAnswer]


class ReviewAnswer(BaseModel):
    review_id: str
    order_id: str | None
    rating: int | None
    reviewed_at: datetime | None
    withdrawn_at: datetime | None
    steps: list[StepAnswer]


class TimerAnswer(BaseModel):
    message_id: str
    rule_id: str
    rule_version: int
    once_key: str
    due_at: datetime
    expires_at: datetime


class MessageAnswer(BaseModel):
    message_id: str
    rule_id: str
    rule_version: int
    order_id: str | None
    parcel_id: str | None
    review_id: str | None
    due_at: datetime
    expires_at: datetime
    planned_at: datetime
    recalled_at: datetime | None
    state: str | None


class EventAnswer(BaseModel):
    """One line of the history: a decision of ours, or the notifier's word on a message."""

    at: datetime | None
    what: Literal["decision", "delivery"]
    rule_id: str
    result: str
    reason: str
    message_id: str | None
    task_id: str | None = None
    rule_version: int | None = None
    channel: str | None = None
    facts: dict[str, Any] = {}


class ExplainAnswer(BaseModel):
    customer_id: str
    rule_id: str | None
    orders: list[OrderAnswer]
    parcels: list[ParcelAnswer]
    reviews: list[ReviewAnswer]
    timers: list[TimerAnswer]
    messages: list[MessageAnswer]
    history: list[EventAnswer]


class TaskAnswer(BaseModel):
    task_id: str
    customer_id: str
    rule_id: str
    cause: str
    subject: str
    team: str
    priority: int
    order_id: str | None
    opened_at: datetime
    due_at: datetime
    state: str
    outcome: str
    ended_at: datetime | None
    ended_by: str | None


class TaskList(BaseModel):
    tasks: list[TaskAnswer]
    next_cursor: str | None


class LateParcelAnswer(BaseModel):
    parcel_id: str
    order_id: str
    customer_id: str
    carrier: str | None
    handed_over_at: datetime | None
    signed_at: datetime | None
    estimated_day: date
    days_late: int


class LateParcelList(BaseModel):
    total: int
    parcels: list[LateParcelAnswer]
    next_cursor: str | None


class ListedReviewAnswer(BaseModel):
    review_id: str
    customer_id: str
    order_id: str | None
    rating: int
    reviewed_at: datetime


class ReviewList(BaseModel):
    total: int
    reviews: list[ListedReviewAnswer]
    next_cursor: str | None


class RuleAnswer(BaseModel):
    rule_id: str
    version: int
    kind: str
    on: bool
    message_class: str
    priority: int
    channels: list[str]
    wait_s: int
    expires_s: int
    unless: list[str]
    audience: str
    once: str
    control_share: float
    attribution_window_s: int
    goal: str
    since: datetime


class RuleList(BaseModel):
    rules: list[RuleAnswer]


def order_answer(row: Row[Any]) -> OrderAnswer:
    state = order_from_json(row.state)
    return OrderAnswer(
        order_id=row.order_id,
        placed_at=state.placed_at,
        paid_at=state.paid_at,
        cancelled=state.cancelled,
        closes_at=state.closes_at,
        total_minor=state.total_minor,
        refunded_minor=state.refunded_minor,
        currency=state.currency,
        steps=_steps(row),
    )


def parcel_answer(row: Row[Any]) -> ParcelAnswer:
    state = parcel_from_json(row.state)
    return ParcelAnswer(
        parcel_id=row.parcel_id,
        order_id=row.order_id,
        carrier=state.carrier,
        handed_over_at=state.handed_over_at,
        signed_at=state.signed_at,
        returned_at=state.returned_at,
        steps=_steps(row),
    )


def review_answer(row: Row[Any]) -> ReviewAnswer:
    state = review_from_json(row.state)
    return ReviewAnswer(
        review_id=row.review_id,
        order_id=state.order_id,
        rating=state.rating,
        reviewed_at=state.reviewed_at,
        withdrawn_at=state.withdrawn_at,
        steps=_steps(row),
    )


def timer_answer(row: Row[Any]) -> TimerAnswer:
    return TimerAnswer(
        message_id=row.key,
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        once_key=row.once_key,
        due_at=row.due_at,
        expires_at=row.expires_at,
    )


def message_answer(row: Row[Any]) -> MessageAnswer:
    return MessageAnswer.model_validate(row, from_attributes=True)


def task_answer(row: Row[Any]) -> TaskAnswer:
    return TaskAnswer.model_validate(row, from_attributes=True)


def late_parcel_answer(row: Row[Any], day: date) -> LateParcelAnswer:
    """Return the parcel as it stands now, with how late it was on *day*."""
    return LateParcelAnswer(
        parcel_id=row.parcel_id,
        order_id=row.order_id,
        customer_id=row.customer_id,
        carrier=parcel_from_json(row.state).carrier,
        handed_over_at=row.handed_over_at,
        signed_at=row.signed_at,
        estimated_day=row.estimated_day,
        days_late=(day - row.estimated_day).days,
    )


def listed_review_answer(row: Row[Any]) -> ListedReviewAnswer:
    return ListedReviewAnswer(
        review_id=row.review_id,
        customer_id=row.customer_id,
        order_id=review_from_json(row.state).order_id,
        rating=row.rating,
        reviewed_at=row.reviewed_at,
    )


def rule_answer(row: Row[Any]) -> RuleAnswer:
    rule = rule_from_json(row.body, row.version)
    return RuleAnswer(
        rule_id=rule.rule_id,
        version=rule.version,
        kind=rule.kind,
        on=rule.on,
        message_class=rule.message_class,
        priority=rule.priority,
        channels=[channel.value for channel in rule.channels],
        wait_s=int(rule.wait.total_seconds()),
        expires_s=int(rule.expires.total_seconds()),
        unless=list(rule.unless),
        audience=rule.audience,
        once=rule.once,
        control_share=rule.control_share,
        attribution_window_s=int(rule.attribution_window.total_seconds()),
        goal=rule.goal,
        since=row.since,
    )


def history(decisions: Sequence[Row[Any]], deliveries: Sequence[Row[Any]]) -> list[EventAnswer]:
    """Return both in the order in which they happened; of one instant, ours come first."""
    told = [
        EventAnswer(
            at=row.at,
            what="decision",
            rule_id=row.rule_id,
            result=row.result,
            reason=row.reason,
            message_id=row.message_id,
            task_id=row.task_id,
            rule_version=row.rule_version,
            facts=row.facts,
        )
        for row in decisions
    ]
    done = [
        EventAnswer(
            at=row.changed_at,
            what="delivery",
            rule_id=row.rule_id,
            result=row.state,
            reason=row.reason,
            message_id=row.message_id,
            channel=row.channel,
        )
        for row in sorted(deliveries, key=lambda row: (row.message_id, row.revision))
    ]
    return sorted(told + done, key=lambda one: (one.at is None, one.at))


def _steps(row: Row[Any]) -> list[StepAnswer]:
    return [
        StepAnswer(
            rule_id=name, rule_version=step.rule_version, status=step.status, due_at=step.due_at
        )
        for name, step in sorted(steps_from_json(row.steps).items())
    ]
