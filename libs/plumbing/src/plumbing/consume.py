"""Exactly one effect of each record: offsets in Postgres, a fence, one transaction a batch.

The reading group never commits to Kafka. A partition is claimed in the database, sought to the
database's offset, and then fed to its handler a batch at a time; state, outbox, dead letters and
the next offset are one COMMIT. Whoever holds an older claim finds no row at the fence.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiokafka.errors import KafkaError, RecordTooLargeError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing import offsets, replay, trace
from plumbing.away import is_away, is_transient
from plumbing.crashpoint import crashpoint
from plumbing.dead_letters import Dead, TooManyLetters, park, parked, to_record
from plumbing.metrics import ConsumerMetrics
from plumbing.offsets import Fenced
from plumbing.partitions import Assigned, Hold
from plumbing.probe import Probe
from plumbing.reader import LogLost, Reader, open_reader
from plumbing.records import Record
from plumbing.resources import worker_tx
from plumbing.seal import Sealer
from plumbing.stopping import wait_s
from plumbing.watchdog import Watchdog

Handle: TypeAlias = Callable[[AsyncConnection, Sequence[Record]], Awaitable[None]]

TAKE_WITHIN_MS: Final = 5_000

_ENTER: Final = text(
    """
    select set_config('role', :role, true),
           set_config('lock_timeout', :lock, true),
           set_config('statement_timeout', :statement, true),
           set_config('idle_in_transaction_session_timeout', :idle, true)
    """
)

log = logging.getLogger(__name__)


class NotReady(Exception):
    """A handler lacks what another topic will bring: roll back, try this partition again soon."""


class CommitUnknown(Exception):
    """No answer to COMMIT: it may have happened. Only the row can tell."""

    def __init__(self, *, acquitted: bool) -> None:
        super().__init__()
        self.acquitted = acquitted


class _Moved(Exception):
    def __init__(self, to: int) -> None:
        super().__init__(to)
        self.to = to


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long things may take, in the database's words and in ours."""

    lock_timeout_ms: int = 5_000
    statement_timeout_ms: int = 30_000
    idle_timeout_ms: int = 15_000  # else a frozen owner keeps the row, and nobody can go on
    claim_wait_ms: int = 500  # the other partitions wait meanwhile; it is tried again
    commit_s: float = 10.0
    fenced_rest_s: float = 3.0
    not_ready_s: float = 0.25
    stopped_rest_s: float = 30.0
    requests_every_s: float = 1.0
    strikes: int = 3  # processes that may die at one offset before the partition stops


