"""From the decision to speak to what became of the message. No personal data."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.events.customers import Channel, Purpose
from contracts.events.shops import MessageClass, Variable


@dataclass(frozen=True, slots=True)
class MessagePlanned:
    """A message that may go in [due_at, expires_at), business time."""

    shop_id: str
    customer_id: str
    message_id: str
    rule_id: str
    rule_version: int
    kind: str
    message_class: MessageClass
    priority: int
    channels: tuple[Channel, ...]
    due_at: datetime
    expires_at: datetime
    once_key: str
    order_id: str | None = None
    parcel_id: str | None = None
    review_id: str | None = None
    needs_freshness: bool = False  # held until payments acknowledged before the send are in
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageRecalled:
    shop_id: str
    customer_id: str
    message_id: str
    reason: str


class DecisionResult(StrEnum):
    PLANNED = "planned"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    TASK = "task"
    CONTROL = "control"
    GIFT = "gift"


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a customer got something, or did not."""

    shop_id: str
    customer_id: str
    decision_id: str
    rule_id: str
    rule_version: int
    kind: str
    once_key: str
    result: DecisionResult
    reason: str = ""
    due_at: datetime | None = None
    message_id: str | None = None
    task_id: str | None = None
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """Every payment acknowledged before `at`, real time, precedes this record in its partition."""

    at: datetime


class DeliveryState(StrEnum):
    PLANNED = "planned"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CLAIMED = "claimed"
    SENT = "sent"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CLOSED_UNKNOWN = "closed_unknown"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DeliveryChanged:
    shop_id: str
    customer_id: str
    message_id: str
    revision: int  # counts this message's changes; a reader keeps the highest
    state: DeliveryState
    rule_id: str
    rule_version: int
    kind: str
    reason: str = ""
    channel: Channel | None = None
    gateway: str | None = None
    pieces: int | None = None
    price_micros: int | None = None  # of all pieces, millionths of the currency unit
    currency: str | None = None
    sent_at: datetime | None = None  # when the gateway was called, business time
    changed_at: datetime | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class LinkClicked:
    shop_id: str
    customer_id: str
    message_id: str
    clicked_at: datetime


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    shop_id: str
    customer_id: str
    reply_id: str
    received_at: datetime
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class OptOutChanged:
    shop_id: str
    customer_id: str
    channel: Channel
    purpose: Purpose
    opted_out: bool
    at: datetime
