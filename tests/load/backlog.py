"""B3: a backlog of orders through the segmenter, beside Quix Streams on the same topic.

Where the customers are known before, each side takes their first orders once, untimed and by its
own code; every run then begins with a copy of what that left: a database, a folder of RocksDB.
"""

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import ORDERS
from demo.house import Failed, House
from load.bed import HERE, PARTITIONS, PEER_PYTHON, PEERS, ROOT, Bed, no_peers, usage
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Progress, Run, Size, Tell
from load.orders_log import AVERAGE, END, SHOPS, TODAY, Log, Standing, Who, fill, recomputed
from localstack import free_port
from support.eventually import eventually
from support.town import fresh_topics

DONE_WITHIN_S: Final = 300
PRELOADED_WITHIN_S: Final = 900
LOOK_S: Final = 0.01
GENERATED: Final = ROOT / "libs" / "contracts" / "src"  # the protobuf code, for the peer
PEER_READS: Final = {
    "json": "JSON deserialiser",
    "protobuf": "ProtobufDeserializer (upb), to_dict off",  # on, it takes many times as long
}
NEXT_MIDNIGHT: Final = datetime(2026, 3, 1, 16, tzinfo=UTC)

_DONE: Final = """
    select coalesce(sum(next_offset), 0) from segmenter.consumer_partition
    where grp = 'segmenter' and topic = 'orders.v1'
"""
_DRAINED: Final = "select not exists (select from segmenter.outbox)"
_STANDINGS: Final = """
    select shop_id, customer_id, frequency, monetary_minor, cell from segmenter.customer_state
"""
_CHANGES: Final = "select count(*) from segmenter.segment_change"
_AMISS: Final = """
    select (select count(*) from segmenter.customer_order) as orders,
           (select count(*) from segmenter.dead_letter) as letters,
           (select count(*) from (select count(*) as number, max(revision) as last
                                  from segmenter.segment_change group by shop_id, customer_id)
            as told where number <> last) as misannounced,
           (select count(*) from segmenter.segment_change) as changes
"""


@dataclass(eq=False)
class Backlog:
    """The log in the topic, and what it must come to."""

    log: Log
    standings: dict[Who, Standing]
    orders: int

    def differs(self, found: dict[Who, Standing]) -> str:
        wrong = sum(found.get(who) != held for who, held in self.standings.items())
        strange = len(found.keys() - self.standings.keys())
        return f"{wrong} customers differ, {strange} are unknown" if wrong or strange else ""