@dataclass(kw_only=True, eq=False)
class Intake:
    """Feeds handlers one partition's batch at a time, each in a transaction of its own.

    A handler gets the open transaction and, in order, the records of one partition that were not
    handled before. It writes state, outbox and dead letters, and returns nothing. An unexpected
    error rolls the batch back and ends the process; the next one reads on from the last COMMIT.
    """

    engine: AsyncEngine
    servers: str
    grp: str
    me: str
    role: str
    handle: Mapping[str, Handle]
    metrics: ConsumerMetrics
    watch: Watchdog | None = None
    on_commit: Callable[[], None] = lambda: None
    full: Callable[[], bool] = lambda: False  # true: read nothing more for now
    sealer: Sealer | None = None
    session_timeout_ms: int = 10_000
    max_records: int = 500
    poll_ms: int = 200
    limits: Limits = Limits()
    _ready: bool = field(default=False, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until *stop* is set; the running transaction ends first, then the group is left."""
        assigned = Assigned()
        probe = Probe(
            engine=self.engine,
            servers=self.servers,
            grp=self.grp,
            role=self.role,
            assigned=assigned,
            metrics=self.metrics,
            watch=self.watch,
        )
        async with open_reader(
            self.servers,
            self.grp,
            list(self.handle),
            assigned=assigned,
            stop=stop,
            session_timeout_ms=self.session_timeout_ms,
        ) as reader:
            if reader is None:
                return
            looking = asyncio.create_task(probe.run(stop), name="probe")
            try:
                await self._loop(_Reading(self, reader, assigned), stop, looking)
            finally:
                looking.cancel()
                await asyncio.wait({looking})

    async def readiness(self) -> str | None:
        """Return None once the first assignment was claimed; a later rebalance is no incident."""
        return None if self._ready else "its partitions are not claimed yet"

    async def _loop(
        self, reading: "_Reading", stop: asyncio.Event, looking: "asyncio.Task[None]"
    ) -> None:
        serve_at = 0.0
        while not stop.is_set():
            if looking.done():
                looking.result()
            await reading.tend()
            self._ready = self._ready or reading.all_claimed
            await reading.read(stop)
            if time.monotonic() >= serve_at and not stop.is_set():
                await reading.serve_requests()
                serve_at = time.monotonic() + self.limits.requests_every_s


class _Reading:
    """One life of a consumer: claims what it is given, and applies what it reads."""

    def __init__(self, intake: Intake, reader: Reader, assigned: Assigned) -> None:
        self._intake = intake
        self._reader = reader
        self._assigned = assigned
        self._limits = intake.limits
        self._metrics = intake.metrics
        self._failures = 0  # in a row, of reaching Postgres

    @property
    def all_claimed(self) -> bool:
        return self._assigned.ever and all(self._assigned.holds.values())

    async def tend(self) -> None:
        """Claim what has no claim, and go on with what has rested enough."""
        if self._assigned.fatal is not None:
            raise self._assigned.fatal
        full = self._intake.full()
        for hold in list(self._assigned.holds.values()):
            if full and not hold.stopped:
                hold.rest(2 * self._limits.not_ready_s)
                self._reader.rest(hold)
            elif hold.resting or not self._assigned.is_live(hold):
                continue
            elif hold.claim is None or hold.stopped:
                await self._attempt(hold, self._claim(hold))
            elif hold.paused:
                self._reader.go_on(hold)

    async def read(self, stop: asyncio.Event) -> None:
        try:
            found = await self._reader.poll(self._intake.poll_ms, self._intake.max_records)
        except LogLost as lost:
            hold = self._assigned.holds.get(lost.at)
            if hold is not None:
                self._metrics.log_lost.inc()
                await self._attempt(hold, self._stop(hold, "log lost"))
            return
        for hold, records in found.items():
            fresh = [record for record in records if record.offset >= hold.next_offset]
            # Without a live claim they are dropped: the seek that follows a claim fetches them.
            while fresh and not hold.paused and self._assigned.is_live(hold):
                if stop.is_set():
                    return
                count = 1 if fresh[0].offset < hold.singly_until else len(fresh)
                await self._attempt(hold, self._apply(hold, fresh[:count]))
                fresh = fresh[count:]

    async def serve_requests(self) -> None:
        mine = {at: hold for at, hold in self._assigned.holds.items() if hold.claim is not None}
        if not mine:
            return
        try:
            async with worker_tx(self._intake.engine, self._intake.role) as conn:
                requests = await replay.open_requests(conn, self._intake.grp, mine)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if not is_transient(error):
                raise
            return  # the next batch or claim sees to it
        for request in requests:
            hold = mine[request.at]
            if hold.claim is not None and self._assigned.is_live(hold):
                serve = self._take if request.kind == "take" else self._replay
                await self._attempt(hold, serve(hold, request))

    async def _attempt(self, hold: Hold, work: Awaitable[None]) -> None:
        """Do *work* for *hold*. What is expected to go wrong decides how the partition goes on."""
        self._assigned.idle.clear()
        try:
            await work
            self._failures = 0
        except Fenced:
            self._metrics.fence_rejects.inc()
            log.warning("fenced", extra=hold.fields)
            hold.give_up(acquitted=False, rest_s=self._limits.fenced_rest_s)
        except _Moved as moved:
            log.warning("moved by another hand", extra={**hold.fields, "to": moved.to})
            hold.next_offset = moved.to
            hold.rest(0)
        except CommitUnknown as unknown:
            hold.give_up(acquitted=unknown.acquitted)
        except KafkaError as error:
            if not error.retriable:
                raise
            hold.rest(wait_s(1))
        except (DBAPIError, PoolTimeout, OSError) as error:
            if not is_transient(error):
                raise
            self._database_failed(hold, error)
        finally:
            self._assigned.idle.set()
            if hold.paused:
                self._reader.rest(hold)

    def _database_failed(self, hold: Hold, error: Exception) -> None:
        """Wait, do not crash; when Postgres is away, with all partitions."""
        away = is_away(error)
        self._failures += away
        rest_s = wait_s(self._failures) if away else self._limits.claim_wait_ms / 1000
        log.warning(
            "database away" if away else "again",
            extra={**hold.fields, "error": type(error).__name__, "rest_s": rest_s},
        )
        for one in self._assigned.holds.values() if away else (hold,):
            if one is hold or not one.stopped:
                one.give_up(acquitted=True, rest_s=rest_s)
                self._reader.rest(one)

    async def _claim(self, hold: Hold) -> None:
        at, me, grp = hold.at, self._intake.me, self._intake.grp
        async with self._transaction(self._limits.claim_wait_ms) as conn:
            claimed = await offsets.claim(
                conn, grp, at.topic, at.partition, owner=me, acquitted=hold.acquitted
            )
        if claimed is None:  # the group never saw this partition
            first = await self._reader.first_offset(at)
            async with self._transaction() as conn:
                await offsets.create(conn, grp, at.topic, at.partition, owner=me, first=first)
            return
        crashpoint("after-claim")
        if not self._assigned.is_live(hold):
            return  # a rebalance passed while we waited
        hold.claim, hold.next_offset = claimed.claim, claimed.next_offset
        hold.acquitted = hold.struck = False
        # Somebody died here: record by record, so that the one to blame stands out.
        hold.singly_until = hold.next_offset + self._intake.max_records if claimed.tries else 0
        if claimed.tries >= self._limits.strikes:
            await self._stop(hold, "deadly record")
            return
        self._mark(hold, "")
        self._reader.go_on(hold)

    async def _apply(self, hold: Hold, records: Sequence[Record]) -> None:
        began = time.perf_counter()
        try:
            await self._strike(hold)
            async with self._fenced(hold) as conn:
                await self._run_handler(conn, hold, records)
                letters = await parked(conn)
                hold_to = records[-1].offset + 1
                await offsets.advance(conn, _claim_of(hold), hold_to)
        except NotReady:
            self._metrics.not_ready.inc()
            self._progress(hold)
            hold.rest(self._limits.not_ready_s)
            async with self._transaction() as conn:
                await offsets.acquit(conn, _claim_of(hold))
            hold.struck = False
            return
        except TooManyLetters as error:
            log.critical("too many dead letters", extra={**hold.fields, "limit": str(error)})
            await self._stop(hold, "too many dead letters")
            return
        hold.next_offset = hold_to
        self._metrics.records.labels(hold.at.topic).inc(len(records))
        self._metrics.batch.labels(hold.at.topic).observe(time.perf_counter() - began)
        if letters:
            self._metrics.parked.labels(hold.at.topic).inc(letters)
        self._progress(hold)
        self._intake.on_commit()

    async def _strike(self, hold: Hold) -> None:
        if not hold.struck:
            async with self._transaction() as conn:
                await offsets.strike(conn, _claim_of(hold))
            hold.struck = True

    async def _run_handler(
        self, conn: AsyncConnection, hold: Hold, records: Sequence[Record]
    ) -> None:
        await parked(conn)  # of a transaction that was rolled back
        parent = trace.common(trace.parent_of(record.headers) for record in records)
        with trace.following(parent):
            await self._intake.handle[hold.at.topic](conn, records)

    async def _stop(self, hold: Hold, reason: str) -> None:
        """Rest until a person has helped; look again now and then whether one has."""
        log.critical("partition stopped", extra={**hold.fields, "reason": reason})
        self._mark(hold, reason)
        hold.rest(self._limits.stopped_rest_s)
        if hold.claim is not None:
            async with self._transaction() as conn:
                await offsets.stop(conn, hold.claim, reason)

    def _mark(self, hold: Hold, reason: str) -> None:
        place = (hold.at.topic, str(hold.at.partition))
        if hold.stopped and hold.stopped != reason:
            self._metrics.stopped.remove(*place, hold.stopped)
        if reason:
            self._metrics.stopped.labels(*place, reason).set(1)
        hold.stopped = reason

    def _progress(self, hold: Hold) -> None:
        if self._intake.watch is not None:
            self._intake.watch.progress(
                f"{self._intake.grp}/{hold.at.topic}/{hold.at.partition}"
            )

    async def _replay(self, hold: Hold, request: replay.Request) -> None:
        grp = self._intake.grp
        try:
            async with self._fenced(hold) as conn:
                row = await replay.letter(conn, grp, request)
                if row is None:
                    await replay.done(conn, request)
                    return
                failure = await self._handle_again(conn, hold, to_record(row, self._intake.sealer))
                if failure:
                    await replay.failed_again(conn, grp, request, failure)
                elif await parked(conn):  # by the handler, with its new reason
                    await replay.done(conn, request)
                else:
                    await replay.went_through(conn, grp, request)
                    self._metrics.replayed.labels(hold.at.topic).inc()
        except NotReady:
            return  # the request stays for the next time
        self._intake.on_commit()

    async def _handle_again(self, conn: AsyncConnection, hold: Hold, record: Record) -> str:
        """Return why it failed, empty if it did not. A replay must not end the process."""
        try:
            async with conn.begin_nested():
                await self._run_handler(conn, hold, [record])
        except NotReady:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("replay failed", extra={**hold.fields, "error": type(error).__name__})
            return f"replay failed: {type(error).__name__}"
        return ""

    async def _take(self, hold: Hold, request: replay.Request) -> None:
        """Make the record that the stopped *hold* stands at a letter, and go on behind it."""
        if request.off < hold.next_offset:
            async with self._transaction() as conn:
                await replay.done(conn, request)
            return
        if not hold.stopped or request.off != hold.next_offset:
            return  # it does not stand there, yet
        try:
            record = await self._reader.one(hold, TAKE_WITHIN_MS)
        except RecordTooLargeError:
            record = Record(request.topic, request.part, request.off, None, None, (), 0)
        if record is None:
            return
        async with self._fenced(hold) as conn:
            if record.offset == request.off:  # else compaction took it before us
                dead = [Dead(record, "taken by hand")]
                await park(conn, self._intake.grp, dead, sealer=self._intake.sealer)
            await offsets.advance(conn, _claim_of(hold), request.off + 1)
            await offsets.stop(conn, _claim_of(hold), None)
            await replay.done(conn, request)
        hold.next_offset = request.off + 1
        hold.struck = False
        self._mark(hold, "")
        hold.rest(0)

    @asynccontextmanager
    async def _transaction(self, lock_timeout_ms: int | None = None) -> AsyncIterator[AsyncConnection]:
        async with self._intake.engine.begin() as conn:
            await self._enter(conn, lock_timeout_ms)
            yield conn

    @asynccontextmanager
    async def _fenced(self, hold: Hold) -> AsyncIterator[AsyncConnection]:
        """Open a transaction in which only the owner of *hold* can be, and make it last."""
        async with self._intake.engine.connect() as conn:
            try:
                await self._enter(conn)
                next_offset = await offsets.fence(conn, _claim_of(hold))
                crashpoint("after-fence")
                if next_offset != hold.next_offset:
                    raise _Moved(next_offset)
                yield conn
                crashpoint("before-commit")
                await self._commit(conn, hold)
                crashpoint("after-commit")
            except (Fenced, NotReady, TooManyLetters, _Moved):
                raise  # a plain rollback, when the connection closes
            except BaseException:
                await conn.invalidate()  # broken or not, it must not come back into the pool
                raise

    async def _enter(self, conn: AsyncConnection, lock_timeout_ms: int | None = None) -> None:
        limits = self._limits
        settings = {
            "role": self._intake.role,
            "lock": str(lock_timeout_ms or limits.lock_timeout_ms),
            "statement": str(limits.statement_timeout_ms),
            "idle": str(limits.idle_timeout_ms),
        }
        await conn.execute(_ENTER, settings)

    async def _commit(self, conn: AsyncConnection, hold: Hold) -> None:
        """COMMIT, bounded and shielded. Whatever comes instead of an answer means: not known."""
        raw = (await conn.get_raw_connection()).driver_connection
        commit = asyncio.ensure_future(conn.commit())
        try:
            async with asyncio.timeout(self._limits.commit_s):
                await asyncio.shield(commit)
        except BaseException as error:
            self._metrics.commit_unknown.inc()
            log.warning("commit unknown", extra={**hold.fields, "error": type(error).__name__})
            if raw is not None:
                raw.terminate()  # now the COMMIT that hangs ends too
            await asyncio.wait({commit}, timeout=1)
            commit.cancel()
            if not isinstance(error, Exception):
                raise
            said_no = isinstance(error, DBAPIError) and not is_transient(error)
            raise CommitUnknown(acquitted=not said_no) from error


def _claim_of(hold: Hold) -> offsets.Claim:
    if hold.claim is None:
        raise Fenced  # taken away while we waited
    return hold.claim
