"""What reporting and the process that makes a report say to each other: frames of msgpack."""

import asyncio
import struct
from datetime import date
from typing import BinaryIO, Final, TypeAlias

import msgspec

from reporting.edges.reports.answers import Side

MOST_FRAME_BYTES: Final = 64 * 1024 * 1024
_SIZE: Final = struct.Struct(">I")


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

_ENCODER: Final = msgspec.msgpack.Encoder()
_SETUP: Final = msgspec.msgpack.Decoder(Setup)
_ASK: Final[msgspec.msgpack.Decoder[Ask]] = msgspec.msgpack.Decoder(Ask)
_SAID: Final[msgspec.msgpack.Decoder[Said]] = msgspec.msgpack.Decoder(Said)


def operation(ask: Ask) -> str:
    return str(ask.__struct_config__.tag)


def framed(one: Setup | Ask | Said) -> bytes:
    body = _ENCODER.encode(one)
    return _SIZE.pack(len(body)) + body


def read_setup(file: BinaryIO) -> Setup:
    return _SETUP.decode(_read(file))


def read_ask(file: BinaryIO) -> Ask:
    """Return what is asked next; `EOFError` when nobody is there to ask any more."""
    return _ASK.decode(_read(file))


async def next_said(stream: asyncio.StreamReader) -> Said:
    """Return the next frame; `EOFError` when the process ended without a word, or raves."""
    (size,) = _SIZE.unpack(await stream.readexactly(_SIZE.size))
    if size > MOST_FRAME_BYTES:
        raise EOFError("a frame that is too large")
    try:
        return _SAID.decode(await stream.readexactly(size))
    except msgspec.MsgspecError:
        raise EOFError("a frame that is none") from None


def _read(file: BinaryIO) -> bytes:
    head = file.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    return file.read(size)
