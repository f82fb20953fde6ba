"""Gather what requests want spooled at the same time into one transaction.

When Kafka goes away, all that waited for it comes here in the same instant. A transaction for each
would take longer than the last of them may wait.
"""

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from ingest.edges.spool import spool
from ingest.edges.store import SOURCE
from plumbing.records import OutRecord
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer

LANES: Final = 3  # transactions at a time: one that hangs does not hold up what comes behind it


@dataclass(slots=True, eq=False)
class _Group:
    due: float = 0.0  # the loop's time at which the last of them has waited long enough
    records: list[OutRecord] = field(default_factory=list)
    waiters: list[asyncio.Future[None]] = field(default_factory=list)


class Spooler:
    """One per process. A transaction that fails fails for all that were gathered into it."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer
        self._group = _Group()
        self._lanes: set[asyncio.Task[None]] = set()

    async def keep(self, records: Sequence[OutRecord], within_s: float) -> None:
        """Return when all of *records* are committed.

        Raises:
            SQLAlchemyError, OSError: They are not, as far as is known.
            TimeoutError: Not within *within_s*. They may be, or be soon.
        """
        loop = asyncio.get_running_loop()
        group, waiter = self._group, loop.create_future()
        group.due = max(group.due, loop.time() + within_s)
        group.records += records
        group.waiters.append(waiter)
        if len(self._lanes) < LANES:
            lane = loop.create_task(self._work(), name="spooler")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        async with asyncio.timeout(within_s):
            await waiter

    async def _work(self) -> None:
        await asyncio.sleep(0)  # those whose wait for Kafka ended with this one's join it
        while self._group.waiters:
            group, self._group = self._group, _Group()
            try:
                async with (
                    asyncio.timeout_at(group.due),
                    worker_tx(self._engine, worker_role(SOURCE)) as conn,
                ):
                    await spool(conn, self._sealer, group.records)
            except Exception as error:  # noqa: BLE001 - each who waits must hear of it
                for waiter in group.waiters:
                    if not waiter.done():
                        waiter.set_exception(copy.copy(error))
            else:
                for waiter in group.waiters:
                    if not waiter.done():  # one that gave up
                        waiter.set_result(None)
