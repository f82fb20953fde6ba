"""Many records of one partition in one row of the outbox.

A row costs Postgres and its driver many times what the record in it does. So of a transaction that
publishes much to one partition, some hundred records rest and travel together. They are published
together or again: who reads them merges repetitions, as ever.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from plumbing.records import Headers, OutRecord, pack_headers, unpack_headers

FEWEST: Final = 50  # records of one partition that are worth a bundle
MOST: Final = 1_000
MOST_BYTES: Final = 512 * 1024  # of values; a larger record has a row of its own

_place_of = attrgetter("topic", "part")
_encode = msgspec.msgpack.Encoder().encode


class Item(NamedTuple):
    """One record inside a row."""

    key: bytes | None
    value: bytes | None
    headers: Headers


_decode = msgspec.msgpack.Decoder(list[Item]).decode


class OutRow(NamedTuple):
    """A row of the outbox. With several records, `value` holds them and the rest is the first's."""

    topic: str
    part: int
    key: bytes | None
    event_id: str
    value: bytes | None
    headers: bytes
    records: int


def rows_of(records: Sequence[OutRecord]) -> list[OutRow]:
    """Return *records* as rows; those of one partition keep their order."""
    if len(records) < FEWEST:
        return [_single(one) for one in records]
    rows: list[OutRow] = []
    for _, group in groupby(sorted(records, key=_place_of), key=_place_of):
        mine = list(group)
        if len(mine) < FEWEST:
            rows += [_single(one) for one in mine]
        else:
            rows += [_bundled(some) for some in _shares(mine)]
    return rows


def items_of(row: Any) -> list[Item]:
    """Return the records in *row*, of which there may be one."""
    if row.records == 1:
        return [Item(row.key, row.value, unpack_headers(row.headers))]
    return _decode(row.value)


def _single(one: OutRecord) -> OutRow:
    headers = pack_headers(one.headers)
    return OutRow(one.topic, one.part, one.key, one.event_id, one.value, headers, 1)


def _bundled(some: Sequence[OutRecord]) -> OutRow:
    first = some[0]
    if len(some) == 1:
        return _single(first)
    value = _encode([Item(one.key, one.value, one.headers) for one in some])
    return OutRow(first.topic, first.part, first.key, first.event_id, value, b"", len(some))


def _shares(records: Sequence[OutRecord]) -> Iterator[Sequence[OutRecord]]:
    begin, size = 0, 0
    for number, one in enumerate(records):
        more = len(one.value or b"")
        if number > begin and (number - begin == MOST or size + more > MOST_BYTES):
            yield records[begin:number]
            begin, size = number, 0
        size += more
    yield records[begin:]
