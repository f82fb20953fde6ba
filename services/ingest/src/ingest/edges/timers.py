"""What ingest does by itself: drain the spool, send watermarks, look for overlooked facts."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest import metrics
from ingest.app.drain_spool import drain_spool, send_watermarks
from ingest.app.note_fact import free
from ingest.edges.edits import forget_before
from ingest.edges.idempotency import forget_keys
from ingest.edges.publisher import Publisher
from ingest.edges.rejected import open_tasks, outlived
from ingest.edges.spool import Spool
from ingest.edges.store import SOURCE, PostgresStore
from plumbing.lease import SILENT_S, hold
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog

PAGE: Final = 500
LEASE_EVERY_S: Final = 1.0
DUTY: Final = "drainer"

LEASE: Final = "ingest drainer"

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Drainer:
    """One pod at a time holds the lease, a session lock; two for a moment would only repeat."""

    engine: AsyncEngine
    publisher: Publisher
    sealer: Sealer
    partitions: int
    every_s: float
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
            without=metrics.show_no_spool,  # another pod shows it
        )

    async def _hold(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        spool = Spool(conn, self.sealer, SOURCE)
        while not stop.is_set():
            await self._turn(spool)
            await pause(stop, self.every_s)

    async def _turn(self, spool: Spool) -> None:
        """Drain while pages are full, then say what is in the log."""
        done = PAGE
        while done == PAGE and self.publisher.connected:
            done = await drain_spool(spool, self.publisher, limit=PAGE)
            self._well()
        if self.publisher.connected:
            sent = await send_watermarks(spool, self.publisher, partitions=self.partitions)
            metrics.HELD.set(1 - sent / self.partitions)
        rows, oldest_s = await spool.waiting()
        metrics.SPOOL.set(rows)
        metrics.OLDEST_SPOOLED.set(oldest_s)
        self._well()

    def _well(self) -> None:
        if self.watch is not None:
            self.watch.progress(DUTY)


async def sweep(
    engine: AsyncEngine,
    sealer: Sealer,
    partitions: int,
    now: Callable[[], datetime],
    *,
    limit: int,
) -> int:
    """Free what no registration freed, and put away what waited for 45 days.

    The locks make the first impossible; this is the second net. Returns how many keys it freed.
    """
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        store = PostgresStore(conn, partitions, now())
        keys = await store.overlooked(limit)
        if keys:
            await store.lock(keys)
            freed = await free(store, keys)
            log.warning("facts were overlooked", extra={"keys": len(keys), "freed": freed})
        await store.forget_carts(limit)
        await forget_keys(conn, limit)
        await forget_before(conn, limit)
        late = await outlived(conn, sealer)
        if late:
            log.error("facts waited too long for their order", extra={"facts": late})
        waiting, oldest_s = await store.waiting_since()
        tasks, oldest_task_s = await open_tasks(conn)
    metrics.PARKED.set(waiting)
    metrics.OLDEST_PARKED.set(oldest_s)
    metrics.TASKS.set(tasks)
    metrics.OLDEST_TASK.set(oldest_task_s)
    return len(keys)
