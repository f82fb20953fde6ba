"""B15: from an order's post to its segment, visible in the database. It has no peer."""

import asyncio
import contextlib
import itertools
import os
import statistics
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import asyncpg
from aiokafka import TopicPartition

from contracts.codec import header
from demo.house import Pod
from load import wrk
from load.bed import PARTITIONS, Bed, usage
from load.frame import Bar, Benchmark, Contest, Run, Size, Tell
from load.ingest import ONE, Ingest, load_of, open_shop
from support.eventually import eventually

LOOK_EVERY_S: Final = 0.01
SETTLED_WITHIN_S: Final = 180
CALM: Final = 0.5  # of what is sustained: the rate at which the delay is measured

_DONE: Final = """
    select part, next_offset from segmenter.consumer_partition
    where grp = 'segmenter' and topic = 'orders.v1'
"""
_STATE: Final = """
    select customer_id, frequency, monetary_minor from segmenter.customer_state
    where frequency > 0
"""


@dataclass(eq=False)
class Watch:
    """Looks all the time up to where each partition's orders are visible in the segmenter."""

    conn: asyncpg.Connection
    seen: dict[int, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    async def run(self) -> None:
        while True:
            rows = await self.conn.fetch(_DONE)
            now = time.time()
            for row in rows:
                steps = self.seen[row["part"]]
                if not steps or steps[-1][0] < row["next_offset"]:
                    steps.append((row["next_offset"], now))
            await asyncio.sleep(LOOK_EVERY_S)

    def visible_at(self, part: int, offset: int) -> float:
        """Return when the record was first seen to be done; at most one look too late."""
        steps = self.seen[part]
        return steps[bisect_right(steps, offset, key=lambda step: step[0])][1]


@dataclass(eq=False)
class House:
    """Ingest and segmenter; a run is a flood, then a calm stream for the delay."""

    bed: Bed
    ingest: Ingest
    segmenter: Pod
    name: str = "ingest and segmenter"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        number = next(self._runs)
        before = self._cpu_s()
        flood = await self._fire(f"f{number:03d}", 0.0)
        per_s = flood.orders / flood.settled_s
        pause_ms = ONE.connections / (per_s * CALM) * 1000
        calm = await self._fire(f"c{number:03d}", pause_ms)
        delays = statistics.quantiles(calm.delays_ms, n=100)
        return Run(
            flood.orders,
            flood.settled_s,
            self._cpu_s() - before,
            usage(self.segmenter.process.pid).peak_rss_bytes,
            await self._differs(),
            {
                "p99_ms": delays[98],
                "p50_ms": delays[49],
                "calm_per_s": calm.orders / calm.settled_s,
                "answered_per_s": flood.answered_per_s,
            },
        )

    def _cpu_s(self) -> float:
        pods = (self.ingest.pod, self.segmenter)
        return sum(usage(pod.process.pid).cpu_s for pod in pods)

    async def _fire(self, run: str, pause_ms: float) -> "_Flow":
        began_at = await self.bed.ends()
        conn = await self.bed.connect(self.ingest.database)
        watch = Watch(conn)
        looking = asyncio.create_task(watch.run())
        try:
            began = time.time()
            load = replace(self.ingest.load, pause_ms=pause_ms)
            shot = await load.fire(run)
            if shot.refused or shot.broken:
                raise RuntimeError(f"{shot.refused} posts refused, {shot.broken} broken")
            ends = await self.bed.ends()

            def settled() -> bool:
                return all(
                    bool(watch.seen[at.partition]) and watch.seen[at.partition][-1][0] >= end
                    for at, end in ends.items()
                )

            await eventually(settled, within_s=SETTLED_WITHIN_S, every_s=LOOK_EVERY_S)
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            await conn.close()
        return await self._flow(run, shot, began, began_at, watch)

    async def _flow(
        self,
        run: str,
        shot: wrk.Shot,
        began: float,
        began_at: Mapping[TopicPartition, int],
        watch: Watch,
    ) -> "_Flow":
        delays_ms: list[float] = []
        last = began
        async for record, order in self.ingest.logged(began_at):
            if (
                wrk.number_of(order.order_id, run) is None
                or record.offset < began_at[place(record)]
            ):
                continue
            said = datetime.fromisoformat(header(record.headers, "ce_time").decode()).timestamp()
            visible = watch.visible_at(record.partition, record.offset)
            last = max(last, visible)
            delays_ms.append((visible - said) * 1000)
        return _Flow(len(delays_ms), last - began, delays_ms, shot.answered / shot.wall_s)

    async def _differs(self) -> str:
        """Compare every customer's frequency and money with the sum of all that is in the log."""
        expected: dict[str, tuple[int, int]] = {}
        counted: set[str] = set()
        async for _, order in self.ingest.logged(dict.fromkeys(await self.bed.ends(), 0)):
            if order.order_id not in counted:
                counted.add(order.order_id)
                orders, money = expected.get(order.customer_id, (0, 0))
                expected[order.customer_id] = (orders + 1, money + (order.total_minor or 0))
        conn = await self.bed.connect(self.ingest.database)
        try:
            rows = await conn.fetch(_STATE)
        finally:
            await conn.close()
        found = {row["customer_id"]: (row["frequency"], row["monetary_minor"]) for row in rows}
        wrong = {who for who in expected | found if expected.get(who) != found.get(who)}
        return f"{len(wrong)} of {len(expected)} customers differ" if wrong else ""


@dataclass(frozen=True, slots=True)
class _Flow:
    orders: int
    settled_s: float  # from the first post until the last order's segment is visible
    delays_ms: Sequence[float]
    answered_per_s: float


def place(record: object) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)  # type: ignore[attr-defined]  # aiokafka's


@asynccontextmanager
async def _open(bed: Bed, size: Size, _: Tell) -> AsyncIterator[Contest]:
    house = await bed.house()
    try:
        ingest, segmenter = await house.start("ingest"), await house.start("segmenter")
        for pod in (ingest, segmenter):
            os.sched_setaffinity(pod.process.pid, range(os.cpu_count() or 1))
            await pod.ready()
        await open_shop(ingest)
        load = load_of(ingest.url, ONE, size, peer=False)
        yield Contest(
            House(bed, Ingest(bed, ingest, load, house.database), segmenter),
            None,
            {
                "wrk": f"1 thread, {ONE.connections} connections, {load.seconds} s a run",
                "cores": f"services on all {os.cpu_count()}; load, Kafka, Postgres on one of them",
                "delay": f"at {CALM:.0%} of the sustained rate, from ingest's reading of the post "
                "to the segmenter's COMMIT, seen by looking every 10 ms",
                "partitions": str(PARTITIONS),
            },
        )
    finally:
        await house.stop()


B15: Final = Benchmark(
    name="B15",
    what="end to end, single HTTP events to the segment visible (no peer)",
    unit="events",
    bars=[
        Bar("per_s", 6_000, 12_000, 18_000),
        Bar("p99_ms", 500, 250, 100, less=True),
    ],
    open=_open,
    missing=wrk.missing,
)
