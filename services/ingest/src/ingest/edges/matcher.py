"""Looks who customers are whose contacts have changed: one pod at a time, a few at once."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest import metrics
from ingest.app.match_people import match
from ingest.edges.persons import PersonStore, due
from ingest.edges.store import SOURCE
from plumbing.clock import business_clock
from plumbing.lease import SILENT_S, hold
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog

LEASE: Final = "ingest matcher"
DUTY: Final = "matcher"
LEASE_EVERY_S: Final = 5.0
LOOK_EVERY_S: Final = 0.5
AT_ONCE: Final = 50  # each may be up to `matching.MOST_MEMBERS` customers, all of them locked

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Matcher:
    """One per process; who holds the lease works.

    Args:
        engine: Where people are.
        sealer: Opens and seals profiles, and makes keyed hashes of contacts.
        partitions: Of the customer-keyed topics.
        now: This machine's clock, for the time that events are sent with.
        wake: Called when something waits in the outbox.
        silent_s: Of the lease's session.
        watch: Told that it lives.
    """

    engine: AsyncEngine
    sealer: Sealer
    partitions: int
    now: Callable[[], datetime]
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

    async def turn(self) -> int:
        """Look at a batch of each shop; return how many customers it was."""
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            people, gone = await due(conn, AT_ONCE)
        shops: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for place, some in enumerate((people, gone)):
            for shop_id, customer_id in some:
                shops[shop_id][place].add(customer_id)
        for shop_id, (customers, erased_ones) in sorted(shops.items()):
            async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                at = await business_clock(conn)
                store = PersonStore(conn, self.sealer, self.partitions, self.now(), shop_id)
                done = await match(store, shop_id, customers, erased_ones, at)
            metrics.MATCHED.labels("done" if done else "again").inc(len(customers))
            self.wake()
        return len(people) + len(gone)

    async def _hold(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        while not stop.is_set():
            async with conn.begin():
                await conn.execute(text("select 1"))  # who holds the lease still speaks
            self._well()
            if await self.turn() < AT_ONCE:
                await pause(stop, LOOK_EVERY_S)

    def _well(self) -> None:
        if self.watch is not None:
            self.watch.progress(DUTY)