@dataclass(eq=False)
class Segmenter:
    """The product: fence, decode, merge, standings, outbox, offset, one COMMIT a batch."""

    bed: Bed
    backlog: Backlog
    form: str
    template: str  # the database that each run begins with
    name: str = "segmenter"
    _told: int = 0  # changes of the preload
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def preload(self, tell: Tell) -> None:
        """Take the known customers' orders into the template, and publish all that follows."""
        known = self.backlog.log.known
        progress = Progress(f"{self.name} preloads", known, tell)
        conn = await self.bed.connect(self.template)

        try:
            async with self._process(self.template, self._out("preload")) as process:

                async def drained() -> bool:
                    done = await self._taken(conn, process)
                    progress.at(done)
                    return done >= known and bool(await conn.fetchval(_DRAINED))

                await eventually(drained, within_s=PRELOADED_WITHIN_S)
            self._told = int(await conn.fetchval(_CHANGES))
            await conn.execute("vacuum (analyze)")
        finally:
            await conn.close()

    async def run(self) -> Run:
        database = await self.bed.copy(self.template)
        conn = await self.bed.connect(database)
        try:
            return await self._timed(conn, database, self._out(str(next(self._runs))))
        finally:
            await conn.close()
            await self.bed.drop(database)

    def _out(self, run: str) -> Path:
        out = self.bed.folder / f"segmenter-{run}.json"
        out.unlink(missing_ok=True)
        return out

    def _process(
        self, database: str, out: Path
    ) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        kafka = self.bed.kafka.kafka_servers
        house = House(kafka, self.bed.admin_url, database, self.bed.folder, partitions=PARTITIONS)
        settings = house.environ("segmenter", free_port(), free_port())
        return self.bed.process(
            [sys.executable, str(HERE / "subject.py"), str(out), self.form],
            subject=True,
            settings={**settings, "HUILIU_LOG_LEVEL": "WARNING"},
        )

    async def _taken(self, conn: asyncpg.Connection, process: asyncio.subprocess.Process) -> int:
        if process.returncode is not None:
            raise Failed(f"{self.name} ended with {process.returncode}; see {self.bed.folder}")
        return int(await conn.fetchval(_DONE))

    async def _timed(self, conn: asyncpg.Connection, database: str, out: Path) -> Run:
        log = self.backlog.log
        async with self._process(database, out) as process:

            async def all_durable() -> bool:
                return await self._taken(conn, process) >= log.known + log.events

            await eventually(all_durable, within_s=DONE_WITHIN_S, every_s=LOOK_S)
            ended, used = time.perf_counter(), usage(process.pid)
        began = _read(out)
        (amiss,) = await conn.fetch(_AMISS)
        rows = await conn.fetch(_STANDINGS)
        found = {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
        wrong = self.backlog.differs(found)
        if (amiss["orders"], amiss["letters"], amiss["misannounced"]) != (
            self.backlog.orders,
            0,
            0,
        ):
            wrong = f"{wrong} {dict(amiss)}"
        return Run(
            self.backlog.log.events,
            ended - began["began"],
            used.cpu_s - began["cpu_s"],
            used.peak_rss_bytes,
            wrong,
            {"changes": amiss["changes"] - self._told},
        )


async def prepare(conn: asyncpg.Connection) -> None:
    """Set the clock, and make the shops known on the log's last day."""
    await conn.execute("update clock.shift set by_interval = $1 - now()", END + timedelta(hours=1))
    for shop_id in SHOPS:
        await conn.execute(
            "insert into segmenter.shop values ($1, 1, 'Asia/Shanghai', 'CNY')", shop_id
        )
        await conn.execute(
            "insert into segmenter.shop_day values ($1, $2, $3, $4, $5, 'done', false, '')",
            shop_id,
            TODAY,
            *AVERAGE,
            NEXT_MIDNIGHT,
        )


@dataclass(eq=False)
class Quix:
    """The peer: the same fold, its state in RocksDB and on a changelog topic."""

    bed: Bed
    backlog: Backlog
    form: str
    name: str = "Quix Streams"
    _state: Path | None = None  # that each run begins with
    _ends: dict[TopicPartition, int] = field(default_factory=dict)  # of what it holds
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def preload(self, tell: Tell) -> None:
        """Take the known customers' orders without a changelog: a run's own begins empty."""
        known, group = self.backlog.log.known, f"quix-{time.time_ns()}"
        progress = Progress(f"{self.name} preloads", known, tell)
        folder, out = self.bed.folder / "quix-preload", self.bed.folder / "quix-preload.json"
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bed.kafka.kafka_servers)
        await admin.start()
        try:
            async with self._process(group, folder, known, "preload", out) as process:

                async def ended() -> bool:
                    committed = await admin.list_consumer_group_offsets(group)
                    progress.at(sum(max(0, at.offset) for at in committed.values()))
                    return process.returncode is not None

                await eventually(ended, within_s=PRELOADED_WITHIN_S, every_s=1)
            if process.returncode:
                raise Failed(f"{self.name} ended with {process.returncode}; see {self.bed.folder}")
        finally:
            await admin.close()
        self._state, self._ends = folder / group, await self.bed.ends()

    async def run(self) -> Run:
        number = next(self._runs)
        folder, out = self.bed.folder / f"quix-{number}", self.bed.folder / f"quix-{number}.json"
        group = f"quix-{time.time_ns()}"
        if self._state is not None:
            await asyncio.to_thread(shutil.copytree, self._state, folder / group)
            await self._begin_at(group)
        async with self._process(group, folder, self.backlog.log.events, "timed", out) as process:
            await asyncio.wait_for(process.wait(), DONE_WITHIN_S)
        read = partial(
            subprocess.run,
            [str(PEER_PYTHON), str(PEERS / "quix_state.py"), str(folder)],
            capture_output=True,
            check=True,
        )
        held = json.loads((await asyncio.to_thread(read)).stdout)
        shutil.rmtree(folder)
        found: dict[Who, Standing] = {}
        for key, (orders, money, place) in held.items():
            shop_id, _, customer_id = key.partition(":")
            found[shop_id, customer_id] = (orders, money, place)
        took = _read(out)
        return Run(
            self.backlog.log.events,
            took["wall_s"],
            took["cpu_s"],
            int(took["peak_rss_bytes"]),
            self.backlog.differs(found),
        )

    def _process(
        self, group: str, folder: Path, events: int, what: str, out: Path
    ) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return self.bed.process(
            [
                *(str(PEER_PYTHON), str(PEERS / "quix.py"), self.bed.kafka.kafka_servers, ORDERS),
                *(group, str(folder), str(events), self.form, what, str(out)),
            ],
            subject=True,
            settings={"PYTHONPATH": str(GENERATED)},
        )

    def forget(self) -> None:
        if self._state is not None:
            shutil.rmtree(self._state.parent)

    async def _begin_at(self, group: str) -> None:
        """Let *group* go on where the preload ended."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bed.kafka.kafka_servers, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign(list(self._ends))
            await consumer.commit(self._ends)
        finally:
            await consumer.stop()


def _read(out: Path) -> dict[str, float]:
    told: dict[str, float] = json.loads(out.read_text())
    return told


@asynccontextmanager
async def _open(log: Log, form: str, bed: Bed, size: Size, tell: Tell) -> AsyncIterator[Contest]:
    if size.short:
        log = replace(log, events=SHORT_EVENTS, customers=20)
    await fresh_topics(bed.kafka)
    every = Progress("recomputed", log.known + log.events, tell)
    backlog = Backlog(log, *recomputed(every.over(chain(log.before(), log.facts()))))
    template = await _template(bed)
    ours, peer = Segmenter(bed, backlog, form, template), Quix(bed, backlog, form)
    write = partial(fill, bed.kafka.kafka_servers, protobuf=form == "protobuf")
    if log.preloaded:
        await write(Progress("written", log.known, tell).over(log.before()))
        await ours.preload(tell)
        await peer.preload(tell)
    taken = await write(Progress("written", log.events, tell).over(log.facts()))
    try:
        yield Contest(
            ours,
            peer,
            {
                "orders": f"{log.events:,} of {log.customers:,} customers, {PARTITIONS} "
                f"partitions, {taken // log.events} B of {form} each; 4 % pushed again, "
                "1 % with a refund",
                "drawn": "evenly" if log.skew is None else f"Zipf({log.skew})",
                "preloaded": "one order of each customer" if log.preloaded else "nothing",
                "peer": "commit_interval 1 s, at least once, changelog, "
                f"queued.min.messages 100000, {PEER_READS[form]}",
            },
        )
    finally:
        await bed.drop(template)
        peer.forget()


async def _template(bed: Bed) -> str:
    """Return the name of a database in which the shops are known, and nothing else."""
    database = await bed.database()
    conn = await bed.connect(database)
    try:
        await prepare(conn)
    finally:
        await conn.close()
    return database


B3: Final = Benchmark(
    name="B3-5k",
    what="segmenter, state durable and exactly once, 5,000 customers ÷ Quix Streams, the same fold",
    unit="orders",
    bars=[Bar("ratio", 2.0, 4.0, 6.0)],
    open=partial(_open, Log(300_000, 5_000), "json"),
    missing=no_peers,
)
B3_ZIPF: Final = Benchmark(
    name="B3-5k-zipf",
    what="the same, customers drawn by Zipf(1.1) ÷ Quix Streams, the same fold",
    unit="orders",
    bars=[Bar("ratio", 2.0, 4.0, 6.0)],
    open=partial(_open, Log(300_000, 5_000, skew=1.1), "json"),
    missing=no_peers,
    runs=3,
)
B3_PB: Final = Benchmark(
    name="B3-5k-pb",
    what="the same with protobuf on both sides ÷ Quix Streams, the same fold",
    unit="orders",
    bars=[Bar("ratio", 2.0, 4.0, 6.0)],
    open=partial(_open, Log(300_000, 5_000), "protobuf"),
    missing=no_peers,
    only_full=True,
)
B3_1M: Final = Benchmark(
    name="B3-1M",
    what="the same, 1,000,000 customers known before ÷ Quix Streams, the same fold",
    unit="orders",
    bars=[Bar("ratio", 2.0, 4.0, 6.0)],
    open=partial(_open, Log(300_000, 1_000_000, preloaded=True), "json"),
    missing=no_peers,
    only_full=True,
)
