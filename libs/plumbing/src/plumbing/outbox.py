"""Events leave with the state that caused them: written in its transaction, published after it.

`put` writes, the `Relay` publishes and deletes. `seq` is drawn while the transaction holds the
key's row, so per key the order of `seq` is that of the COMMITs. No cursor is kept: a slow
transaction's smaller `seq` comes in a later pass, where `id > last` would never see it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.away import is_transient
from plumbing.bundle import rows_of
from plumbing.crashpoint import crashpoint
from plumbing.lease import SILENT_S, lease
from plumbing.line import Line
from plumbing.metrics import OutboxMetrics
from plumbing.records import OutRecord
from plumbing.resources import open_producer, worker_role
from plumbing.stopping import pause, wait_s
from plumbing.watchdog import Watchdog

Place: TypeAlias = tuple[str, int]

LEASE_EVERY_S: Final = 1.0
SURVEY_EVERY_S: Final = 5.0
COUNT_AT_MOST: Final = 100_000
FULL: Final = 50_000  # records
ROOM: Final = 25_000
ANSWER_GRACE_S: Final = 2.0

_PUT: Final = text(
    """
    insert into outbox (topic, part, key, event_id, value, headers, records)
    select * from unnest(cast(:topics as text[]), cast(:parts as int[]), cast(:keys as bytea[]),
                         cast(:event_ids as text[]), cast(:vals as bytea[]),
                         cast(:headers as bytea[]), cast(:records as int[]))
    """
)
_PAGE: Final = text(
    """
    select seq, topic, part, key, value, headers, records from (
      select *, sum(records) over (order by seq) - records as before from (
        select seq, topic, part, key, value, headers, records from outbox
        where (topic, part) not in
              (select * from unnest(cast(:topics as text[]), cast(:parts as int[])))
        order by seq limit :page) page
    ) counted
    where before < :at_most
    order by seq
    """
)
_DELETE: Final = text("delete from outbox where seq = any(cast(:seqs as bigint[]))")
_ROLE: Final = text("select set_config('role', :role, true)")
_SURVEY: Final = text(
    """
    select (select coalesce(sum(records), 0)
            from (select records from outbox limit :at_most) counted) as waiting,
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
    """Write *records* into the transaction of the state that they tell of.

    Those of one partition keep their order.
    """
    if records:
        names = ("topics", "parts", "keys", "event_ids", "vals", "headers", "records")
        columns = map(list, zip(*rows_of(records), strict=True))
        await conn.execute(_PUT, dict(zip(names, columns, strict=True)))
    crashpoint("after-outbox")


