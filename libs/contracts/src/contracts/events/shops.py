"""What a shop is, sells and wants done: whole records, the highest revision is true."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.events.customers import Channel


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    value: str


class AttributeType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"


@dataclass(frozen=True, slots=True)
class OwnAttribute:
    """What a shop notes of its customers beyond what all shops know, such as a size."""

    name: str
    type: AttributeType
    label: str = ""  # for people
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shop:
    shop_id: str
    revision: int
    name: str
    zone: str  # IANA name: every day of this shop is a day there
    currency: str  # ISO 4217
    country: str  # ISO 3166-1
    locale: str  # zh or en
    sms_signature: str
    escrow: bool = False
    same_day_cutoff: str = ""  # "13:30"; empty: no promise
    min_reminder_minor: int = 10_000
    marketing_consent_implied: bool = False
    email_from: str = ""
    settings: tuple[Variable, ...] = ()
    attributes: tuple[OwnAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    shop_id: str
    sku: str
    revision: int
    title: str | None = None
    category: str | None = None
    season: str | None = None
    style: str | None = None
    pairs_with: tuple[str, ...] = ()
    currency: str | None = None
    price_minor: int | None = None
    stock: int | None = None
    launch_day: date | None = None
    hot_sale_day: date | None = None
    cycle_days: int | None = None
    use_hint: str | None = None
    use_hint_after_days: int | None = None


class MessageClass(StrEnum):
    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"


@dataclass(frozen=True, slots=True)
class Text:
    """A Liquid template in one language for one channel; SMS has no subject."""

    channel: Channel
    locale: str
    body: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of one care rule, as far as notifier and reporting need it."""

    shop_id: str
    rule_id: str
    version: int
    kind: str
    on: bool
    message_class: MessageClass
    priority: int  # 0..100, higher goes first
    channels: tuple[Channel, ...]  # in the order of preference
    attribution_window_s: int
    credits_own_order: bool = False
    goal: str = ""
    quiet_exempt: bool = False
    texts: tuple[Text, ...] = ()
