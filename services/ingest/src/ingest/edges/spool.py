"""The spool: records that Kafka did not take, sealed, until the drainer publishes them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.topics import ORDERS
from ingest.app.drain_spool import Spooled
from ingest.edges.tables import ingest_spool
from plumbing.clock import real_now
from plumbing.records import OutRecord, pack_headers, unpack_headers
from plumbing.resources import worker_role
from plumbing.seal import Sealer

_ROLE = text("select set_config('role', :role, true)")
# Facts that a registration set free wait in the outbox: they are acknowledged, and not in the log.
_HELD = text(
    """
    select part from ingest_spool where topic = :topic
    union
    select part from outbox where topic = :topic
    """
)

_WAITING = text(
    """
    select (select count(*) from (select from ingest_spool limit 10000) counted) as n,
           coalesce((select extract(epoch from clock_timestamp() - put_at)
                     from ingest_spool order by seq limit 1), 0) as oldest_s
    """
)


async def spool(conn: AsyncConnection, sealer: Sealer, records: Sequence[OutRecord]) -> None:
    """Insert *records*; one that is there already is the same one."""
    rows = [
        {
            "topic": one.topic,
            "part": one.part,
            "key": one.key,
            "event_id": one.event_id,
            "sealed": None if one.value is None else sealer.seal(one.value, _context(one.event_id)),
            "headers": pack_headers(one.headers),
        }
        for one in sorted(records, key=lambda one: (one.topic, one.event_id))
    ]
    await conn.execute(insert(ingest_spool).on_conflict_do_nothing(), rows)


class Spool:
    """The table over the drainer's own connection, which also holds its lease."""

    def __init__(self, conn: AsyncConnection, sealer: Sealer, service: str) -> None:
        self._conn = conn
        self._sealer = sealer
        self._role = {"role": worker_role(service)}

    async def oldest(self, limit: int) -> list[Spooled[OutRecord]]:
        found = select(ingest_spool).order_by(ingest_spool.c.seq).limit(limit)
        async with self._conn.begin():
            await self._conn.execute(_ROLE, self._role)
            rows = (await self._conn.execute(found)).all()
        return [
            Spooled(
                row.seq,
                OutRecord(
                    row.topic,
                    row.part,
                    row.key,
                    row.event_id,
                    self._opened(row.event_id, row.sealed),
                    unpack_headers(row.headers),
                ),
            )
            for row in rows
        ]

    async def delete(self, seqs: Collection[int]) -> None:
        if seqs:
            async with self._conn.begin():
                await self._conn.execute(_ROLE, self._role)
                gone = delete(ingest_spool).where(ingest_spool.c.seq.in_(sorted(seqs)))
                await self._conn.execute(gone)

    async def waiting(self) -> tuple[int, float]:
        """Return how many rows wait, counted up to 10,000, and for how many seconds the oldest."""
        async with self._conn.begin():
            await self._conn.execute(_ROLE, self._role)
            row = (await self._conn.execute(_WAITING)).one()
        return int(row.n), float(row.oldest_s)

    async def real_now(self) -> datetime:
        async with self._conn.begin():
            return await real_now(self._conn)

    async def held_partitions(self) -> set[int]:
        """A statement of its own, so that its snapshot is younger than the clock's reading."""
        async with self._conn.begin():
            await self._conn.execute(_ROLE, self._role)
            return set((await self._conn.scalars(_HELD, {"topic": ORDERS})).all())

    def _opened(self, event_id: str, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else self._sealer.unseal(sealed, _context(event_id))


def _context(event_id: str) -> bytes:
    return b"spool:" + event_id.encode()
