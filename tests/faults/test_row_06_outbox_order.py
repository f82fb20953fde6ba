"""Per key, events are published in the order of their commits, and no row is skipped."""

import asyncio
import itertools
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from localstack import Stack
from plumbing.metrics import OutboxMetrics
from plumbing.outbox import Relay
from plumbing.resources import open_engine, worker_tx
from support import shelf
from support.eventually import eventually
from support.keyed import PARTITIONS, put_next, write
from support.trial import ROOT, Trial

TOPIC: Final = "trial-of-order"
SLOW: Final = "slow"
OVERTAKEN_BY: Final = 200  # rows that are seen before the slow transaction commits


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    """The shelf's own database, as its service sees it, on a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="shelf-", dir=ROOT / ".local" / "tests"))
    try:
        async with Stack(folder, kafka=False) as server:
            db = shelf.on_server(server.admin_url, "shelf_trial")
            await shelf.prepare(db.admin_url, db.owner_url)
            async with open_engine(db.url, app="trial", pool=20) as opened:
                yield opened
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _relaying(engine: AsyncEngine, kafka: Stack) -> AsyncIterator[None]:
    relay = Relay(
        engine=engine,
        servers=kafka.kafka_servers,
        service=shelf.SERVICE,
        metrics=OutboxMetrics(CollectorRegistry()),
        every_s=0.05,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def _seqs(engine: AsyncEngine, after: int = 0) -> list[int]:
    async with worker_tx(engine, shelf.ROLE) as conn:
        found = await conn.execute(
            text("select seq from outbox where seq > :after order by seq limit 1000"),
            {"after": after},
        )
        return list(found.scalars())


async def _naive(engine: AsyncEngine, seen: set[int]) -> None:
    """Do what a relay must not: page by `seq > last`."""
    last = 0
    while True:
        for seq in await _seqs(engine, last):
            seen.add(seq)
            last = seq


def inversions(told: Mapping[str, Sequence[int]]) -> list[tuple[str, int, int]]:
    """Return where a key's later commit was published before an earlier one."""
    return [
        (key, one, other)
        for key, numbers in told.items()
        for one, other in itertools.pairwise(numbers)
        if other <= one
    ]


def missed(told: Mapping[str, Sequence[int]], written: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the events that were committed and are not in the log."""
    return [
        (key, n)
        for key, number in written.items()
        for n in range(1, number + 1)
        if n not in set(told.get(key, ()))
    ]


async def _drained(engine: AsyncEngine) -> bool:
    return not await _seqs(engine)


@pytest.mark.row(6)
async def test_the_order_of_commits_is_the_order_of_the_log_and_nothing_is_skipped(
    trial: Trial, engine: AsyncEngine, kafka: Stack
) -> None:
    writers, keys, rounds = trial.size((4, 100, 20), (8, 1_000, 100))
    names, seen = [f"k{n}" for n in range(keys)], set[int]()
    await kafka.create_topics({TOPIC: {}}, PARTITIONS)

    async with _relaying(engine, kafka):
        async with worker_tx(engine, shelf.ROLE) as slow:
            await put_next(slow, TOPIC, SLOW)  # draws its seq first, commits last
            slow_seq = await slow.scalar(text("select max(seq) from outbox"))
            naive = asyncio.create_task(_naive(engine, seen))
            writing = [
                asyncio.create_task(write(engine, TOPIC, names, rounds, trial.seed * 100 + n))
                for n in range(writers)
            ]
            await eventually(lambda: len(seen) >= OVERTAKEN_BY, within_s=10)
        await asyncio.gather(*writing)
        trial.tell("written")
        await eventually(partial(_drained, engine), within_s=trial.size(60, 600))
        naive.cancel()
        with suppress(asyncio.CancelledError):
            await naive

    told: dict[str, list[int]] = defaultdict(list)
    for key, value in await shelf.read(kafka.kafka_servers, TOPIC, PARTITIONS):
        told[key].append(int(value))
    written = {**dict.fromkeys(names, writers * rounds), SLOW: 1}
    trial.fired("rows seen before a smaller one", len(seen), at_least=OVERTAKEN_BY)
    trial.fired("rows that paging by id would skip", slow_seq not in seen, at_least=1)
    trial.figure("events", sum(map(len, told.values())))
    trial.none("inversions", inversions(told))
    trial.none("missed", missed(told, written))

    told["k1"][3:5] = reversed(told["k1"][3:5])
    trial.control("inversions", inversions(told))
    del told["k2"][7]
    trial.control("missed", missed(told, written))
