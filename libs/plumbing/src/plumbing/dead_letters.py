"""Records that cannot be handled: put away with reason and bytes, replayed or discarded later.

Only for failures that would repeat for ever: unreadable bytes, an unknown version, a refusal of
the domain. A letter is written in its batch's transaction; the partition goes on.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.records import Record, header, pack_headers, unpack_headers
from plumbing.seal import Sealer

PER_KEY: Final = 1_000
PER_PARTITION: Final = 10_000
MAX_REASON: Final = 500
PARKED: Final = "plumbing.parked"  # in the connection's info: letters of the open transaction

T = TypeVar("T")

_OF_PARTITION: Final = text(
    "select count(*) from dead_letter where grp = :grp and topic = :topic and part = :part"
)
_OF_KEYS: Final = text(
    """
    select key, count(*) from dead_letter
    where grp = :grp and key = any(cast(:keys as bytea[])) group by key
    """
)
_INSERT: Final = text(
    """
    insert into dead_letter
      (grp, topic, part, off, key, event_id, value, headers, timestamp_ms, sealed, reason)
    select :grp, t, p, o, k, e, v, h, m, :sealed, r
    from unnest(cast(:topics as text[]), cast(:parts as int[]), cast(:offs as bigint[]),
                cast(:keys as bytea[]), cast(:event_ids as text[]), cast(:vals as bytea[]),
                cast(:headers as bytea[]), cast(:stamps as bigint[]), cast(:reasons as text[]))
         as letters(t, p, o, k, e, v, h, m, r)
    on conflict (grp, topic, part, off) do update set reason = excluded.reason
    """
)
_OPEN_KEYS: Final = text(
    "select distinct key from dead_letter where key = any(cast(:keys as bytea[]))"
)
_LIST: Final = text(
    """
    select l.id, l.grp, l.topic, l.part, l.off, l.key, l.event_id, l.reason, l.first_at,
           exists (select from replay_request r where (r.grp, r.topic, r.part, r.off)
                   = (l.grp, l.topic, l.part, l.off)) as requested
    from dead_letter l
    where l.id > :after_id
      and (cast(:topic as text) is null or l.topic = :topic)
      and (cast(:key as bytea) is null or l.key = :key)
      and (cast(:reason as text) is null or l.reason = :reason)
    order by l.id limit :limit
    """
)
_REQUEST: Final = text(
    """
    insert into replay_request (kind, grp, topic, part, off, asked_by)
    select 'replay', grp, topic, part, off, :by from dead_letter
    where (cast(:ids as bigint[]) is null or id = any(cast(:ids as bigint[])))
      and (cast(:key as bytea) is null or key = :key)
      and (cast(:reason as text) is null or reason = :reason)
    on conflict (grp, topic, part, off) do nothing
    """
)
_TAKE: Final = text(
    """
    insert into replay_request (kind, grp, topic, part, off, asked_by)
    values ('take', :grp, :topic, :part, :off, :by)
    on conflict (grp, topic, part, off) do update set kind = 'take', asked_by = :by
    """
)
_DISCARD: Final = text(
    """
    delete from dead_letter where id = any(cast(:ids as bigint[])) returning grp, topic, part, off
    """
)

log = logging.getLogger(__name__)


class TooManyLetters(Exception):
    """More letters than a bad record or two explain: the partition stops until a person looks."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A record to put away, and why."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as shown to operators. Its value may be personal and is not shown."""

    id: int
    grp: str
    topic: str
    part: int
    off: int
    key: bytes | None
    event_id: str
    reason: str
    first_at: datetime
    requested: bool  # a replay was asked for and has not been tried yet


def sift(
    records: Iterable[Record],
    decode: Callable[[Record], T],
    unreadable: type[Exception] | tuple[type[Exception], ...],
) -> tuple[list[tuple[Record, T]], list[Dead]]:
    """Decode each record; return what could be read, in order, and what could not, with reason."""
    good: list[tuple[Record, T]] = []
    dead: list[Dead] = []
    for record in records:
        try:
            good.append((record, decode(record)))
        except unreadable as error:
            dead.append(Dead(record, str(error) or type(error).__name__))
    return good, dead


async def park(
    conn: AsyncConnection, grp: str, dead: Sequence[Dead], *, sealer: Sealer | None = None
) -> None:
    """Write the letters into the batch's transaction. Of a letter that is there, the reason is new.

    Args:
        conn: The batch's transaction.
        grp: The consumer group, as in the `Intake`.
        dead: Records of one partition or many.
        sealer: Encrypts the values; the `Intake` needs the same to replay them.

    Raises:
        TooManyLetters: The key has more than 1,000 or the partition more than 10,000. Let it
            pass: the `Intake` rolls back and stops the partition.
    """
    if not dead:
        return
    await conn.execute(
        _INSERT, {"grp": grp, "sealed": sealer is not None, **_columns(dead, sealer)}
    )
    await _check_limits(conn, grp, [one.record for one in dead])
    info = (await conn.get_raw_connection()).info
    info[PARKED] = info.get(PARKED, 0) + len(dead)
    for reason, count in Counter(one.reason[:MAX_REASON] for one in dead).items():
        log.warning(
            "parked", extra={"topic": dead[0].record.topic, "reason": reason, "records": count}
        )


async def parked(conn: AsyncConnection) -> int:
    """Return how many letters the open transaction wrote since the last call."""
    count: int = (await conn.get_raw_connection()).info.pop(PARKED, 0)
    return count


async def open_letter_keys(conn: AsyncConnection, keys: Collection[bytes]) -> set[bytes]:
    """Return which of *keys* have a letter: what we know of them is stale."""
    if not keys:
        return set()
    return set((await conn.scalars(_OPEN_KEYS, {"keys": list(keys)})).all())


async def list_letters(
    conn: AsyncConnection,
    *,
    after_id: int = 0,
    limit: int = 50,
    topic: str | None = None,
    key: bytes | None = None,
    reason: str | None = None,
) -> list[Letter]:
    """Return letters by rising id, beginning after *after_id*."""
    filters = {"topic": topic, "key": key, "reason": reason}
    rows = await conn.execute(_LIST, {"after_id": after_id, "limit": limit, **filters})
    return [Letter(*row) for row in rows]


async def request_replay(
    conn: AsyncConnection,
    *,
    by: str,
    ids: Sequence[int] | None = None,
    key: bytes | None = None,
    reason: str | None = None,
) -> int:
    """Ask the partitions' owners to handle letters again; return how many were newly asked for.

    Args:
        conn: An open transaction.
        by: Who asks.
        ids: Only these letters; like *key* and *reason*, no restriction when None.
        key: Only this record key.
        reason: Only this very reason.
    """
    wanted = {"ids": None if ids is None else list(ids), "key": key, "reason": reason, "by": by}
    count = (await conn.execute(_REQUEST, wanted)).rowcount
    log.info("replay asked for", extra={"by": by, "letters": count})
    return count


async def take(
    conn: AsyncConnection, *, grp: str, topic: str, part: int, offset: int, by: str
) -> None:
    """Ask the owner of a stopped partition to make the record at *offset* a letter and go on."""
    await conn.execute(_TAKE, {"grp": grp, "topic": topic, "part": part, "off": offset, "by": by})
    log.info("take asked for", extra={"by": by, "topic": topic, "part": part, "offset": offset})


async def discard(conn: AsyncConnection, ids: Sequence[int], *, by: str) -> int:
    """Delete letters for good; return how many there were. The log tells who did it."""
    gone = (await conn.execute(_DISCARD, {"ids": list(ids)})).all()
    for grp, topic, part, off in gone:
        at = {"grp": grp, "topic": topic, "part": part, "offset": off}
        log.warning("letter discarded", extra={"by": by, **at})
    return len(gone)


def to_record(row: Row[Any], sealer: Sealer | None) -> Record:
    """Return the record that a letter's row holds."""
    value = row.value
    if row.sealed and value is not None:
        if sealer is None:
            raise ValueError("the letter is sealed and this Intake has no sealer")
        value = sealer.unseal(value, _context(row.topic, row.part, row.off))
    return Record(
        row.topic,
        row.part,
        row.off,
        row.key,
        value,
        unpack_headers(row.headers),
        row.timestamp_ms,
    )


