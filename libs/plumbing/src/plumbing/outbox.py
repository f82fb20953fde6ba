"""Events leave with the state that caused them: written in its transaction, published after it.

`put` writes, the `Relay` publishes and deletes. `seq` is drawn while the transaction holds the
key's row, so per key the order of `seq` is that of the COMMITs. No cursor is kept: a slow
transaction's smaller `seq` comes in a later pass, where `id > last` would never see it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.away import is_transient
from plumbing.crashpoint import crashpoint
from plumbing.metrics import OutboxMetrics
from plumbing.records import OutRecord, pack_headers, unpack_headers
from plumbing.resources import open_producer, worker_role
from plumbing.stopping import pause, wait_s

Place: TypeAlias = tuple[str, int]

LEASE_EVERY_S: Final = 1.0
SURVEY_EVERY_S: Final = 5.0
COUNT_AT_MOST: Final = 100_000
FULL_ROWS: Final = 10_000
ROOM_ROWS: Final = 5_000
ANSWER_GRACE_S: Final = 2.0

_PUT: Final = text(
    """
    insert into outbox (topic, part, key, event_id, value, headers)
    select * from unnest(cast(:topics as text[]), cast(:parts as int[]), cast(:keys as bytea[]),
                         cast(:event_ids as text[]), cast(:vals as bytea[]),
                         cast(:headers as bytea[]))
    """
)
_PAGE: Final = text(
    """
    select seq, topic, part, key, value, headers from outbox
    where (topic, part) not in
          (select * from unnest(cast(:topics as text[]), cast(:parts as int[])))
    order by seq limit :page
    """
)
_DELETE: Final = text("delete from outbox where seq = any(cast(:seqs as bigint[]))")
_LEASE: Final = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
_ROLE: Final = text("select set_config('role', :role, true)")
_SURVEY: Final = text(
    """
    select (select count(*) from (select from outbox limit :at_most) counted) as waiting,
           coalesce((select extract(epoch from clock_timestamp() - put_at)
                     from outbox order by seq limit 1), 0) as oldest_s
    """
)
_LONGEST: Final = text(
    """
    select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)
    from pg_stat_activity where usename = session_user
    """
)

log = logging.getLogger(__name__)


async def put(conn: AsyncConnection, records: Sequence[OutRecord]) -> None:
    """Write *records* into the transaction of the state that they tell of, in this order."""
    if records:
        columns = {
            "topics": [record.topic for record in records],
            "parts": [record.part for record in records],
            "keys": [record.key for record in records],
            "event_ids": [record.event_id for record in records],
            "vals": [record.value for record in records],
            "headers": [pack_headers(record.headers) for record in records],
        }
        await conn.execute(_PUT, columns)
    crashpoint("after-outbox")


@dataclass(kw_only=True, eq=False)
class Relay:
    """Publishes a service's outbox. One at a time per database, by a session's advisory lock.

    All it does in the database it does on the session that holds the lock, so a lost session is
    a lost lock. Two at once would only repeat, and every consumer merges repetitions away.
    """

    engine: AsyncEngine
    servers: str
    service: str
    metrics: OutboxMetrics
    every_s: float = 0.25
    page: int = 1000
    request_timeout_ms: int = 10_000
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _blocked: dict[Place, float] = field(default_factory=dict, init=False)
    _failures: Counter[Place] = field(default_factory=Counter, init=False)
    _unsure: set[int] = field(default_factory=set, init=False)
    _survey_at: float = field(default=0.0, init=False)
    _full: bool = field(default=False, init=False)

    def wake(self) -> None:
        """Say that something was committed. Must be called in the relay's event loop."""
        self._woken.set()

    def is_full(self) -> bool:
        """Tell whether so much waits that nobody should add to it (`Intake.full`)."""
        return self._full

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until *stop* is set, and then what is there."""
        failures = 0
        while True:
            last = stop.is_set()
            try:
                async with self._lease() as conn:
                    if conn is not None:
                        failures = 0
                        await self._serve(conn, stop)
                        return
            except (DBAPIError, KafkaError, PoolTimeout, OSError) as error:
                if not isinstance(error, KafkaError) and not is_transient(error):
                    raise
                failures += 1
                log.warning(
                    "relay waits", extra={"error": type(error).__name__, "attempt": failures}
                )
            if last:
                return  # another pod has the lock, or there is nothing to reach
            await pause(stop, wait_s(failures) if failures else LEASE_EVERY_S)

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[AsyncConnection | None]:
        async with self.engine.connect() as conn:
            try:
                async with conn.begin():
                    held = await conn.scalar(_LEASE, {"name": f"outbox:{self.service}"})
                yield conn if held else None
            finally:
                await conn.invalidate()  # ends the session, and with it the lock

    async def _serve(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        while True:
            last = stop.is_set()
            async with open_producer(
                self.servers, request_timeout_ms=self.request_timeout_ms
            ) as producer:
                while await self._pass(conn, producer):
                    if last and not stop.is_set():
                        break
                    if self._rested_enough():
                        continue
                    if stop.is_set():
                        return
                    await self._rest(stop)
