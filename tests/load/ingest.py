"""B1 and B2: orders over HTTP, answered when durable, beside a FastAPI that keeps nothing."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode, header
from contracts.events import OrderFacts
from demo.api import Api
from demo.house import Pod, token
from load import wrk
from load.bed import PARTITIONS, PEER_PYTHON, PEERS, Bed, no_peers, usage
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Run, Size, Tell
from localstack import free_port
from support.eventually import eventually
from support.town import SHOP, SHOP_ID

EVENTS_PATH: Final = f"/v1/shops/{SHOP_ID}/events"
SECONDS: Final = 6
BATCH: Final = 500
CAUGHT_UP_WITHIN_S: Final = 120

_LAG: Final = """
    select topic, part, next_offset from ingest.consumer_partition
    where grp = 'ingest' and topic = 'orders.v1'
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One order a request, or many."""

    count: int
    connections: int
    first: str = ""  # around our orders
    last: str = ""
    peer_path: str = "/echo"
    peer_first: str = ""
    peer_last: str = ""


ONE: Final = Shape(1, 32)
MANY: Final = Shape(BATCH, 8, '{"events":[', "]}", "/batch", "[", "]")


def load_of(url: str, shape: Shape, size: Size, *, peer: bool) -> wrk.Load:
    return wrk.Load(
        url=url,
        path=shape.peer_path if peer else EVENTS_PATH,
        headers={"Authorization": f"Bearer {token(SHOP_ID, ['events:write'])}"},
        connections=shape.connections,
        seconds=SECONDS,
        first=shape.peer_first if peer else shape.first,
        last=shape.peer_last if peer else shape.last,
        count=shape.count,
        limit=-(-SHORT_EVENTS // shape.count) if size.short else 0,
    )


@dataclass(eq=False)
class Ingest:
    """The product: HTTP, token, strict JSON, validation, Kafka's acknowledgement."""

    bed: Bed
    pod: Pod
    load: wrk.Load
    database: str
    name: str = "ingest"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        run = f"r{next(self._runs):03d}"
        began_at = await self.bed.ends()
        before = usage(self.pod.process.pid)
        shot = await self.load.fire(run)
        after = usage(self.pod.process.pid)
        behind = await self._behind()
        await self._drain()
        wrong = await self._differs(run, shot, began_at)
        await self._catch_up()
        return Run(
            shot.answered * self.load.count,
            shot.wall_s,
            after.cpu_s - before.cpu_s,
            after.peak_rss_bytes,
            wrong,
            {"p50_ms": shot.p50_ms, "p99_ms": shot.p99_ms, "behind_records": behind},
        )

    async def _differs(
        self, run: str, shot: wrk.Shot, began_at: Mapping[TopicPartition, int]
    ) -> str:
        """Read what the log got: each answered order once, none that was not sent, each as sent."""
        if shot.refused or shot.broken:
            return f"{shot.refused} refused, {shot.broken} broken"
        found: dict[int, bytes] = {}
        twice = altered = 0
        async for record, order in self.logged(began_at):
            number = wrk.number_of(order.order_id, run)
            if number is None:
                continue
            event_id = header(record.headers, "ce_id")
            twice += found.setdefault(number, event_id) != event_id
            said = (order.customer_id, order.total_minor)
            altered += said != (wrk.customer_of(number), wrk.total_of(number))
        least, most = shot.answered * self.load.count, shot.issued
        if twice or altered or not least <= len(found) <= most or max(found, default=0) > most:
            return f"{len(found)} logged of {least} to {most}, {twice} twice, {altered} altered"
        return ""

    async def logged(
        self, began_at: Mapping[TopicPartition, int]
    ) -> AsyncIterator[tuple[Any, OrderFacts]]:
        """Yield record and order of all that came since; one id twice is one fact."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bed.kafka.kafka_servers)
        await consumer.start()
        try:
            ends = await self.bed.ends()
            consumer.assign(list(ends))
            for place, offset in began_at.items():
                consumer.seek(place, offset)
            left = {place for place in ends if began_at[place] < ends[place]}
            while left:
                for place, records in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in records:
                        event = decode(record.headers, record.value, record.key)
                        if isinstance(event, OrderFacts):
                            yield record, event
                    if records and records[-1].offset + 1 >= ends[place]:
                        left.discard(place)
        finally:
            await consumer.stop()

    async def _behind(self) -> int:
        """Return how many orders ingest's own consumer has not registered yet."""
        ends = await self.bed.ends()
        conn = await self.bed.connect(self.database)
        try:
            rows = await conn.fetch(_LAG)
        finally:
            await conn.close()
        done = {TopicPartition(row["topic"], row["part"]): row["next_offset"] for row in rows}
        return sum(max(0, end - done.get(place, 0)) for place, end in ends.items())

    async def _drain(self) -> None:
        """Wait until nothing lies in the spool any more: what Kafka did not take in time."""
        conn = await self.bed.connect(self.database)

        async def empty() -> bool:
            return not await conn.fetchval("select exists (select from ingest.ingest_spool)")

        try:
            await eventually(empty, within_s=CAUGHT_UP_WITHIN_S)
        finally:
            await conn.close()

    async def _catch_up(self) -> None:
        """Leave the core to the other side only when nothing of ours is left to do."""

        async def caught_up() -> bool:
            return await self._behind() <= PARTITIONS * 4  # watermarks come all the time

        await eventually(caught_up, within_s=CAUGHT_UP_WITHIN_S)