@dataclass(kw_only=True, eq=False)
class Relay:
    """Publishes a service's outbox. One at a time per database, by a session's advisory lock.

    All that it does in the database it does on the session that holds the lock, so a lost session
    is a lost lock; a frozen process loses both after *silent_s*. Two at once would only repeat, and
    every consumer merges repetitions away.
    """

    engine: AsyncEngine
    servers: str
    service: str
    metrics: OutboxMetrics
    every_s: float = 0.25
    page: int = 1000  # rows
    at_most: int = 5_000  # records; a row more than reach it
    request_timeout_ms: int = 10_000
    silent_s: float = SILENT_S
    watch: Watchdog | None = None
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
                name = f"outbox:{self.service}"
                async with lease(self.engine, name, silent_s=self.silent_s) as conn:
                    if conn is not None:
                        await self._serve(conn, stop)
                        return
                self._show_nothing()
                failures = 0
            except (DBAPIError, KafkaError, PoolTimeout, OSError) as error:
                if not isinstance(error, KafkaError) and not is_transient(error):
                    raise
                failures += 1
                log.warning(
                    "relay waits", extra={"error": type(error).__name__, "attempt": failures}
                )
            if last:
                return  # another pod has the lock, or there is nothing to reach
            self._progress()
            await pause(stop, wait_s(failures) if failures else LEASE_EVERY_S)

    async def _serve(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        await self._survey(conn)  # also while Kafka is away, which the next line finds out
        while True:
            async with open_producer(
                self.servers, request_timeout_ms=self.request_timeout_ms
            ) as producer:
                if await self._publish_until(conn, producer, stop):
                    return
            # Its sequence numbers may have a hole now, which would fail all that follows.
            self.metrics.producer_rebuilds.inc()

    async def _publish_until(
        self, conn: AsyncConnection, producer: AIOKafkaProducer, stop: asyncio.Event
    ) -> bool:
        """Return True when *stop* was set and the outbox is done; False: the producer is spoilt."""
        while True:
            last = stop.is_set()
            self._woken.clear()
            more, sound = await self._pass(conn, producer)
            self._progress()
            if not sound:
                return last
            if not more:
                if last:
                    return True
                await self._rest(stop)

    async def _pass(self, conn: AsyncConnection, producer: AIOKafkaProducer) -> tuple[bool, bool]:
        """Publish a page; tell whether more may wait, and whether the producer is sound."""
        if self._full or time.monotonic() >= self._survey_at:
            await self._survey(conn)  # who waits for room waits no longer than need be
        limits = {"page": self.page, "at_most": self.at_most}
        async with self._worker(conn):
            rows = (await conn.execute(_PAGE, {**self._blocked_now(), **limits})).all()
        if not rows:
            return False, True
        acked, sound = await self._publish(producer, rows)
        crashpoint("relay-after-publish")
        if acked:
            async with self._worker(conn):
                await conn.execute(_DELETE, {"seqs": [row.seq for row in acked]})
            crashpoint("relay-after-delete")
        self._settle(rows, acked)
        more = len(rows) >= self.page or sum(row.records for row in rows) >= self.at_most
        return more, sound

    async def _publish(
        self, producer: AIOKafkaProducer, rows: Sequence[Row[Any]]
    ) -> tuple[list[Row[Any]], bool]:
        """Send in order; return the acknowledged prefix of each partition, and if all is sound."""
        lines = _lines(rows)
        tasks = [asyncio.ensure_future(line.send(producer)) for line in lines]
        timeout_s = self.request_timeout_ms / 1000 + ANSWER_GRACE_S
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in set(tasks) - late:
            task.result()  # nothing is expected here but an end
        for line in lines:
            line.settle()
            if line.error is not None:
                _complain((line.topic, line.part), line.error)
        sent = [row for line in lines for row in line.sent]
        again = sum(row.records for row in sent if row.seq in self._unsure)
        self.metrics.relay_resends.inc(again)
        return [row for line in lines for row in line.acked], not any(line.spoils for line in lines)

    def _settle(self, rows: Sequence[Row[Any]], acked: Sequence[Row[Any]]) -> None:
        """Remember which partitions rest, and what may have been published already."""
        done = {row.seq for row in acked}
        left = [row for row in rows if row.seq not in done]
        failed = {(row.topic, row.part) for row in left}
        self._unsure -= done
        self._unsure |= {row.seq for row in left}
        for row in acked:
            self.metrics.published.labels(row.topic).inc(row.records)
        for place in {(row.topic, row.part) for row in rows} - failed:
            self._failures.pop(place, None)
        for place in failed:
            self._failures[place] += 1
            self._blocked[place] = time.monotonic() + wait_s(self._failures[place])

    def _blocked_now(self) -> dict[str, list[Any]]:
        now = time.monotonic()
        self._blocked = {place: until for place, until in self._blocked.items() if until > now}
        return {
            "topics": [topic for topic, _ in self._blocked],
            "parts": [part for _, part in self._blocked],
        }

    async def _survey(self, conn: AsyncConnection) -> None:
        self._survey_at = time.monotonic() + SURVEY_EVERY_S
        async with conn.begin():
            longest_s = await conn.scalar(_LONGEST)  # as the login: a role sees only its own
        async with self._worker(conn):
            found = (await conn.execute(_SURVEY, {"at_most": COUNT_AT_MOST})).one()
        self.metrics.longest_transaction.set(float(longest_s))
        self.metrics.rows.set(found.waiting)
        self.metrics.oldest.set(float(found.oldest_s))
        self._full = found.waiting >= (ROOM if self._full else FULL)

    def _show_nothing(self) -> None:
        """Another pod has the lock, and shows what waits; what we saw last is not so any more."""
        for gauge in (self.metrics.longest_transaction, self.metrics.rows, self.metrics.oldest):
            gauge.set(0)

    @asynccontextmanager
    async def _worker(self, conn: AsyncConnection) -> AsyncIterator[None]:
        async with conn.begin():
            await conn.execute(_ROLE, {"role": worker_role(self.service)})
            yield

    async def _rest(self, stop: asyncio.Event) -> None:
        waits = {asyncio.ensure_future(one.wait()) for one in (self._woken, stop)}
        try:
            await asyncio.wait(waits, timeout=self.every_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    def _progress(self) -> None:
        if self.watch is not None:
            self.watch.progress("relay")


def _lines(rows: Iterable[Row[Any]]) -> list[Line]:
    """Return *rows* by partition."""
    found: dict[Place, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.topic, row.part), []).append(row)
    return [Line(topic, part, mine) for (topic, part), mine in found.items()]


def _complain(place: Place, error: BaseException) -> None:
    fields = {"topic": place[0], "part": place[1], "error": type(error).__name__}
    log.warning("publish failed", extra=fields)
