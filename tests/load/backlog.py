"""B3, B4: a backlog of orders through the segmenter, beside Quix Streams and Bytewax.

Where the customers are known before, each side takes their first orders once, untimed and by its
own code; every run then begins with a copy of what that left: a database, a folder of RocksDB.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg

from demo.house import Failed, House
from load.bed import HERE, PARTITIONS, Bed, no_peers, usage
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Progress, Run, Side, Size, Tell
from load.orders_log import AVERAGE, END, SHOPS, TODAY, Backlog, Log, fill, recomputed
from load.stream_peers import Bytewax, Quix
from localstack import free_port
from support.eventually import eventually
from support.town import fresh_topics

DONE_WITHIN_S: Final = 300
PRELOADED_WITHIN_S: Final = 900  # each side
LOOK_S: Final = 0.05  # each look costs the core of Postgres a millisecond
Beside: TypeAlias = Callable[[Bed, Backlog, str], Side]

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
_STANDINGS_OF: Final = (
    _STANDINGS + "join unnest($1::text[], $2::text[]) as wanted(shop_id, customer_id)"
    " using (shop_id, customer_id)"
)
_CHANGES: Final = "select count(*) from segmenter.segment_change"
_AMISS: Final = """
    select (select count(*) from segmenter.customer_order) as orders,
           (select count(*) from segmenter.dead_letter) as letters,
           (select count(*) from (select count(*) as number, max(revision) as last
                                  from segmenter.segment_change group by shop_id, customer_id)
            as told where number + $1::int <> last) as misannounced,
           (select count(*) from segmenter.segment_change) as changes
"""


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
        crowd = self.backlog.crowd
        (amiss,) = await conn.fetch(_AMISS, int(crowd > 0))
        if crowd:
            shops, customers = zip(*self.backlog.standings, strict=True)
            rows = await conn.fetch(_STANDINGS_OF, shops, customers)
        else:
            rows = await conn.fetch(_STANDINGS)
        found = {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
        wrong = self.backlog.differs(found)
        if (amiss["orders"], amiss["letters"], amiss["misannounced"]) != (
            self.backlog.orders + crowd,
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
            {"changes": amiss["changes"] - self._told, "peak_mb": used.peak_rss_bytes / 1e6},
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


def _read(out: Path) -> dict[str, float]:
    told: dict[str, float] = json.loads(out.read_text())
    return told


def _quix(bed: Bed, backlog: Backlog, form: str) -> Quix:
    return Quix(bed, backlog, form)


def _telling_quix(bed: Bed, backlog: Backlog, form: str) -> Quix:
    return Quix(bed, backlog, form, tells=True)


def _bytewax(bed: Bed, backlog: Backlog, _: str) -> Bytewax:
    return Bytewax(bed, backlog)


@asynccontextmanager
async def _open(
    log: Log, form: str, beside: Beside, bed: Bed, size: Size, tell: Tell
) -> AsyncIterator[Contest]:
    if size.short:
        log = replace(log, events=SHORT_EVENTS, customers=20)
    await fresh_topics(bed.kafka)
    every = Progress("recomputed", log.known + log.events, tell)
    backlog = Backlog(log, *recomputed(every.over(chain(log.before(), log.facts()))))
    database = await template(bed)
    ours, peer = Segmenter(bed, backlog, form, database), beside(bed, backlog, form)
    write = partial(fill, bed.kafka.kafka_servers, protobuf=form == "protobuf")
    if log.preloaded:
        await write(Progress("written", log.known, tell).over(log.before()))
        await ours.preload(tell)
        if isinstance(peer, Quix):
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
                "peer": _settings(peer, form),
            },
        )
    finally:
        await bed.drop(database)
        if isinstance(peer, Quix):
            peer.forget()


def _settings(peer: Side, form: str) -> str:
    if not isinstance(peer, Quix):
        return "one worker, no recovery, batch_size 1000, orjson"
    told = ", each change of place to a topic" if peer.tells else ""
    return (
        "commit_interval 1 s, at least once, changelog, "
        f"queued.min.messages 100000, {PEER_READS[form]}{told}"
    )


async def template(bed: Bed) -> str:
    """Return the name of a database in which the shops are known, and nothing else."""
    database = await bed.database()
    conn = await bed.connect(database)
    try:
        await prepare(conn)
    finally:
        await conn.close()
    return database


QUIX: Final = "Quix Streams, the same fold"


def _bench(
    name: str, what: str, log: Log, *, form: str = "json", beside: Beside = _quix, **how: Any
) -> Benchmark:
    bars = how.pop("bars", [Bar("ratio", 2.0, 4.0, 6.0)])
    opened = partial(_open, log, form, beside)
    return Benchmark(name=name, what=what, unit="orders", bars=bars, open=opened, **how)


_5K: Final = Log(300_000, 5_000)
_1M: Final = Log(300_000, 1_000_000, preloaded=True)

B3: Final = _bench(
    "B3-5k",
    f"segmenter, state durable and exactly once, 5,000 customers ÷ {QUIX}",
    _5K,
    missing=no_peers,
)
B3_ZIPF: Final = _bench(
    "B3-5k-zipf",
    f"the same, customers drawn by Zipf(1.1) ÷ {QUIX}",
    Log(300_000, 5_000, skew=1.1),
    missing=no_peers,
    runs=3,
)
B3_PB: Final = _bench(
    "B3-5k-pb",
    f"the same with protobuf on both sides ÷ {QUIX}",
    _5K,
    form="protobuf",
    missing=no_peers,
    only_full=True,
)
B3_1M: Final = _bench(
    "B3-1M",
    f"the same, 1,000,000 customers known before ÷ {QUIX}",
    _1M,
    missing=no_peers,
    only_full=True,
)
B3_1M_TOLD: Final = _bench(
    "B3-1M-told",
    f"the same ÷ {QUIX} that publishes each change of place, as ours does",
    _1M,
    beside=_telling_quix,
    missing=no_peers,
    only_full=True,
)
B4: Final = _bench(
    "B4",
    "B3-5k's segmenter ÷ Bytewax stateful_map without recovery",
    _5K,
    beside=_bytewax,
    bars=[Bar("ratio", 1.2, 2.0, 3.0)],
    missing=no_peers,
)
