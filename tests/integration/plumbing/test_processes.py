"""Processes that are killed and frozen: the smallest forms of promises 3 and 4."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from localstack import Stack
from plumbing.crashpoint import ENV
from plumbing.records import partition_of
from plumbing.resources import open_producer, worker_tx
from support.database import connect
from support.eventually import eventually
from support.shelf import ROLE, ShelfDb, read

TESTS = Path(__file__).parents[2]
PARTITIONS = 4
POINTS = [
    "after-claim",
    "after-fence",
    "after-merge",
    "after-outbox",
    "before-commit",
    "after-commit",
    "relay-after-publish",
    "relay-after-delete",
]


class Pod:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def code(self) -> int | None:
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def stop(self) -> dict[str, float]:
        """Ask it to stop; return the counters that it prints at its end."""
        if self.code is None:
            self.send(signal.SIGTERM)
        out, _ = await asyncio.wait_for(self._process.communicate(), 30)
        found = re.findall(r"^(huiliu_\w+_total) ([\d.]+)$", out.decode(), re.MULTILINE)
        return {name: float(value) for name, value in found}

    async def died(self) -> int:
        return await asyncio.wait_for(self._process.wait(), 40)


@asynccontextmanager
async def a_pod(db: ShelfDb, kafka: Stack, topic: str, crash: str = "") -> AsyncIterator[Pod]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.shelf",
        cwd=TESTS,
        env={
            **os.environ,
            ENV: crash,
            "SHELF_DATABASE_URL": db.url,
            "SHELF_SERVERS": kafka.kafka_servers,
            "SHELF_TOPIC": topic,
            "SHELF_COPIES": f"{topic}-copies",
            "SHELF_GROUP": f"{topic}-grp",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Pod(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def publish(kafka: Stack, topic: str, items: list[str]) -> None:
    async with open_producer(kafka.kafka_servers) as producer:
        for item in items:
            part = partition_of(item.encode(), PARTITIONS)
            await producer.send(topic, item.encode(), key=item.encode(), partition=part)


async def counts(engine: AsyncEngine) -> dict[str, int]:
    async with worker_tx(engine, ROLE) as conn:
        rows = await conn.execute(text("select item, times from effect"))
        return {row.item: row.times for row in rows}


async def outbox_is_empty(engine: AsyncEngine) -> bool:
    async with worker_tx(engine, ROLE) as conn:
        return not await conn.scalar(text("select count(*) from outbox"))


@pytest.mark.timeout(180)
async def test_killed_at_every_point_of_its_way_nothing_is_lost_and_nothing_is_twice(
    shelf_db: ShelfDb, engine: AsyncEngine, kafka: Stack
) -> None:
    topic = "killed"
    await kafka.create_topics({topic: {}, f"{topic}-copies": {}}, PARTITIONS)
    items = [f"i{n}" for n in range(len(POINTS) * 100)]
    for nth, point in enumerate(POINTS):
        await publish(kafka, topic, items[nth * 100 : nth * 100 + 100])
        async with a_pod(shelf_db, kafka, topic, f"{point}:{1 + nth % 2}") as pod:
            assert await pod.died() == -signal.SIGKILL, point
    async with a_pod(shelf_db, kafka, topic) as pod:

        async def all_once() -> bool:
            assert await counts(engine) == dict.fromkeys(items, 1)
            return True

        await eventually(all_once, within_s=40)
        await eventually(lambda: outbox_is_empty(engine), within_s=10)
        await pod.stop()
        assert pod.code == 0

    copies = await read(kafka.kafka_servers, f"{topic}-copies", PARTITIONS)
    assert set(copies) == {(item, item) for item in items}
    # relay-after-publish repeats at most one page; consumers merge that by its event id.
    assert len(items) <= len(copies) <= len(items) + 1000


async def _waits_for_a_lock(blocker: asyncpg.Connection) -> bool:
    query = "select count(*) from pg_locks where not granted and mode = 'RowExclusiveLock'"
    found: int = await blocker.fetchval(query)
    return found >= 1


@pytest.mark.timeout(120)
async def test_a_frozen_owner_that_wakes_up_writes_nothing(
    shelf_db: ShelfDb, engine: AsyncEngine, kafka: Stack
) -> None:
    topic = "frozen"
    await kafka.create_topics({topic: {}, f"{topic}-copies": {}}, PARTITIONS)
    items = [f"i{n}" for n in range(100)]
    # Held by us, so that the first pod stands inside its transaction when it is frozen.
    blocker = await connect(shelf_db.admin_url)
    held = blocker.transaction()
    await held.start()
    await blocker.execute("lock table test_shelf.effect")
    await publish(kafka, topic, items)
    async with a_pod(shelf_db, kafka, topic) as zombie:
        await eventually(lambda: _waits_for_a_lock(blocker), within_s=30, every_s=0.01)
        zombie.send(signal.SIGSTOP)
        await held.rollback()
        await blocker.close()

        async def all_once() -> bool:
            assert await counts(engine) == dict.fromkeys(items, 1)
            return True

        async with a_pod(shelf_db, kafka, topic) as heir:
            await eventually(all_once, within_s=40)
            zombie.send(signal.SIGCONT)
            more = [f"j{n}" for n in range(100)]
            await publish(kafka, topic, more)
            items += more
            await eventually(all_once, within_s=30)
            await eventually(lambda: outbox_is_empty(engine), within_s=10)
            rejects = [
                (await pod.stop()).get("huiliu_fence_rejects_total", 0) for pod in (zombie, heir)
            ]

    assert sum(rejects) >= 1
    assert set(await read(kafka.kafka_servers, f"{topic}-copies", PARTITIONS)) == {
        (item, item) for item in items
    }
