"""B5, B6, B7: the segmenter with ten million customers.

They are written into the database, for to push them takes an hour.
"""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer

from contracts.codec import encode
from contracts.events import OrderFacts
from demo.house import House
from load.backlog import NEXT_MIDNIGHT, Segmenter, template
from load.bed import PARTITIONS, Bed, usage
from load.crowd import Crowd
from load.end_to_end import LOOK_EVERY_S, Watch
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Progress, Run, Size, Tell
from load.orders_log import SHOPS, TODAY, Log, fill
from localstack import free_port
from plumbing.records import place
from support.eventually import eventually
from support.town import fresh_topics

MANY: Final = 10_000_000
FEW: Final = 100_000
SHORT: Final = 200  # customers, where it is only seen to work
TURNED_WITHIN_S: Final = 1_200
BEFORE: Final = timedelta(minutes=10)  # midnight, when a run begins
LIVE_PER_S: Final = 100
CALM_S: Final = 3.0  # of live orders before midnight

_USE: Final = """
    insert into segmenter.audience
      (shop_id, audience_id, name, kind, question, revision, used_by, created_at, updated_at,
       judgement, judged_day, turned_at, due, writing, removed)
    select shop_id, 'cold', 'cold', 'live', $1::text::jsonb, 1, array['win-back'], now(), now(),
           1, $2, done_at, false, false, false
    from segmenter.shop_day
"""
_COLD: Final = """
    {"filter": {"field": "cell", "in": ["fading_high", "fading_low"]}, "exclude": []}
"""
_SHIFT: Final = "update clock.shift set by_interval = $1 - now()"
_AT: Final = "select clock.business_clock()"
_TURNED: Final = f"""
    select not exists (select from segmenter.shop_day
                       where day <> date '{TODAY + timedelta(days=1)}' or phase <> 'done')
       and not exists (select from segmenter.outbox)
"""  # noqa: S608 - put together from constants
_JUDGED: Final = """
    select not exists (select from segmenter.audience join segmenter.shop_day using (shop_id)
                       where turned_at is distinct from done_at or writing)
       and not exists (select from segmenter.outbox)
"""
_CAME_TO: Final = """
    select (select count(*) from segmenter.segment_change where reason = 'time') as changes,
           (select count(*) from segmenter.customer_state
            where cell in ('fading_high', 'fading_low')) as cold,
           (select count(*) from segmenter.audience_member) as members
"""


async def _crowded(bed: Bed, crowd: Crowd, tell: Tell) -> str:
    """Return the name of a database with *crowd*, which each run begins with."""
    database = await template(bed)
    conn = await bed.connect(database)
    try:
        await crowd.settle(conn, Progress("written customers", crowd.customers, tell))
    finally:
        await conn.close()
    return database


@dataclass(eq=False)
class Refilled:
    """A segmenter whose log is written anew before each run: the two sides have one each."""

    segmenter: Segmenter

    @property
    def name(self) -> str:
        return self.segmenter.name

    async def run(self) -> Run:
        kafka = self.segmenter.bed.kafka
        await fresh_topics(kafka)
        await fill(kafka.kafka_servers, self.segmenter.backlog.log.facts())
        return await self.segmenter.run()


