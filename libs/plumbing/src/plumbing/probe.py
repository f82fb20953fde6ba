"""Looks from outside whether a reader gets on: the log's ends, and what the database has done.

A client of its own, new for each look: the reader's may be the one that hangs.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.away import is_transient
from plumbing.metrics import AwayMetrics, ConsumerMetrics, Silence
from plumbing.partitions import Assigned
from plumbing.resources import worker_tx
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog

LOOK_S: Final = 10.0
ANSWERS_WITHIN_S: Final = 5.0

_ROWS: Final = text(
    "select topic, part, next_offset, stopped from consumer_partition where grp = :grp"
)

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Probe:
    """Keeps the lag gauges, and tells the watchdog which partitions are well.

    Well is a partition without lag, one whose offset has moved since the last look, one that a
    person must help, and any while Postgres or Kafka is away: another process would not do better.
    """

    engine: AsyncEngine
    servers: str
    grp: str
    role: str
    assigned: Assigned
    metrics: ConsumerMetrics
    watch: Watchdog | None
    _seen: dict[TopicPartition, int] = field(default_factory=dict, init=False)
    _away: AwayMetrics = field(default_factory=AwayMetrics, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        every_s = LOOK_S if self.watch is None else min(LOOK_S, self.watch.limit_s / 6)
        self._note({self.grp})
        while not await pause(stop, every_s):
            self._note(await self._look())
        if self.watch is not None:
            for name in self._watched():
                self.watch.forget(name)

    async def _look(self) -> set[str]:
        """Return the names of the duties that are well."""
        mine = set(self.assigned.holds)
        everything = {self.grp, *map(self._name, mine)}
        try:
            async with _answering(self._away.postgres):
                offsets, stopped = await self._offsets()
            async with _answering(self._away.kafka):
                ends = await self._ends(set(offsets) | mine)
        except (DBAPIError, KafkaError, PoolTimeout, OSError) as error:
            if not isinstance(error, KafkaError) and not is_transient(error):
                raise
            log.warning("cannot look at the lag", extra={"error": type(error).__name__})
            return everything
        still = {
            at
            for at, end in ends.items()
            if end > offsets.get(at, -1) and self._seen.get(at) == offsets.get(at)
        } - stopped
        self._seen = offsets
        self._show(mine, offsets, ends)
        well = {self._name(at) for at in mine - still}
        if mine or not still:
            well.add(self.grp)  # with nothing assigned, what rests is ours to take
        return well

    async def _offsets(self) -> tuple[dict[TopicPartition, int], set[TopicPartition]]:
        async with worker_tx(self.engine, self.role) as conn:
            rows = (await conn.execute(_ROWS, {"grp": self.grp})).all()
        offsets = {TopicPartition(row.topic, row.part): row.next_offset for row in rows}
        return offsets, {TopicPartition(row.topic, row.part) for row in rows if row.stopped}

    async def _ends(self, partitions: set[TopicPartition]) -> Mapping[TopicPartition, int]:
        if not partitions:
            return {}
        client = AIOKafkaConsumer(bootstrap_servers=self.servers, request_timeout_ms=3000)
        try:
            await client.start()
            ends: dict[TopicPartition, int] = await client.end_offsets(sorted(partitions))
        finally:
            await client.stop()
        return ends

    def _show(
        self,
        mine: set[TopicPartition],
        offsets: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        lags = {
            (at.topic, str(at.partition)): max(0, ends[at] - offsets[at])
            for at in mine & set(ends) & set(offsets)
        }
        self.metrics.show_lag(self.grp, lags)

    def _note(self, well: set[str]) -> None:
        if self.watch is None:
            return
        current = {self.grp, *map(self._name, self.assigned.holds)}
        watched = self._watched()
        for gone in watched - current:
            self.watch.forget(gone)
        # One that is new is watched from now on, well or not.
        for name in (well & current) | (current - watched):
            self.watch.progress(name)

    def _watched(self) -> set[str]:
        names = set() if self.watch is None else self.watch.names
        return {name for name in names if name == self.grp or name.startswith(f"{self.grp}/")}

    def _name(self, at: TopicPartition) -> str:
        return f"{self.grp}/{at.topic}/{at.partition}"


@asynccontextmanager
async def _answering(silence: Silence) -> AsyncIterator[None]:
    """Bound what is asked inside, and note whether an answer came."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            yield
    except (DBAPIError, KafkaError, PoolTimeout, OSError):
        silence.kept()
        raise
    silence.broken()
