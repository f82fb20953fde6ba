"""What ingest and the process that reads a file say to each other: frames of msgpack."""

from typing import Final, Literal, TypeAlias

import msgspec

from ingest.domain.columns import Kind
from plumbing.records import OutRecord

Form: TypeAlias = Literal["csv", "xlsx", "parquet"]


class Job(msgspec.Struct):
    """What the reader is to do; the file follows.

    Times are ISO 8601. *limit* is the latest that a fact may have, *skip* how many rows are done.
    """

    shop_id: str
    zone: str
    currency: str
    country: str
    kind: Kind
    form: Form
    encoding: str
    mapping: dict[str, str]
    said_at: str
    limit: str
    partitions: int
    traceparent: str
    skip: int


class Reject(msgspec.Struct):
    line: int
    reason: str
    cells: list[str]
    customer_id: str


class Head(msgspec.Struct, tag="head"):
    header: list[str]
    columns: dict[str, str]


class Chunk(msgspec.Struct, tag="chunk"):
    """What the next rows are, up to and with row number *rows*; whole orders only."""

    rows: int
    accepted: int
    records: list[OutRecord]
    rejects: list[Reject]


class End(msgspec.Struct, tag="end"):
    """That was all."""


class Failed(msgspec.Struct, tag="failed"):
    """It cannot be read on; *why* is for who sent it, *fault* for who runs this."""

    why: str
    fault: str = ""


Said: TypeAlias = Head | Chunk | End | Failed

SAID: Final[msgspec.msgpack.Decoder[Said]] = msgspec.msgpack.Decoder(Said)
JOB: Final = msgspec.msgpack.Decoder(Job)
