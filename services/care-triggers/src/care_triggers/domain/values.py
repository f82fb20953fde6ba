"""The values that rules are judged on, and what judging them says."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from care.facts import OrderState, ParcelState, ReviewState
from care_triggers.domain.rule import Rule
from contracts.events import Birthday, DecisionResult, Shop


@dataclass(frozen=True, slots=True)
class Person:
    """What conditions may ask of a customer. Personal data: never in events or logs."""

    customer_id: str
    birthday: Birthday | None = None
    gender: str = ""
    customer_class: str = ""
    country: str = ""
    province: str = ""
    city: str = ""
    cell: str = ""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """One message that will be decided on at `due_at`. Its key is the id of the message."""

    key: str
    shop_id: str
    customer_id: str
    rule_id: str
    rule_version: int
    kind: str
    once_key: str
    due_at: datetime
    expires_at: datetime
    order_id: str | None = None
    parcel_id: str | None = None
    review_id: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that has come due, with everything that is known at this instant."""

    timer: Timer
    rule: Rule  # in the version that the timer was made under
    rule_on: bool  # as it stands today
    shop: Shop
    person: Person
    order: OrderState | None = None
    parcel: ParcelState | None = None
    review: ReviewState | None = None
    paid_later: tuple[OrderState, ...] = ()  # the customer's orders that were paid after this one
    siblings: tuple[ParcelState, ...] = ()  # all parcels of the order, this one too
    letters_open: bool = False  # a fact of this customer could not be read yet
    task_open: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """The rule wants to speak of this at `due_at`."""

    once_key: str
    due_at: datetime
    expires_at: datetime
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Something has happened that makes the message wrong."""

    reason: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Not enough is known to begin."""


Wish: TypeAlias = Start | Stop | Idle


@dataclass(frozen=True, slots=True)
class Send:
    expires_at: datetime
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snooze:
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    reason: str
    result: DecisionResult = DecisionResult.SKIPPED


Verdict: TypeAlias = Send | Snooze | Drop