@dataclass(eq=False)
class Echo:
    """The peer; it answers at once and keeps nothing."""

    pid: int
    url: str
    load: wrk.Load
    name: str = "bare FastAPI"

    async def run(self) -> Run:
        taken = await self._taken()
        before = usage(self.pid)
        shot = await self.load.fire("r000")
        after = usage(self.pid)
        taken = await self._taken() - taken
        least = shot.answered * self.load.count
        wrong = ""
        if shot.refused or shot.broken or not least <= taken <= shot.issued:
            wrong = f"{taken} taken of {least} to {shot.issued}, {shot.refused} refused"
        return Run(
            least,
            shot.wall_s,
            after.cpu_s - before.cpu_s,
            after.peak_rss_bytes,
            wrong,
            {"p50_ms": shot.p50_ms, "p99_ms": shot.p99_ms},
        )

    async def _taken(self) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return int((await client.get(f"{self.url}/taken")).json()["orders"])


@asynccontextmanager
async def _open(shape: Shape, bed: Bed, size: Size, _: Tell) -> AsyncIterator[Contest]:
    house = await bed.house()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    echo = [str(PEER_PYTHON), str(PEERS / "echo.py"), str(port)]
    async with bed.process(echo, subject=True) as peer:
        try:
            pod = await house.start("ingest")
            bed.pin_subject(pod.process.pid)
            await pod.ready()
            await open_shop(pod)
            await _listening(url)
            yield Contest(
                Ingest(bed, pod, load_of(pod.url, shape, size, peer=False), house.database),
                Echo(peer.pid, url, load_of(url, shape, size, peer=True)),
                {
                    "wrk": f"1 thread, {shape.connections} connections, {SECONDS} s a run",
                    "orders in a body": str(shape.count),
                },
            )
        finally:
            await house.stop()


async def open_shop(pod: Pod) -> None:
    api = Api({"ingest": pod.url}, token(ttl_s=3600))
    try:
        await api.put("ingest", f"/v1/shops/{SHOP_ID}", dict(SHOP))
    finally:
        await api.close()


async def _listening(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def answers() -> bool:
            try:
                return (await client.get(f"{url}/taken")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(answers, within_s=20)


def _missing() -> str | None:
    return wrk.missing() or no_peers()


B1: Final = Benchmark(
    name="B1",
    what="single-event ingest, answered when durable ÷ bare FastAPI echo",
    unit="posts",
    bars=[Bar("ratio", 1.2, 2.0, 2.8)],
    # Each post is a round trip to the broker, whose compiler needs some 100,000 of its records.
    warm_ups=3,
    open=partial(_open, ONE),
    missing=_missing,
)
B2: Final = Benchmark(
    name="B2",
    what=f"{BATCH}-event batches, events/s ÷ bare FastAPI with list[Order]",
    unit="events",
    bars=[Bar("ratio", 1.2, 1.5, 2.5)],
    open=partial(_open, MANY),
    missing=_missing,
)