async def _check_limits(conn: AsyncConnection, grp: str, records: Sequence[Record]) -> None:
    for topic, part in sorted({(record.topic, record.part) for record in records}):
        count = await conn.scalar(_OF_PARTITION, {"grp": grp, "topic": topic, "part": part})
        if count > PER_PARTITION:
            raise TooManyLetters(f"{topic}/{part} has more than {PER_PARTITION}")
    keys = list({record.key for record in records if record.key is not None})
    for _, count in await conn.execute(_OF_KEYS, {"grp": grp, "keys": keys}):
        if count > PER_KEY:
            raise TooManyLetters(f"one key has more than {PER_KEY}")


def _columns(dead: Sequence[Dead], sealer: Sealer | None) -> dict[str, list[Any]]:
    records = [one.record for one in dead]
    return {
        "topics": [record.topic for record in records],
        "parts": [record.part for record in records],
        "offs": [record.offset for record in records],
        "keys": [record.key for record in records],
        "event_ids": [_text(header(record.headers, "ce_id"))[:200] for record in records],
        "vals": [_sealed(record, sealer) for record in records],
        "headers": [pack_headers(record.headers) for record in records],
        "stamps": [record.timestamp_ms for record in records],
        "reasons": [_text(one.reason.encode("utf-8", "replace"))[:MAX_REASON] for one in dead],
    }


def _sealed(record: Record, sealer: Sealer | None) -> bytes | None:
    if sealer is None or record.value is None:
        return record.value
    return sealer.seal(record.value, _context(record.topic, record.part, record.offset))


def _context(topic: str, part: int, off: int) -> bytes:
    return f"dead_letter:{topic}:{part}:{off}".encode()


def _text(raw: bytes) -> str:
    """Anything may stand in a header; Postgres' text takes no NUL."""
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
