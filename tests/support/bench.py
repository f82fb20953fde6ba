"""One service's edges on a real database, without Kafka: records in, rows and events out."""

import itertools
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.codec import Encoded, decode, encode
from plumbing.bundle import items_of
from plumbing.clock import business_now
from plumbing.dead_letters import list_letters
from plumbing.records import Record, place
from plumbing.resources import worker_role, worker_tx
from support.database import Db, connect

PARTITIONS: Final = 4
SENT_AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record_of(
    event: Any,
    offset: int,
    *,
    topic: str | None = None,
    part: int | None = None,
    at: datetime = SENT_AT,
) -> Record:
    """Return what a consumer reads of *event*, which may be encoded already."""
    is_encoded = isinstance(event, Encoded)
    sent = event if is_encoded else encode(event, source="test", at=at, topic=topic)
    out = place(sent, PARTITIONS, part)
    stamp_ms = int(at.timestamp() * 1000)
    return Record(out.topic, out.part, offset, out.key, out.value, out.headers, stamp_ms)


class CommitLost(Exception):
    """The transaction ends as if the server had died before its COMMIT."""


@dataclass(kw_only=True, eq=False)
class Bench:
    """A service taken apart. Subclasses hand its handlers their records."""

    service: str
    db: Db
    engine: AsyncEngine
    _offsets: "itertools.count[int]" = field(default_factory=itertools.count)

    def record(self, event: Any, *, topic: str | None = None, part: int | None = None) -> Record:
        return record_of(event, next(self._offsets), topic=topic, part=part)

    def tx(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction as a consumer's or a timer's."""
        return worker_tx(self.engine, worker_role(self.service))

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.tx() as conn:
            return [dict(row) for row in (await conn.execute(text(query), values)).mappings()]

    async def outbox(self) -> list[tuple[int, Any]]:
        """Return partition and event of all that waits to be published, in its order."""
        async with self.tx() as conn:
            rows = (await conn.execute(text("select * from outbox order by seq"))).all()
        return [
            (row.part, decode(one.headers, one.value, one.key))
            for row in rows
            for one in items_of(row)
        ]

    async def announced(self, *kinds: type[Any]) -> list[Any]:
        """Return the events in the outbox, of these kinds or all."""
        return [event for _, event in await self.outbox() if not kinds or isinstance(event, kinds)]

    async def letters(self) -> list[str]:
        """Return the reasons of the dead letters."""
        async with self.tx() as conn:
            return [letter.reason for letter in await list_letters(conn)]

    async def now(self) -> datetime:
        async with self.tx() as conn:
            return await business_now(conn)

    async def set_time(self, to: datetime) -> None:
        await self._shift("update clock.shift set by_interval = $1 - now()", to)

    async def advance(self, by: timedelta) -> None:
        await self._shift("update clock.shift set by_interval = by_interval + $1", by)

    async def _shift(self, statement: str, by: datetime | timedelta) -> None:
        conn = await connect(self.db.clock_url)
        try:
            await conn.execute(statement, by)
        finally:
            await conn.close()