@asynccontextmanager
async def _open_sizes(bed: Bed, size: Size, tell: Tell) -> AsyncIterator[Contest]:
    events = SHORT_EVENTS if size.short else 300_000
    few, many = Crowd(SHORT // 2 if size.short else FEW), Crowd(SHORT if size.short else MANY)
    sides: list[Refilled] = []
    for name, crowd in (("10M customers", many), ("100k customers", few)):
        log = Log(events, crowd.customers)
        backlog = crowd.backlog(log, log.facts())
        database = await _crowded(bed, crowd, tell)
        sides.append(Refilled(Segmenter(bed, backlog, "json", database, name)))
    ours, peer = sides
    try:
        yield Contest(
            ours,
            peer,
            {
                "orders": f"{events:,} a side, {PARTITIONS} partitions, JSON",
                "customers": f"{many.customers:,} and {few.customers:,}, drawn evenly, each with "
                "one order before, written into the database",
            },
        )
    finally:
        for side in sides:
            await bed.drop(side.segmenter.template)


@dataclass(eq=False)
class Midnight:
    """A segmenter over its shops' midnight, while orders go on coming."""

    bed: Bed
    crowd: Crowd
    template: str
    name: str = "segmenter"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        await fresh_topics(self.bed.kafka)
        database = await self.bed.copy(self.template)
        conn = await self.bed.connect(database)
        house = House(
            self.bed.kafka.kafka_servers,
            self.bed.admin_url,
            database,
            self.bed.folder,
            partitions=PARTITIONS,
            settings={"HUILIU_LOG_LEVEL": "WARNING"},
        )
        try:
            await conn.execute(_SHIFT, NEXT_MIDNIGHT - BEFORE)
            pod = await house.start("segmenter", (free_port(), free_port()))
            self.bed.pin_subject(pod.process.pid)
            await pod.ready()
            return await self._over(conn, database, pod.process.pid)
        finally:
            await house.stop()
            await conn.close()
            await self.bed.drop(database)

    async def _over(self, conn: asyncpg.Connection, database: str, pid: int) -> Run:
        looking = await self.bed.connect(database)
        live = Live(self.bed, Watch(looking), next(self._runs))
        async with live.running():
            await asyncio.sleep(CALM_S)
            await conn.execute(_SHIFT, NEXT_MIDNIGHT)
            began, used = time.perf_counter(), usage(pid).cpu_s
            live.began = time.time()
            await eventually(lambda: conn.fetchval(_TURNED), within_s=TURNED_WITHIN_S)
            turned, cpu_s = time.perf_counter(), usage(pid).cpu_s - used
            live.ended = time.time()
            await eventually(lambda: conn.fetchval(_JUDGED), within_s=TURNED_WITHIN_S)
            judged = time.perf_counter()
        await looking.close()
        (found,) = await conn.fetch(_CAME_TO)
        cold = self.crowd.growing_cold
        wrong = "" if set(found.values()) == {cold} else f"{dict(found)} instead of {cold}"
        delays = live.delays_ms()
        return Run(
            cold,
            turned - began,
            cpu_s,
            usage(pid).peak_rss_bytes,
            wrong,
            {
                "turn_s": turned - began,
                "live_p99_ms": statistics.quantiles(delays, n=100)[98],
                "audience_s": judged - began,
                "peak_mb": usage(pid).peak_rss_bytes / 1e6,
            },
        )


@dataclass(eq=False)
class Live:
    """Orders of people beside the crowd, evenly in time, and when each was committed."""

    bed: Bed
    watch: Watch
    run: int
    began: float = 0.0
    ended: float = 0.0
    _sent: list[tuple[float, int, int]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let orders come while the body runs, and wait until all of them are committed."""
        stop = asyncio.Event()
        looking, sending = (
            asyncio.create_task(self.watch.run()),
            asyncio.create_task(self._go(stop)),
        )
        try:
            yield
            stop.set()
            await sending
            await eventually(self._settled, within_s=60, every_s=LOOK_EVERY_S)
        finally:
            for task in (looking, sending):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def delays_ms(self) -> list[float]:
        """Return how long the orders of the turn took from Kafka's answer to the COMMIT."""
        return [
            (self.watch.visible_at(part, offset) - at) * 1000
            for at, part, offset in self._sent
            if self.began <= at <= max(self.ended, self.began + 1.0)
        ]

    async def _go(self, stop: asyncio.Event) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bed.kafka.kafka_servers)
        await producer.start()
        try:
            for number in itertools.count():
                if stop.is_set():
                    return
                due = asyncio.get_running_loop().time() + 1 / LIVE_PER_S
                one = place(
                    encode(self._order(number), source="ingest", at=NEXT_MIDNIGHT), PARTITIONS
                )
                met = await producer.send_and_wait(
                    one.topic, one.value, one.key, one.part, headers=list(one.headers)
                )
                self._sent.append((time.time(), met.partition, met.offset))
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        finally:
            await producer.stop()

    def _order(self, number: int) -> OrderFacts:
        at: datetime = NEXT_MIDNIGHT - timedelta(hours=1)
        return OrderFacts(
            shop_id=SHOPS[number % len(SHOPS)],
            customer_id=f"live-{number % 1_000}",
            order_id=f"L-{self.run}-{number}",
            version_us=int(at.timestamp()) * 1_000_000,
            placed_at=at,
            paid_at=at,
            currency="CNY",
            total_minor=45_000,
        )

    def _settled(self) -> bool:
        seen = self.watch.seen
        return all(
            bool(seen[part]) and seen[part][-1][0] > offset for _, part, offset in self._sent
        )


@asynccontextmanager
async def _open_midnight(crowd: Crowd, bed: Bed, size: Size, tell: Tell) -> AsyncIterator[Contest]:
    if size.short:
        crowd = replace(crowd, customers=5_000)
    database = await _crowded(bed, crowd, tell)
    conn = await bed.connect(database)
    try:
        await conn.execute(_USE, _COLD, TODAY)
    finally:
        await conn.close()
    try:
        yield Contest(
            Midnight(bed, crowd, database),
            None,
            {
                "customers": f"{crowd.customers:,} of {len(SHOPS)} shops, of whom "
                f"{crowd.growing_cold:,} change place; each shop has a used audience of those",
                "turn_s": "from midnight until the last change is published",
                "audience_s": "from midnight until the last entry is published",
                "live_p99_ms": f"{LIVE_PER_S} orders a second meanwhile, from Kafka's answer to "
                f"the COMMIT, seen by looking every {LOOK_EVERY_S * 1000:.0f} ms",
            },
        )
    finally:
        await bed.drop(database)


B5: Final = Benchmark(
    name="B5",
    what="segmenter at 10M customers ÷ at 100k; its memory at 10M is B6",
    unit="orders",
    bars=[Bar("ratio", 0.5, 0.7, 0.85), Bar("peak_mb", 600, 600, less=True)],
    open=_open_sizes,
    only_full=True,
    runs=3,
)


def _midnight(name: str, what: str, crowd: Crowd, *, audience_s: float, full: bool) -> Benchmark:
    bars = [
        Bar("turn_s", 60, 20, 8, less=True),
        Bar("live_p99_ms", 1_000, 1_000, less=True),
        Bar("audience_s", audience_s, audience_s, less=True),
    ]
    opened = partial(_open_midnight, crowd)
    return Benchmark(
        name=name,
        what=f"{what} (no peer)",
        unit="changes",
        bars=bars,
        open=opened,
        only_full=full,
        runs=3,
        warm_ups=0,
    )


B7: Final = _midnight(
    "B7",
    "day turn-over of 10M customers, 300,000 change place",
    Crowd(MANY),
    audience_s=900,
    full=True,
)
B7_1M: Final = _midnight(
    "B7-1M",
    "the same with 1M customers, 30,000 change place",
    Crowd(1_000_000),
    audience_s=60,
    full=False,
)
