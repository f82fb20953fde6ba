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
from plumbing.lease import SILENT_S, lease
from plumbing.metrics import OutboxMetrics
from plumbing.records import OutRecord, pack_headers, unpack_headers
from plumbing.resources import open_producer, worker_role
from plumbing.stopping import pause, wait_s
from plumbing.watchdog import Watchdog

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

    All that it does in the database it does on the session that holds the lock, so a lost session
    is a lost lock; a frozen process loses both after *silent_s*. Two at once would only repeat, and
    every consumer merges repetitions away.
    """

    engine: AsyncEngine
    servers: str
    service: str
    metrics: OutboxMetrics
    every_s: float = 0.25
    page: int = 1000
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
            taken, sound = await self._pass(conn, producer)
            self._progress()
            if not sound:
                return last
            if taken < self.page:
                if last:
                    return True
                await self._rest(stop)

    async def _pass(self, conn: AsyncConnection, producer: AIOKafkaProducer) -> tuple[int, bool]:
        """Publish a page; return how many rows it had, and whether the producer is sound."""
        if time.monotonic() >= self._survey_at:
            await self._survey(conn)
        async with self._worker(conn):
            rows = (await conn.execute(_PAGE, {**self._blocked_now(), "page": self.page})).all()
        if not rows:
            return 0, True
        acked, sound = await self._publish(producer, rows)
        crashpoint("relay-after-publish")
        if acked:
            async with self._worker(conn):
                await conn.execute(_DELETE, {"seqs": [row.seq for row in acked]})
            crashpoint("relay-after-delete")
        self._settle(rows, acked)
        return len(rows), sound

    async def _publish(
        self, producer: AIOKafkaProducer, rows: Sequence[Row[Any]]
    ) -> tuple[list[Row[Any]], bool]:
        """Send in order; return the acknowledged prefix of each partition, and if all is sound."""
        sent: list[tuple[Row[Any], asyncio.Future[Any]]] = []
        refused: set[Place] = set()
        sound = True
        for row in rows:
            place = (row.topic, row.part)
            if place in refused:
                continue
            try:
                sent.append((row, await _send(producer, row)))
            except (KafkaError, AssertionError) as error:  # asserts that it knows the partition
                refused.add(place)
                sound = sound and isinstance(error, MessageSizeTooLargeError)
                _complain(place, error)
        self.metrics.relay_resends.inc(sum(row.seq in self._unsure for row, _ in sent))
        if sent:
            timeout_s = self.request_timeout_ms / 1000 + ANSWER_GRACE_S
            await asyncio.wait({future for _, future in sent}, timeout=timeout_s)
        return _prefix(sent), sound and all(_error_of(future) is None for _, future in sent)

    def _settle(self, rows: Sequence[Row[Any]], acked: Sequence[Row[Any]]) -> None:
        """Remember which partitions rest, and what may have been published already."""
        done = {row.seq for row in acked}
        left = [row for row in rows if row.seq not in done]
        failed = {(row.topic, row.part) for row in left}
        self._unsure -= done
        self._unsure |= {row.seq for row in left}
        for topic, count in Counter(row.topic for row in acked).items():
            self.metrics.published.labels(topic).inc(count)
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
        self._full = found.waiting >= (ROOM_ROWS if self._full else FULL_ROWS)

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


async def _send(producer: AIOKafkaProducer, row: Row[Any]) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = await producer.send(
        row.topic,
        value=row.value,
        key=row.key,
        partition=row.part,
        headers=list(unpack_headers(row.headers)),
    )
    return future


def _prefix(sent: Sequence[tuple[Row[Any], "asyncio.Future[Any]"]]) -> list[Row[Any]]:
    """Return what was acknowledged, up to the first of its partition that was not."""
    broken: set[Place] = set()
    acked: list[Row[Any]] = []
    for row, future in sent:
        place = (row.topic, row.part)
        error = _error_of(future)
        if place not in broken and error is None:
            acked.append(row)
        elif place not in broken and error is not None:
            broken.add(place)
            _complain(place, error)
    return acked


def _error_of(future: "asyncio.Future[Any]") -> BaseException | None:
    if not future.done():
        return TimeoutError()  # unknown: the same again, under the same id
    return asyncio.CancelledError() if future.cancelled() else future.exception()


def _complain(place: Place, error: BaseException) -> None:
    fields = {"topic": place[0], "part": place[1], "error": type(error).__name__}
    log.warning("publish failed", extra=fields)
