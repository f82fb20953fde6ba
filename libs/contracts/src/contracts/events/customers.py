"""Persons: what is said of them, and the whole profiles that ingest publishes.

Personal data. These events travel on customer-facts.v1 and customers.v1 only.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.events.facts import Region


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class CustomerClass(StrEnum):
    RETAIL = "retail"
    WHOLESALE = "wholesale"
    STAFF = "staff"


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    TASK = "task"
    PARCEL_NOTE = "parcel_note"


class Purpose(StrEnum):
    MARKETING = "marketing"
    ORDER_NOTICES = "order_notices"
    SOCIAL = "social"


@dataclass(frozen=True, slots=True)
class Birthday:
    """A day of a calendar; `year` may be unknown. Never an instant."""

    month: int
    day: int
    year: int | None = None
    lunar: bool = False
    leap_month: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    channel: Channel
    purpose: Purpose
    given: bool
    at: datetime
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    value: str  # printed; the shop's schema says the type
    at: datetime
    source: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    shop_id: str
    customer_id: str
    version_us: int
    # registers; an empty text takes a value away
    name: str | None = None
    phone: str | None = None  # E.164
    email: str | None = None
    region: Region | None = None
    address: str | None = None
    birthday: Birthday | None = None
    gender: Gender | None = None
    customer_class: CustomerClass | None = None
    locale: str | None = None
    zone: str | None = None  # IANA name
    attributes: tuple[Attribute, ...] = ()
    consents: tuple[Consent, ...] = ()
    joined_at: datetime | None = None  # earliest known wins
    last_login_at: datetime | None = None  # latest known wins
    # an order's phone or address belongs to its receiver: it fills gaps and never replaces
    from_order: bool | None = None


@dataclass(frozen=True, slots=True)
class CustomerErased:
    shop_id: str
    customer_id: str
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerProfile:
    """The whole person as merged; a reader keeps the highest `revision`."""

    shop_id: str
    customer_id: str
    revision: int
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    region: Region | None = None
    address: str | None = None
    birthday: Birthday | None = None
    gender: Gender | None = None
    customer_class: CustomerClass | None = None
    locale: str | None = None
    zone: str | None = None
    attributes: tuple[Attribute, ...] = ()
    consents: tuple[Consent, ...] = ()
    joined_at: datetime | None = None
    last_login_at: datetime | None = None
    address_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomersMerged:
    shop_id: str
    customer_id: str  # whose key this copy travels under
    survivor_id: str
    alias_id: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class CustomersUnmerged:
    shop_id: str
    customer_id: str
    survivor_id: str
    alias_id: str
    decided_at: datetime
