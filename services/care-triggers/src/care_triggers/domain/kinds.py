"""All kinds of care, and the one way in which a due timer of any kind is decided on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from care_triggers.domain import audience, bad_review, birthday, shipped, unpaid_first
from care_triggers.domain.audience import CUSTOMER, ORDER, PARCEL, REVIEW, SHOP, Types
from care_triggers.domain.values import Drop, Due, Idle, Snooze, Stop, Verdict, Wish
from contracts.events import DecisionResult, MessageClass

Subject: TypeAlias = Literal["order", "parcel", "review", "customer"]

LETTERS_AGAIN: Final = timedelta(seconds=30)
TASK_AGAIN: Final = timedelta(minutes=15)

# The notifier fills these in for every kind.
FROM_NOTIFIER: Final = ("name", "shop")


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    subject: Subject
    once: str  # what a message is said once for
    unless: tuple[str, ...]  # what may stop it
    variables: tuple[str, ...]  # what its texts may fill in
    types: Types  # what its audience may ask
    needs_freshness: bool = False  # held until payments are known to be in
    credits_own_order: bool = False
    by_the_day: bool = False  # bound to a day: has an hour, ends with the day


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            unpaid_first.KIND,
            "order",
            "order",
            unpaid_first.UNLESS,
            unpaid_first.VARIABLES,
            {**SHOP, **CUSTOMER, **ORDER},
            needs_freshness=True,
            credits_own_order=True,
        ),
        Kind(
            shipped.KIND,
            "parcel",
            "parcel",
            shipped.UNLESS,
            shipped.VARIABLES,
            {**SHOP, **CUSTOMER, **PARCEL},
        ),
        Kind(
            bad_review.KIND,
            "review",
            "review",
            bad_review.UNLESS,
            bad_review.VARIABLES,
            {**SHOP, **CUSTOMER, **REVIEW},
        ),
        Kind(
            birthday.KIND,
            "customer",
            "year",
            birthday.UNLESS,
            birthday.VARIABLES,
            {**SHOP, **CUSTOMER},
            by_the_day=True,
        ),
    )
}


def decide(due: Due, now: datetime) -> Verdict:
    """Judge a due timer: all that this service judges, with what is known at *now*."""
    hindered = _gone(due, now) or _held(due, now)
    if hindered is not None:
        return hindered
    if not audience.holds(due.rule.audience, KINDS[due.rule.kind].types, audience.values_of(due)):
        return Drop("not_in_audience")
    timer = due.timer
    verdict = _on_due(due, now)
    if isinstance(verdict, Drop):
        return verdict
    if audience.held_out(timer.shop_id, timer.customer_id, timer.rule_id, due.rule.control_share):
        return Drop("control", DecisionResult.CONTROL)
    return verdict


def facts_used(due: Due) -> dict[str, Any]:
    """Return what a decision was taken on, without anything personal, in JSON types."""
    values = audience.values_of(due)
    facts: dict[str, Any] = {
        name: value for name, value in sorted(values.items()) if name in audience.LOGGED
    }
    for name, state in (("order", due.order), ("parcel", due.parcel), ("review", due.review)):
        for what in INSTANTS[name]:
            at: datetime | None = getattr(state, what, None)
            if at is not None:
                facts[f"{name}.{what}"] = at.isoformat()
    return facts


INSTANTS: Final = {
    "order": ("placed_at", "paid_at", "paid_hint_at", "cancelled_at", "restored_at", "closes_at"),
    "parcel": ("handed_over_at", "signed_at", "returned_at", "refused_at"),
    "review": ("reviewed_at", "withdrawn_at"),
}


def _gone(due: Due, now: datetime) -> Drop | None:
    if not due.rule_on:
        return Drop("rule_off")
    if due.person.erased:
        return Drop("erased")
    if now >= due.timer.expires_at:
        return Drop("expired")
    wish = _wish(due)
    if isinstance(wish, Stop):
        return Drop(wish.reason, DecisionResult.CANCELLED)
    return Drop("changed", DecisionResult.CANCELLED) if isinstance(wish, Idle) else None


def _held(due: Due, now: datetime) -> Snooze | None:
    if KINDS[due.rule.kind].needs_freshness and due.letters_open:
        return _later(due, now + LETTERS_AGAIN, "stale_facts")
    if due.rule.message_class is MessageClass.MARKETING and due.task_open:
        return _later(due, now + TASK_AGAIN, "task_open")
    return None


def _wish(due: Due) -> Wish:
    """Ask the kind again; Idle means that what the timer was made for is no longer so."""
    if due.rule.kind == unpaid_first.KIND and due.order is not None:
        return unpaid_first.wish(due.order, due.rule, due.paid_later)
    if due.rule.kind == shipped.KIND and due.parcel is not None:
        return shipped.wish(due.parcel, due.order, due.rule)
    if due.rule.kind == bad_review.KIND and due.review is not None:
        return bad_review.wish(due.review, due.rule)
    return birthday.wish_at_due(due)


def _on_due(due: Due, now: datetime) -> Verdict:
    if due.order is not None and due.rule.kind == unpaid_first.KIND:
        return unpaid_first.on_due(due, due.order, now)
    if due.parcel is not None and due.rule.kind == shipped.KIND:
        return shipped.on_due(due, due.parcel, now)
    if due.rule.kind == bad_review.KIND:
        return bad_review.on_due(due)
    return birthday.on_due(due)


def _later(due: Due, until: datetime, reason: str) -> Snooze:
    return Snooze(min(until, due.timer.expires_at), reason)
