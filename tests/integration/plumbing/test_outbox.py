"""The outbox and its relay, on a real Kafka: nothing skipped, order kept per key."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from localstack import Stack
from plumbing.lease import lease
from plumbing.metrics import OutboxMetrics
from plumbing.outbox import Relay, put
from plumbing.records import OutRecord
from plumbing.resources import worker_tx
from support import shelf
from support.database import connect
from support.eventually import eventually
from support.keyed import PARTITIONS, event, put_next, write

_numbers = itertools.count(1)


@pytest.fixture
async def topic(kafka: Stack) -> str:
    name = f"outbox-{next(_numbers)}"
    await kafka.create_topics({name: {}}, PARTITIONS)
    return name


@pytest.fixture
async def relaying(
    engine: AsyncEngine, kafka: Stack
) -> AsyncIterator[tuple[Relay, CollectorRegistry]]:
    registry = CollectorRegistry()
    relay = _relay(engine, kafka, registry)
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    yield relay, registry
    stop.set()
    await task


def _relay(engine: AsyncEngine, kafka: Stack, registry: CollectorRegistry) -> Relay:
    return Relay(
        engine=engine,
        servers=kafka.kafka_servers,
        service=shelf.SERVICE,
        metrics=OutboxMetrics(registry),
        every_s=0.05,
        page=100,
        request_timeout_ms=3_000,
    )


async def rows(engine: AsyncEngine) -> int:
    async with worker_tx(engine, shelf.ROLE) as conn:
        count: int = await conn.scalar(text("select count(*) from outbox")) or 0
        return count


async def read(kafka: Stack, topic: str) -> list[tuple[str, int]]:
    found = await shelf.read(kafka.kafka_servers, topic, PARTITIONS)
    return [(key, int(value)) for key, value in found]


async def test_what_a_transaction_put_is_published_and_what_was_rolled_back_is_not(
    engine: AsyncEngine, kafka: Stack, topic: str, relaying: tuple[Relay, CollectorRegistry]
) -> None:
    relay, registry = relaying
    async with engine.connect() as conn:
        await conn.execute(text("select set_config('role', :role, true)"), {"role": shelf.ROLE})
        await put(conn, [event(topic, "a", 99)])
        await conn.rollback()
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [event(topic, "a", n) for n in range(250)])
        await put(conn, [])
    relay.wake()

    await eventually(lambda: _is_empty(engine), within_s=15)
    assert await read(kafka, topic) == [("a", n) for n in range(250)]
    assert registry.get_sample_value("huiliu_outbox_published_total", {"topic": topic}) == 250


async def _is_empty(engine: AsyncEngine) -> bool:
    return await rows(engine) == 0


async def test_per_key_the_order_is_that_of_the_commits_and_a_slow_transaction_is_not_skipped(
    engine: AsyncEngine, kafka: Stack, topic: str, relaying: tuple[Relay, CollectorRegistry]
) -> None:
    keys = [f"k{n}" for n in range(20)]
    async with worker_tx(engine, shelf.ROLE) as slow:
        await put_next(slow, topic, "slow")  # draws its seq first, commits last
        slow_seq = await slow.scalar(text("select max(seq) from outbox"))
        naive = asyncio.create_task(_page_by_id(engine))
        await asyncio.gather(*(write(engine, topic, keys, 10, n) for n in range(4)))
        await eventually(lambda: _waits_only_for(engine, 0), within_s=30)
        last_seen_by_naive = await naive
    await eventually(lambda: _is_empty(engine), within_s=15)

    found = defaultdict(list)
    for key, n in await read(kafka, topic):
        found[key].append(n)
    assert dict(found) == {**{key: list(range(1, 41)) for key in keys}, "slow": [1]}
    # The control: `seq > last` had gone past the slow row before that could be seen.
    assert slow_seq is not None
    assert slow_seq < last_seen_by_naive


async def _waits_only_for(engine: AsyncEngine, count: int) -> bool:
    return await rows(engine) == count


async def _page_by_id(engine: AsyncEngine) -> int:
    """Do what a relay must not: remember the last id. Return it once it saw anything."""

    async def last() -> int:
        async with worker_tx(engine, shelf.ROLE) as conn:
            return await conn.scalar(text("select max(seq) from outbox where seq > 0")) or 0

    found: int = await eventually(last, within_s=10, every_s=0.001)
    return found


async def test_only_one_of_two_relays_publishes(
    engine: AsyncEngine, kafka: Stack, topic: str, relaying: tuple[Relay, CollectorRegistry]
) -> None:
    first, second, stop = relaying[1], CollectorRegistry(), asyncio.Event()
    other = _relay(engine, kafka, second)
    other.metrics.oldest.set(77)  # what it saw when it had the lease
    waiting = asyncio.create_task(other.run(stop))
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [event(topic, "a", 1)])
    await eventually(lambda: _is_empty(engine), within_s=10)
    await eventually(lambda: second.get_sample_value("huiliu_outbox_oldest_seconds") != 77)
    stop.set()
    await waiting

    told = [
        one.get_sample_value("huiliu_outbox_published_total", {"topic": topic})
        for one in (first, second)
    ]
    assert sorted(told, key=bool) == [None, 1.0]  # whichever of them was quicker to the lease
    assert await read(kafka, topic) == [("a", 1)]


async def test_a_stopping_relay_publishes_what_is_there(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [event(topic, "a", n) for n in range(250)])
    stop = asyncio.Event()
    stop.set()

    await _relay(engine, kafka, CollectorRegistry()).run(stop)

    assert len(await read(kafka, topic)) == 250


async def test_a_record_that_kafka_refuses_holds_up_its_own_partition_only(
    engine: AsyncEngine, kafka: Stack, topic: str, relaying: tuple[Relay, CollectorRegistry]
) -> None:
    huge = OutRecord(topic, 0, b"x", "huge", b"x" * 5_000_000, ())
    behind = OutRecord(topic, 0, b"x", "behind", b"1", ())
    beside = OutRecord(topic, 1, b"y", "beside", b"1", ())
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [huge, behind, beside])

    await eventually(lambda: _waits_only_for(engine, 2), within_s=10)
    assert await read(kafka, topic) == [("y", 1)]


async def test_what_one_transaction_put_into_one_partition_shares_rows_and_is_counted_as_records(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    registry, stop = CollectorRegistry(), asyncio.Event()
    stop.set()
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [event(topic, "a", n) for n in range(2_500)])
        await put(conn, [event(topic, "a", 2_500)])
    assert await rows(engine) == 4
    relay = _relay(engine, kafka, registry)

    await replace(relay, servers="127.0.0.1:1").run(stop)  # where nobody answers
    assert registry.get_sample_value("huiliu_outbox_rows") == 2_501
    await relay.run(stop)

    assert await read(kafka, topic) == [("a", n) for n in range(2_501)]
    assert registry.get_sample_value("huiliu_outbox_published_total", {"topic": topic}) == 2_501


async def test_around_a_record_that_kafka_refuses_bundles_keep_their_order(
    engine: AsyncEngine, kafka: Stack, topic: str, relaying: tuple[Relay, CollectorRegistry]
) -> None:
    part = event(topic, "a", 0).part
    huge = OutRecord(topic, part, b"a", "huge", b"x" * 5_000_000, ())
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(
            conn,
            [
                *(event(topic, "a", n) for n in range(200)),
                huge,
                *(event(topic, "a", n) for n in range(200, 400)),
            ],
        )

    await eventually(lambda: _waits_only_for(engine, 2), within_s=15)
    assert await read(kafka, topic) == [("a", n) for n in range(200)]
    async with worker_tx(engine, shelf.ROLE) as conn:
        await conn.execute(text("delete from outbox where event_id = 'huge'"))
    await eventually(lambda: _is_empty(engine), within_s=30)
    assert await read(kafka, topic) == [("a", n) for n in range(400)]


async def test_a_dead_session_is_a_lost_lock_and_is_taken_again(
    engine: AsyncEngine,
    kafka: Stack,
    topic: str,
    relaying: tuple[Relay, CollectorRegistry],
    shelf_db: shelf.ShelfDb,
) -> None:
    async def ended() -> bool:
        return bool(
            await admin.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_locks "
                "where locktype = 'advisory' and database = "
                "(select oid from pg_database where datname = current_database())"
            )
        )

    admin = await connect(shelf_db.admin_url)
    await eventually(ended, within_s=10)
    await admin.close()
    async with worker_tx(engine, shelf.ROLE) as conn:
        await put(conn, [event(topic, "a", 1)])

    await eventually(lambda: _is_empty(engine), within_s=15)


async def test_a_holder_that_says_nothing_loses_the_outbox_to_another(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    relay, stop = _relay(engine, kafka, CollectorRegistry()), asyncio.Event()
    async with lease(engine, f"outbox:{shelf.SERVICE}", silent_s=1.5) as silent:
        assert silent is not None
        async with worker_tx(engine, shelf.ROLE) as conn:
            await put(conn, [event(topic, "a", 1)])
        async with lease(engine, f"outbox:{shelf.SERVICE}") as second:
            assert second is None, "two hold it"
        task = asyncio.create_task(relay.run(stop))
        await eventually(lambda: _is_empty(engine), within_s=15)
    stop.set()
    await task

    assert await read(kafka, topic) == [("a", 1)]
