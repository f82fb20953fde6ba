"""Exactly one effect of each record: offsets in Postgres, a fence, one transaction a batch.

The reading group never commits to Kafka. A partition is claimed in the database, sought to the
database's offset, and then fed to its handler a batch at a time; state, outbox, dead letters and
the next offset are one COMMIT. Whoever holds an older claim finds no row at the fence.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing import offsets, replay, trace
from plumbing.away import is_away, is_transient
from plumbing.crashpoint import crashpoint
from plumbing.dead_letters import TooManyLetters, parked
from plumbing.limits import CommitUnknown, Limits, Moved, NotReady
from plumbing.metrics import ConsumerMetrics
from plumbing.offsets import Fenced
from plumbing.partitions import Assigned, Hold
from plumbing.probe import Probe
from plumbing.reader import LogLost, Reader, open_reader
from plumbing.records import Record
from plumbing.resources import enter, worker_tx
from plumbing.seal import Sealer
from plumbing.stopping import pause, wait_s
from plumbing.watchdog import Watchdog

Handle: TypeAlias = Callable[[AsyncConnection, Sequence[Record]], Awaitable[None]]

__all__ = ["Handle", "Intake", "Limits", "NotReady"]

LULL_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


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
    parallel: int = 1  # partitions at once, with a connection each
    poll_ms: int = 200
    gap_s: Callable[[], float] = lambda: 0.0  # before the next read: fewer batches, and larger
    limits: Limits = field(default_factory=Limits)
    _ready: bool = field(default=False, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until *stop* is set; the running transaction ends first, then the group is left."""
        self.metrics.expect(self.handle)
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
                reading = _Reading(self, reader, assigned, stop)
                try:
                    await self._loop(reading, stop, looking)
                finally:
                    await reading.end()
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
            reading.tend()
            self._ready = self._ready or reading.all_claimed
            await reading.read()
            gap_s = self.gap_s()
            if gap_s > 0:
                await pause(stop, gap_s)
            late_s = time.monotonic() - serve_at
            # An operator's request may wait for a lull, but not for ever.
            if not stop.is_set() and late_s >= (LULL_WITHIN_S if reading.working else 0):
                await reading.serve_requests()
                serve_at = time.monotonic() + self.limits.requests_every_s


