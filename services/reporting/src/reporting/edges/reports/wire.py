"""What reporting and the process that makes a report say to each other: frames of msgpack."""

from datetime import date
from typing import Final, TypeAlias

import msgspec

from reporting.edges.reports.answers import Side


class Setup(msgspec.Struct):
    """What the process is told first. Its arguments and environment hold no secret."""

    database_url: str
    most_memory_bytes: int


class EffectOf(msgspec.Struct, frozen=True, tag="effect"):
    shop_id: str
    first: date | None
    until: date | None
    rule_id: str | None


class SummaryOf(msgspec.Struct, frozen=True, tag="summary"):
    shop_id: str
    first: date | None
    until: date | None


class PeopleOf(msgspec.Struct, frozen=True, tag="people"):
    """A page: those behind the customer *after*."""

    shop_id: str
    first: date | None
    until: date | None
    rule_id: str
    side: Side
    limit: int
    after: str | None


class Made(msgspec.Struct, tag="made"):
    """The report, as JSON."""

    body: bytes


class Refused(msgspec.Struct, tag="refused"):
    """One of the service's own errors, by the name of its class."""

    kind: str
    why: str


class Away(msgspec.Struct, tag="away"):
    """Postgres cannot be reached."""

    error: str


class TooMuch(msgspec.Struct, tag="too much"):
    """It needs more memory than the process may have, which ends with this word."""


class Failed(msgspec.Struct, tag="failed"):
    """A fault of ours, as the log shall have it."""

    error: str
    stack: str


Ask: TypeAlias = EffectOf | SummaryOf | PeopleOf
Said: TypeAlias = Made | Refused | Away | TooMuch | Failed

SETUP: Final = msgspec.msgpack.Decoder(Setup)
ASK: Final[msgspec.msgpack.Decoder[Ask]] = msgspec.msgpack.Decoder(Ask)
SAID: Final[msgspec.msgpack.Decoder[Said]] = msgspec.msgpack.Decoder(Said)


def operation(ask: Ask) -> str:
    return str(ask.__struct_config__.tag)
