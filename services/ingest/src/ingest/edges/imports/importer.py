"""Take files of history: one pod at a time, one file at a time, a chunk a transaction.

A chunk's facts leave by the outbox in the transaction that moves the cursor over its rows. So a
death, wherever, leaves each row done or not done, and who comes next goes on behind the last.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest import metrics
from ingest.edges.directory import Directory
from ingest.edges.events import AHEAD
from ingest.edges.imports.child import Reader, open_reader
from ingest.edges.imports.store import ImportStore, Run, State, forget_imports, pieces_of
from ingest.edges.imports.wire import Chunk, End, Failed, Head, Job, Said
from ingest.edges.store import SOURCE
from plumbing import outbox, trace
from plumbing.lease import SILENT_S, hold
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import BadSeal, Sealer
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog

LEASE: Final = "ingest importer"
DUTY: Final = "importer"
LEASE_EVERY_S: Final = 5.0
LOOK_EVERY_S: Final = 1.0
SPEAK_EVERY_S: Final = 5.0  # below what the lease's session may be silent
SILENT_READER_S: Final = 900.0  # then it is killed; a million rows are skipped in minutes
FORGET_EVERY_S: Final = 60.0
KEPT_DAYS: Final = 30
MOST_REJECTS: Final = 100_000
MOST_WAITING: Final = 2_000  # rows of the outbox, before the next chunk

_WAITING: Final = text("select count(*) from (select from outbox limit :most) waiting")

log = logging.getLogger(__name__)


class _NotOurs(Exception):
    """It was cancelled, or another one goes on with it."""


@dataclass(kw_only=True, eq=False)
class Importer:
    """One per process; who holds the lease works.

    Args:
        engine: Where imports are.
        sealer: Opens their files.
        directory: Knows shops.
        partitions: Of the customer-keyed topics.
        rows_per_s: At most, so that who posts is not held up.
        wake: The outbox relay.
        silent_s: Of the lease's session.
        watch: Told that it lives.
    """

    engine: AsyncEngine
    sealer: Sealer
    directory: Directory
    partitions: int
    rows_per_s: int
    wake: Callable[[], None]
    silent_s: float = SILENT_S
    watch: Watchdog | None = None

    async def run(self, stop: asyncio.Event) -> None:
        await hold(
            self.engine,
            LEASE,
            partial(self._hold, stop=stop),
            stop,
            every_s=LEASE_EVERY_S,
            silent_s=self.silent_s,
            before=self._well,
        )

    async def _hold(self, lease: AsyncConnection, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not stop.is_set():
            await self._speak(lease)
            async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                if loop.time() >= forget_at:
                    await forget_imports(conn, KEPT_DAYS)
                    forget_at = loop.time() + FORGET_EVERY_S
                run = await ImportStore(conn, self.sealer).next()
            if run is None:
                await pause(stop, LOOK_EVERY_S)
            else:
                await self._go_on(lease, run, stop)

    async def _go_on(self, lease: AsyncConnection, run: Run, stop: asyncio.Event) -> None:
        """Work on *run* until it ends, *stop* is set, or it is not ours any more."""
        shop = self.directory.find_shop(run.shop_id)
        if shop is None:  # this process has not heard of it yet
            await pause(stop, LOOK_EVERY_S)
            return
        await self.directory.refresh_clock()
        job = Job(
            shop_id=run.shop_id,
            zone=shop.zone,
            currency=shop.currency,
            country=shop.country,
            kind=run.kind,
            form=run.form,
            encoding=run.encoding,
            mapping=dict(run.mapping),
            said_at=run.created_at.isoformat(),
            limit=(self.directory.business_now() + AHEAD).isoformat(),
            partitions=self.partitions,
            traceparent=trace.child(""),
            skip=run.rows,
        )
        pieces = pieces_of(self.engine, self.sealer, run.import_id)
        try:
            async with open_reader(job, pieces) as reader:
                while not stop.is_set():
                    said = await self._hear(lease, reader)
                    went_on = await self._take(lease, run, said, stop)
                    if went_on is None:
                        return
                    run = went_on
        except _NotOurs:
            log.info("an import is not ours any more", extra={"import_id": run.import_id})

    async def _hear(self, lease: AsyncConnection, reader: Reader) -> Said:
        loop = asyncio.get_running_loop()
        until = loop.time() + SILENT_READER_S
        while loop.time() < until:
            await self._speak(lease)
            try:
                said = await reader.next(SPEAK_EVERY_S)
            except BadSeal:
                return Failed("its file cannot be opened: send it again", fault="BadSeal")
            except EOFError:
                return Failed("its reader died: is it larger than memory?", fault="EOFError")
            if said is not None:
                return said
        return Failed("its reader says nothing: it cannot be read in a sensible time")

    async def _take(
        self, lease: AsyncConnection, run: Run, said: Said, stop: asyncio.Event
    ) -> Run | None:
        """Return the run as it is afterwards; None when it has ended."""
        match said:
            case Head():
                async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                    store = ImportStore(conn, self.sealer)
                    await store.note_head(run.import_id, said.header, said.columns)
                return run
            case Chunk():
                run = await self._keep(lease, run, said, stop)
                if run.rejected <= MOST_REJECTS:
                    return run
                await self._end(run, "failed", f"more than {MOST_REJECTS} rows were rejected")
            case End():
                await self._end(run, "done")
            case Failed():
                if said.fault:
                    log.error(
                        "a file could not be read",
                        extra={"import_id": run.import_id, "error": said.fault},
                    )
                await self._end(run, "failed", said.why)
        return None

    async def _keep(
        self, lease: AsyncConnection, run: Run, chunk: Chunk, stop: asyncio.Event
    ) -> Run:
        began = asyncio.get_running_loop().time()
        while not run.dry_run and not stop.is_set() and await self._is_full():
            await self._speak(lease)
            await pause(stop, LOOK_EVERY_S)
        if stop.is_set():
            return run
        rows = chunk.rows - run.rows
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            store = ImportStore(conn, self.sealer)
            if not await store.advance(run, chunk.rows, chunk.accepted, chunk.rejects):
                raise _NotOurs
            if not run.dry_run:
                await outbox.put(conn, chunk.records)
        self.wake()
        metrics.IMPORTED.labels("accepted").inc(0 if run.dry_run else chunk.accepted)
        metrics.IMPORTED.labels("rejected").inc(0 if run.dry_run else len(chunk.rejects))
        await self._rest(lease, stop, began + rows / self.rows_per_s)
        return replace(run, rows=chunk.rows, rejected=run.rejected + len(chunk.rejects))

    async def _rest(self, lease: AsyncConnection, stop: asyncio.Event, until: float) -> None:
        """Wait for *until*, the loop's time, without falling silent."""
        loop = asyncio.get_running_loop()
        while not stop.is_set() and (left_s := until - loop.time()) > 0:
            await self._speak(lease)
            await pause(stop, min(left_s, SPEAK_EVERY_S))

    async def _is_full(self) -> bool:
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            return bool(await conn.scalar(_WAITING, {"most": MOST_WAITING}) == MOST_WAITING)

    async def _end(self, run: Run, state: State, error: str | None = None) -> None:
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            store = ImportStore(conn, self.sealer)
            if not await store.end(run.import_id, state, error, run.rows):
                raise _NotOurs
        metrics.IMPORTS.labels(state).inc()
        log.info("an import ended", extra={"import_id": run.import_id, "state": state})

    async def _speak(self, lease: AsyncConnection) -> None:
        async with lease.begin():
            await lease.execute(text("select 1"))  # who holds the lease still speaks
        self._well()

    def _well(self) -> None:
        if self.watch is not None:
            self.watch.progress(DUTY)