class _Reading:
    """One life of a consumer: claims what it is given, and applies what it reads.

    Partitions are worked for side by side, each by one job at a time: while one batch waits for
    Postgres, another is decoded and folded.
    """

    def __init__(
        self, intake: Intake, reader: Reader, assigned: Assigned, stop: asyncio.Event
    ) -> None:
        self._intake = intake
        self._reader = reader
        self._assigned = assigned
        self._stop_asked = stop
        self._limits = intake.limits
        self._metrics = intake.metrics
        self._desk = replay.Desk(
            intake.grp, reader=reader, sealer=intake.sealer, begin=self._fenced, run=self._run
        )
        self._failures = 0  # in a row, of reaching Postgres
        self._away_until = 0.0  # of these, one at a time is counted
        self._jobs: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(intake.parallel)
        self._freed = asyncio.Event()  # a job has ended

    @property
    def working(self) -> bool:
        return any(not job.done() for job in self._jobs)

    @property
    def all_claimed(self) -> bool:
        holds = self._assigned.holds.values()
        return self._assigned.ever and all(hold.claim is not None for hold in holds)

    def tend(self) -> None:
        """Claim what has no claim, and go on with what has rested enough."""
        if self._assigned.fatal is not None:
            raise self._assigned.fatal
        self._show_stopped()
        full = self._intake.full()
        for hold in list(self._assigned.holds.values()):
            if hold.busy:
                continue
            if full and not hold.stopped:
                hold.rest(2 * self._limits.not_ready_s)
                self._reader.rest(hold)
            elif hold.resting or not self._assigned.is_live(hold):
                continue
            elif hold.claim is None or hold.stopped:
                self._begin(hold, self._one_attempt(hold, self._claim(hold)))
            elif hold.paused:
                self._reader.go_on(hold)

    async def read(self) -> None:
        """Hand out what there is to partitions that are not busy; wait for it, or for a job."""
        self._raise_what_failed()
        self._freed.clear()
        idle = [
            hold
            for hold in self._assigned.holds.values()
            if not (hold.busy or hold.paused or hold.claim is None)
        ]
        if self._jobs and (not idle or len(self._jobs) > self._intake.parallel):
            await asyncio.wait(
                self._jobs,
                timeout=self._intake.poll_ms / 1000,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return
        try:
            found = await self._reader.poll(
                self._intake.poll_ms, self._intake.max_records, of=idle, until=self._freed
            )
        except LogLost as lost:
            hold = self._assigned.holds.get(lost.at)
            if hold is not None and not hold.busy:
                self._metrics.log_lost.inc()
                self._begin(hold, self._one_attempt(hold, self._stop(hold, "log lost")))
            return
        for hold, records in found.items():
            if not hold.busy:
                self._begin(hold, self._feed(hold, records))

    async def end(self) -> None:
        """Let the running transactions end."""
        if self._jobs:
            await asyncio.wait(self._jobs)
        self._raise_what_failed()

    def _begin(self, hold: Hold, work: Coroutine[Any, Any, None]) -> None:
        hold.busy = True
        self._jobs.add(asyncio.create_task(self._do(hold, work), name=f"{hold.at}"))

    async def _do(self, hold: Hold, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            hold.busy = False
            self._freed.set()

    async def _one_attempt(self, hold: Hold, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._turns:
                await self._attempt(hold, work)
        finally:
            work.close()  # of one that had no turn

    def _raise_what_failed(self) -> None:
        """Let an unexpected error end the process; the jobs that ended well are forgotten."""
        ended = {job for job in self._jobs if job.done()}
        self._jobs -= ended
        for job in ended:
            job.result()

    async def _feed(self, hold: Hold, records: Sequence[Record]) -> None:
        fresh = [record for record in records if record.offset >= hold.next_offset]
        while fresh:
            # A turn for each batch: 500 records one by one must not keep the others waiting.
            async with self._turns:
                # Without a live claim they are dropped: the seek that follows a claim fetches them.
                lost = hold.paused or not self._assigned.is_live(hold)
                if lost or self._stop_asked.is_set():
                    return
                count = len(fresh) if hold.struck else self._limits.cautious
                if fresh[0].offset < hold.singly_until:
                    count = 1
                await self._attempt(hold, self._apply(hold, fresh[:count]))
            fresh = fresh[count:]

    async def serve_requests(self) -> None:
        await self.end()
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
                await self._attempt(hold, self._serve(hold, request))

    async def _attempt(self, hold: Hold, work: Awaitable[None]) -> None:
        """Do *work* for *hold*. What is expected to go wrong decides how the partition goes on."""
        with self._assigned.working():
            await self._try(hold, work)
        if hold.paused:
            self._reader.rest(hold)

    async def _try(self, hold: Hold, work: Awaitable[None]) -> None:
        try:
            await work
            self._failures = 0
        except Fenced:
            self._rejected(hold)
        except Moved as moved:
            log.warning("moved by another hand", extra={**hold.fields, "to": moved.to})
            hold.next_offset = moved.to
            hold.rest(0)
        except CommitUnknown as unknown:
            hold.give_up(acquitted=unknown.acquitted)
            await self._look_up(hold)
        except (KafkaError, DBAPIError, PoolTimeout, OSError) as error:
            had = hold.claim
            self._not_reached(hold, error)
            if had is not None and hold.claim is None:
                await self._look_up(hold)

    async def _look_up(self, hold: Hold) -> None:
        """Ask the row at once what became of the batch, and whether the partition is still ours."""
        try:
            await self._claim(hold)
        except Fenced:
            self._rejected(hold)
        except (KafkaError, DBAPIError, PoolTimeout, OSError) as error:
            self._not_reached(hold, error)

    def _rejected(self, hold: Hold) -> None:
        self._metrics.fence_rejects.inc()
        log.warning("fenced", extra=hold.fields)
        hold.fenced(self._limits.fenced_rest_s)

    def _not_reached(self, hold: Hold, error: Exception) -> None:
        """Wait, do not crash; when Postgres is away, with all partitions."""
        if isinstance(error, KafkaError) and error.retriable:
            hold.rest(wait_s(1))
            return
        if not is_transient(error):
            raise error
        away, now = is_away(error), time.monotonic()
        self._failures += away and now >= self._away_until
        rest_s = wait_s(max(1, self._failures)) if away else self._limits.claim_wait_ms / 1000
        log.warning(
            "database away" if away else "again",
            extra={**hold.fields, "error": type(error).__name__, "rest_s": rest_s},
        )
        if away:
            self._away_until = now + rest_s
        for one in self._assigned.holds.values() if away else (hold,):
            # The busy ones find out by themselves.
            if one is hold or not (one.stopped or one.busy):
                one.give_up(acquitted=True, rest_s=rest_s)
                self._reader.rest(one)

    async def _claim(self, hold: Hold) -> None:
        at, me, grp = hold.at, self._intake.me, self._intake.grp
        async with self._transaction(self._limits.claim_wait_ms) as conn:
            claimed = await self._raise_epoch(conn, hold)
        if claimed is None:  # the group never saw this partition
            first = await self._reader.first_offset(at)
            async with self._transaction() as conn:
                await offsets.create(conn, grp, at.topic, at.partition, owner=me, first=first)
            return
        crashpoint("after-claim")
        if not self._assigned.is_live(hold):
            return  # a rebalance passed while we waited
        hold.claim, hold.next_offset = claimed.claim, claimed.next_offset
        hold.lost, hold.acquitted, hold.struck = None, False, False
        # Somebody died here: record by record, so that the one to blame stands out.
        first = min(self._limits.cautious, self._intake.max_records)
        hold.singly_until = hold.next_offset + first if claimed.tries else 0
        if claimed.tries >= self._limits.strikes:
            await self._stop(hold, "deadly record")
            return
        hold.stopped = ""
        self._reader.go_on(hold)

    async def _raise_epoch(self, conn: AsyncConnection, hold: Hold) -> offsets.Claimed | None:
        me, acquitted = self._intake.me, hold.acquitted
        if hold.lost is not None:
            return await offsets.claim_again(conn, hold.lost, owner=me, acquitted=acquitted)
        at = (self._intake.grp, hold.at.topic, hold.at.partition)
        return await offsets.claim(conn, *at, owner=me, acquitted=acquitted)

    async def _apply(self, hold: Hold, records: Sequence[Record]) -> None:
        began = time.perf_counter()
        try:
            await self._strike(hold)
            async with self._fenced(hold) as conn:
                await self._run(conn, hold, records)
                letters = await parked(conn)
                hold_to = records[-1].offset + 1
                await offsets.advance(conn, hold.held, hold_to)
        except NotReady:
            self._metrics.not_ready.inc()
            self._progress(hold)
            hold.rest(self._limits.not_ready_s)
            async with self._transaction() as conn:
                await offsets.acquit(conn, hold.held)
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
                await offsets.strike(conn, hold.held)
            hold.struck = True

    async def _run(self, conn: AsyncConnection, hold: Hold, records: Sequence[Record]) -> None:
        await parked(conn)  # of a transaction that was rolled back
        parent = trace.common(trace.parent_of(record.headers) for record in records)
        with trace.following(parent):
            await self._intake.handle[hold.at.topic](conn, records)

    async def _stop(self, hold: Hold, reason: str) -> None:
        """Rest until a person has helped; look again now and then whether one has."""
        log.critical("partition stopped", extra={**hold.fields, "reason": reason})
        hold.stopped = reason
        hold.rest(self._limits.stopped_rest_s)
        if hold.claim is not None:
            async with self._transaction() as conn:
                await offsets.stop(conn, hold.claim, reason)

    def _show_stopped(self) -> None:
        holds = self._assigned.holds.values()
        self._metrics.show_stopped(
            self._intake.grp,
            {(one.at.topic, str(one.at.partition), one.stopped) for one in holds if one.stopped},
        )

    def _progress(self, hold: Hold) -> None:
        if self._intake.watch is not None and self._assigned.is_live(hold):
            self._intake.watch.progress(f"{self._intake.grp}/{hold.at.topic}/{hold.at.partition}")

    async def _serve(self, hold: Hold, request: replay.Request) -> None:
        if request.kind == "take":
            took = await self._desk.take(hold, request)
        else:
            took = await self._desk.replay(hold, request)
            self._metrics.replayed.labels(hold.at.topic).inc(took)
        if took:
            self._intake.on_commit()

    @asynccontextmanager
    async def _transaction(
        self, lock_timeout_ms: int | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """Short, and bounded as a whole: a connection may hang for ever."""
        async with (
            asyncio.timeout(self._limits.statement_timeout_ms / 1000),
            self._intake.engine.begin() as conn,
        ):
            await enter(conn, self._intake.role, self._limits, lock_timeout_ms)
            yield conn

    @asynccontextmanager
    async def _fenced(self, hold: Hold) -> AsyncIterator[AsyncConnection]:
        """Open a transaction in which only the owner of *hold* can be, and make it last."""
        async with self._intake.engine.connect() as conn:
            try:
                await enter(conn, self._intake.role, self._limits)
                await self._pass_fence(conn, hold)
                yield conn
                crashpoint("before-commit")
                await self._commit(conn, hold)
                crashpoint("after-commit")
            except (Fenced, Moved, NotReady, TooManyLetters):
                raise  # a plain rollback, when the connection closes
            except BaseException:
                await conn.invalidate()  # broken or not, it must not come back into the pool
                raise

    async def _pass_fence(self, conn: AsyncConnection, hold: Hold) -> None:
        next_offset = await offsets.fence(conn, hold.held)
        crashpoint("after-fence")
        if next_offset != hold.next_offset:
            raise Moved(next_offset)

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
