"""A message on its way: what was planned, and how far it came."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from contracts.events import (
    Channel,
    Consent,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    Purpose,
    Region,
    Text,
    Variable,
)


@dataclass(frozen=True, slots=True)
class Message:
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
    next_at: datetime  # not looked at before
    part: int  # of messages.v1: whose watermark tells what is known of payments
    order_id: str | None = None
    needs_freshness: bool = False
    variables: tuple[Variable, ...] = ()
    state: DeliveryState = DeliveryState.PLANNED
    reason: str = ""
    revision: int = 1
    attempt_no: int = 0  # of the latest attempt; 0: no gateway was ever called
    channel: Channel | None = None
    gateway: str | None = None
    provider_id: str | None = None
    pieces: int | None = None
    price_micros: int | None = None
    currency: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """What the gate needs to know of a shop."""

    shop_id: str
    name: str
    zone: str
    locale: str
    sms_signature: str
    marketing_consent_implied: bool
    email_from: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The version of a rule that a message was planned under."""

    quiet_exempt: bool
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a message is for. Personal: its printed form shows nothing."""

    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    locale: str | None = None
    zone: str | None = None
    region: Region | None = field(default=None, repr=False)
    consents: tuple[Consent, ...] = ()
    opted_out: frozenset[tuple[Channel, Purpose]] = frozenset()


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many messages of a class went to a person by a channel on a day of the shop."""

    day: date
    message_class: MessageClass
    channel: Channel
    n: int


@dataclass(frozen=True, slots=True)
class Case:
    """All that the gate judges, read under the locks of the receiver and the message."""

    message: Message
    shop: Shop
    rule: Rule | None  # None: not published yet
    receiver: Receiver | None  # None: no contact known
    erased: bool
    recalled: str | None  # the reason
    fresh: bool  # payments acknowledged up to a moment ago are in
    sent: tuple[DayCount, ...]
    now: datetime  # business time


def from_plan(planned: MessagePlanned, part: int) -> Message:
    return Message(
        shop_id=planned.shop_id,
        customer_id=planned.customer_id,
        message_id=planned.message_id,
        rule_id=planned.rule_id,
        rule_version=planned.rule_version,
        kind=planned.kind,
        message_class=planned.message_class,
        priority=planned.priority,
        channels=planned.channels,
        due_at=planned.due_at,
        expires_at=planned.expires_at,
        next_at=planned.due_at,
        part=part,
        order_id=planned.order_id,
        needs_freshness=planned.needs_freshness,
        variables=planned.variables,
    )


def moved(message: Message, state: DeliveryState, *, reason: str = "", **fields: Any) -> Message:
    """Return *message* one revision on; *fields* are others of its own."""
    return replace(message, state=state, reason=reason, revision=message.revision + 1, **fields)


def announce(message: Message, at: datetime) -> DeliveryChanged:
    return DeliveryChanged(
        shop_id=message.shop_id,
        customer_id=message.customer_id,
        message_id=message.message_id,
        revision=message.revision,
        state=message.state,
        rule_id=message.rule_id,
        rule_version=message.rule_version,
        kind=message.kind,
        reason=message.reason,
        channel=message.channel,
        gateway=message.gateway,
        pieces=message.pieces,
        price_micros=message.price_micros,
        currency=message.currency,
        sent_at=message.sent_at,
        changed_at=at,
        order_id=message.order_id,
    )
