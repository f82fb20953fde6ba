"""B3: a backlog of orders through the segmenter, beside Quix Streams on the same topic."""

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from contracts.topics import ORDERS
from demo.house import House, free_port
from load.bed import HERE, PARTITIONS, PEER_PYTHON, PEERS, Bed, no_peers, usage
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Run, Size
from load.orders_log import AVERAGE, END, SHOPS, TODAY, Log, Standing, Who, fill, recomputed
from support.eventually import eventually
from support.town import fresh_topics

DONE_WITHIN_S: Final = 300
LOOK_S: Final = 0.01
NEXT_MIDNIGHT: Final = datetime(2026, 3, 1, 16, tzinfo=UTC)

_DONE: Final = """
    select coalesce(sum(next_offset), 0) from segmenter.consumer_partition where topic = 'orders.v1'
"""
_STANDINGS: Final = """
    select shop_id, customer_id, frequency, monetary_minor, cell from segmenter.customer_state
"""
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
    name: str = "segmenter"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        out = self.bed.folder / f"segmenter-{next(self._runs)}.json"
        out.unlink(missing_ok=True)
        database = await self.bed.database()
        conn = await self.bed.connect(database)
        try:
            await prepare(conn)
            return await self._timed(conn, database, out)
        finally:
            await conn.close()
            admin = await self.bed.connect("postgres")
            await admin.execute(f"drop database {database} with (force)")
            await admin.close()

    async def _timed(self, conn: asyncpg.Connection, database: str, out: Path) -> Run:
        kafka = self.bed.kafka.kafka_servers
        house = House(kafka, self.bed.admin_url, database, self.bed.folder, partitions=PARTITIONS)
        settings = house.environ("segmenter", free_port(), free_port())
        command = [sys.executable, str(HERE / "subject.py"), str(out), self.form]
        async with self.bed.process(
            command, subject=True, settings={**settings, "HUILIU_LOG_LEVEL": "WARNING"}
        ) as process:

            async def all_durable() -> bool:
                return bool(await conn.fetchval(_DONE) >= self.backlog.log.events)

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
            {"changes": amiss["changes"]},
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
    name: str = "Quix Streams"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        number = next(self._runs)
        folder, out = self.bed.folder / f"quix-{number}", self.bed.folder / f"quix-{number}.json"
        group = f"quix-{time.time_ns()}"
        command = [
            *(str(PEER_PYTHON), str(PEERS / "quix.py"), self.bed.kafka.kafka_servers, ORDERS),
            *(group, str(folder), str(self.backlog.log.events), str(out)),
        ]
        async with self.bed.process(command, subject=True) as process:
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


def _read(out: Path) -> dict[str, float]:
    told: dict[str, float] = json.loads(out.read_text())
    return told


@asynccontextmanager
async def _open(log: Log, form: str, bed: Bed, size: Size) -> AsyncIterator[Contest]:
    if size.short:
        log = Log(SHORT_EVENTS, 20)
    await fresh_topics(bed.kafka)
    taken = await fill(bed.kafka.kafka_servers, log, protobuf=form == "protobuf")
    backlog = Backlog(log, *recomputed(log.facts()))
    peer = Quix(bed, backlog) if form == "json" else None
    yield Contest(
        Segmenter(bed, backlog, form),
        peer,
        {
            "orders": f"{log.events:,} of {log.customers:,} customers, {PARTITIONS} partitions, "
            f"{taken // log.events} B of {form} each; 4 % pushed again, 1 % with a refund",
            "drawn": "evenly" if log.skew is None else f"Zipf({log.skew})",
            "peer": "commit_interval 1 s, at least once, changelog, queued.min.messages 100000",
        },
    )


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
    only_full=True,
    runs=3,
)
B3_1M: Final = Benchmark(
    name="B3-1M",
    what="the same at 1,000,000 customers, nobody known before ÷ Quix Streams, the same fold",
    unit="orders",
    bars=[Bar("ratio", 2.0, 4.0, 6.0)],
    open=partial(_open, Log(1_000_000, 1_000_000), "json"),
    missing=no_peers,
    only_full=True,
    runs=3,
)
