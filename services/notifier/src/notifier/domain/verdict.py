"""What the gate says of a message at one instant."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from contracts.events import Channel


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as it would go out: who gets it, the very words, what they cost."""

    channel: Channel
    gateway: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    pieces: int
    price_micros: int | None  # of all pieces; None: no price is known
    currency: str | None
    sender: str = ""
    subject: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Go:
    draft: Draft
    day: date  # the shop's, which the message counts for


@dataclass(frozen=True, slots=True)
class Hold:
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Suppress:
    reason: str


@dataclass(frozen=True, slots=True)
class Expire:
    reason: str


Stop: TypeAlias = Hold | Suppress | Expire
Verdict: TypeAlias = Go | Stop
