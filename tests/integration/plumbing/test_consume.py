"""The reader on a real Kafka and a real Postgres, with what may go wrong going wrong."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from localstack import Stack
from plumbing import offsets
from plumbing.consume import Limits
from plumbing.dead_letters import list_letters, request_replay, take
from plumbing.records import Record, partition_of
from plumbing.resources import open_engine, open_producer, worker_tx
from plumbing.watchdog import Watchdog
from support.database import connect
from support.eventually import eventually
from support.shelf import ROLE, Shelf, ShelfDb, read
from support.swallow import swallowing

PARTITIONS = 4
QUICK = Limits(
    idle_timeout_ms=2_000,
    lock_timeout_ms=1_000,
    commit_s=0.5,
    fenced_rest_s=0.2,
    stopped_rest_s=0.3,
    requests_every_s=0.1,
)
_numbers = itertools.count(1)


@pytest.fixture
async def topic(kafka: Stack) -> str:
    name = f"items-{next(_numbers)}"
    await kafka.create_topics({name: {}, f"{name}-copies": {}}, PARTITIONS)
    return name


def a_shelf(engine: AsyncEngine, kafka: Stack, topic: str, **settings: Any) -> Shelf:
    settings = {"limits": QUICK, "grp": f"{topic}-grp", **settings}
    return Shelf(
        engine=engine,
        servers=kafka.kafka_servers,
        topic=topic,
        copies=f"{topic}-copies",
        **settings,
    )


@asynccontextmanager
async def running(shelf: Shelf) -> AsyncIterator["asyncio.Task[None]"]:
    stop = asyncio.Event()
    task = asyncio.create_task(shelf.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def publish(kafka: Stack, topic: str, items: Iterable[str]) -> None:
    async with open_producer(kafka.kafka_servers) as producer:
        sent = [
            await producer.send(
                topic,
                item.encode(),
                key=item.encode(),
                partition=partition_of(item.encode(), PARTITIONS),
            )
            for item in items
        ]
        await asyncio.gather(*sent)


async def effects(engine: AsyncEngine) -> dict[str, int]:
    async with worker_tx(engine, ROLE) as conn:
        rows = await conn.execute(text("select item, times from effect"))
        return {row.item: row.times for row in rows}


async def all_once(engine: AsyncEngine, items: Iterable[str]) -> bool:
    assert await effects(engine) == dict.fromkeys(items, 1)
    return True


async def column(engine: AsyncEngine, name: str, grp: str) -> list[Any]:
    query = text(f"select {name} from consumer_partition where grp = :grp order by topic, part")  # noqa: S608 - a test's own name
    async with worker_tx(engine, ROLE) as conn:
        return list((await conn.scalars(query, {"grp": grp})).all())


async def test_every_record_has_one_effect_and_one_copy_over_restarts(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    items = [f"i{n}" for n in range(400)]
    for done in (200, 400):
        await publish(kafka, topic, items[done - 200 : done])
        shelf = a_shelf(engine, kafka, topic)
        async with running(shelf):
            await eventually(partial(_count, engine, done), within_s=20)
            assert await shelf.intake.readiness() is None

    await all_once(engine, items)
    copies = await read(kafka.kafka_servers, f"{topic}-copies", PARTITIONS)
    assert sorted(copies) == sorted((item, item) for item in items)


async def _count(engine: AsyncEngine, count: int) -> bool:
    return len(await effects(engine)) == count


async def test_a_handler_that_is_not_ready_is_asked_again_and_it_is_no_strike(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    await publish(kafka, topic, ["a", "b", "c"])
    shelf = a_shelf(engine, kafka, topic, ready=False)
    async with running(shelf):
        await eventually(lambda: shelf.counted("huiliu_not_ready_total") >= 3, within_s=15)
        assert await effects(engine) == {}
        shelf.ready = True
        await eventually(lambda: all_once(engine, "abc"), within_s=5)

    assert set(await column(engine, "epoch", shelf.grp)) == {1 + 1}  # created, then claimed once


async def test_bad_records_become_letters_and_are_replayed_by_the_owner(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    good = [f"i{n}" for n in range(100)]
    bad = [f"bad{n}" for n in range(10)]
    await publish(kafka, topic, [*good, *bad, "refuse-me"])
    shelf = a_shelf(engine, kafka, topic)
    async with running(shelf):
        await eventually(lambda: all_once(engine, [*good, "refuse-me"]), within_s=20)
        async with worker_tx(engine, ROLE) as conn:
            letters = await list_letters(conn)
        assert sorted(letter.reason for letter in letters) == ["cannot be read"] * 10 + ["refused"]
        assert shelf.registry.get_sample_value("huiliu_parked_total", {"topic": topic}) == 11

        await _replay_all(engine)  # still bad: the letters stay, the requests go
        await eventually(lambda: _no_requests(engine), within_s=10)
        async with worker_tx(engine, ROLE) as conn:
            assert len(await list_letters(conn)) == 11

        shelf.mended = True
        for _ in range(2):
            await _replay_all(engine)
        await eventually(lambda: _letters_left(engine, 1), within_s=10)

    counts = await effects(engine)
    assert {item: counts[item] for item in bad} == dict.fromkeys(bad, 1)
    assert shelf.registry.get_sample_value("huiliu_replayed_total", {"topic": topic}) == 10


async def _replay_all(engine: AsyncEngine) -> None:
    async with worker_tx(engine, ROLE) as conn:
        await request_replay(conn, by="ann")


async def _no_requests(engine: AsyncEngine) -> bool:
    async with worker_tx(engine, ROLE) as conn:
        return not await conn.scalar(text("select count(*) from replay_request"))


async def _letters_left(engine: AsyncEngine, count: int) -> bool:
    async with worker_tx(engine, ROLE) as conn:
        return len(await list_letters(conn)) == count


async def test_an_owner_whose_epoch_is_stale_is_fenced_and_claims_again_later(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    items = [f"i{n}" for n in range(40)]
    await publish(kafka, topic, items[:20])
    shelf = a_shelf(engine, kafka, topic)
    async with running(shelf):
        await eventually(lambda: all_once(engine, items[:20]), within_s=20)
        for part in range(PARTITIONS):
            async with worker_tx(engine, ROLE) as conn:
                await offsets.claim(conn, shelf.grp, topic, part, owner="somebody else")
        await publish(kafka, topic, items[20:])
        await eventually(lambda: all_once(engine, items), within_s=10)

    assert shelf.counted("huiliu_fence_rejects_total") >= 1


async def test_a_commit_without_an_answer_is_looked_up_not_guessed(
    shelf_db: ShelfDb, engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    items = [f"i{n}" for n in range(60)]
    async with (
        swallowing(shelf_db.url) as proxy,
        open_engine(proxy.through(shelf_db.url), app="test") as through,
    ):
        shelf = a_shelf(through, kafka, topic, relay_engine=engine, before_commit=proxy.arm)
        async with running(shelf):
            for first in range(0, 60, 20):
                await publish(kafka, topic, items[first : first + 20])
                await eventually(partial(all_once, engine, items[: first + 20]), within_s=20)
            assert proxy.swallowed >= 3
            await eventually(
                lambda: shelf.counted("huiliu_commit_unknown_total") >= proxy.swallowed, within_s=5
            )


async def test_backends_that_are_ended_cost_time_only(
    shelf_db: ShelfDb, engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    items = [f"i{n}" for n in range(600)]
    admin = await connect(shelf_db.admin_url)
    shelf = a_shelf(engine, kafka, topic, max_records=10)
    async with running(shelf) as task:
        for first in range(0, 600, 60):
            await publish(kafka, topic, items[first : first + 60])
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where usename = 'test_shelf' and datname = current_database()"
            )
        async with open_engine(shelf_db.url, app="look") as looking:
            await eventually(lambda: all_once(looking, items), within_s=30)
        assert not task.done()
    await admin.close()


async def test_a_record_that_ends_every_process_stops_its_partition_and_can_be_taken(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    same_partition = [f"x{n}" for n in range(200) if partition_of(b"x%d" % n, PARTITIONS) == 0][:6]
    items = [*same_partition[:3], "boom", *same_partition[3:], "elsewhere"]
    async with open_producer(kafka.kafka_servers) as producer:
        for item in items:
            part = 1 if item == "elsewhere" else 0
            await producer.send_and_wait(topic, item.encode(), key=item.encode(), partition=part)
    deaths = 0
    shelf, stop = a_shelf(engine, kafka, topic), asyncio.Event()
    run = asyncio.create_task(shelf.run(stop))
    while deaths < 8:
        stopped = asyncio.create_task(
            eventually(lambda: _has(engine, shelf.grp, "deadly record"), within_s=15)
        )
        await asyncio.wait({run, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not run.done():
            break
        stopped.cancel()
        deaths += 1
        with pytest.raises(RuntimeError, match="boom"):
            await run
        run = asyncio.create_task(a_shelf(engine, kafka, topic).run(stop))

    assert 3 <= deaths <= 6
    await eventually(lambda: all_once(engine, [*same_partition[:3], "elsewhere"]), within_s=10)
    at = (await column(engine, "next_offset", shelf.grp))[0]
    assert at == 3
    async with worker_tx(engine, ROLE) as conn:
        await take(conn, grp=shelf.grp, topic=topic, part=0, offset=at, by="ann")
    await eventually(lambda: all_once(engine, [*same_partition, "elsewhere"]), within_s=15)
    async with worker_tx(engine, ROLE) as conn:
        assert [letter.reason for letter in await list_letters(conn)] == ["taken by hand"]
    stop.set()
    await run


async def test_a_partition_read_record_by_record_does_not_keep_the_others_waiting(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    shelf, turns = a_shelf(engine, kafka, topic, max_records=500), list[int]()

    async def noting(conn: AsyncConnection, records: Sequence[Record]) -> None:
        turns.extend(record.part for record in records)
        await shelf.on_items(conn, records)

    shelf.intake.handle = {topic: noting}
    async with running(shelf):
        await eventually(lambda: _is_ready(shelf), within_s=10)
    async with worker_tx(engine, ROLE) as conn:  # as if somebody had died at each of them
        await conn.execute(text("update consumer_partition set tries = 1, tried_offset = 0"))
    items = [f"i{n}" for n in range(400)]
    await publish(kafka, topic, items)
    async with running(shelf):
        await eventually(lambda: all_once(engine, items), within_s=20)

    first = turns[0]
    others = [place for place, part in enumerate(turns) if part != first]
    assert turns.count(first) > 80
    assert others[0] < 50, turns  # one of the first


async def _is_ready(shelf: Shelf) -> bool:
    return await shelf.intake.readiness() is None


async def _has(engine: AsyncEngine, grp: str, reason: str) -> bool:
    return reason in await column(engine, "stopped", grp)


async def test_a_log_that_lacks_what_comes_next_stops_that_partition_and_alarms(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    await publish(kafka, topic, [f"i{n}" for n in range(40)])
    shelf = a_shelf(engine, kafka, topic)
    async with running(shelf):
        await eventually(lambda: _count(engine, 40), within_s=20)
        async with worker_tx(engine, ROLE) as conn:
            before = (await column(engine, "next_offset", shelf.grp))[0]
            await offsets.move(conn, shelf.grp, topic, 0, to=before + 1_000)
        await eventually(lambda: _moved_and_lost(shelf, kafka, topic), within_s=15)
        await eventually(lambda: _has(engine, shelf.grp, "log lost"), within_s=10, every_s=0.01)
        async with worker_tx(engine, ROLE) as conn:
            await offsets.move(conn, shelf.grp, topic, 0, to=before)
        items = [f"i{n}" for n in range(41, 80)]
        await publish(kafka, topic, items)
        await eventually(lambda: _count(engine, 40 + len(items)), within_s=15)


async def _moved_and_lost(shelf: Shelf, kafka: Stack, topic: str) -> bool:
    async with open_producer(kafka.kafka_servers) as producer:  # its next batch finds the new row
        await producer.send_and_wait(topic, b"i0", key=b"i0", partition=0)
    return shelf.counted("huiliu_log_lost_total") >= 1


async def test_a_full_outbox_stops_the_reading_until_there_is_room(
    engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    full = True
    asked = itertools.count()
    shelf = a_shelf(engine, kafka, topic, full=lambda: next(asked) >= 0 and full)
    await publish(kafka, topic, ["a", "b"])
    async with running(shelf):
        await eventually(lambda: next(asked) > 40, within_s=20)
        assert await effects(engine) == {}
        full = False
        await eventually(lambda: all_once(engine, "ab"), within_s=10)


async def test_a_reader_that_stands_still_before_a_log_that_grows_is_noticed(
    shelf_db: ShelfDb, engine: AsyncEngine, kafka: Stack, topic: str
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    with Watchdog(1.5, end=lambda _: loop.call_soon_threadsafe(ended.set)) as watch:
        shelf = a_shelf(engine, kafka, topic, watch=watch)
        stop = asyncio.Event()
        run = asyncio.create_task(shelf.run(stop))
        await publish(kafka, topic, ["a"])
        await eventually(lambda: all_once(engine, "a"), within_s=20)
        admin = await connect(shelf_db.admin_url)
        async with admin.transaction():  # the handler hangs on this row
            await admin.execute("lock table test_shelf.effect")
            shelf.intake.limits = Limits(lock_timeout_ms=20_000)
            await publish(kafka, topic, ["b"])
            await asyncio.wait_for(ended.wait(), 30)
        await admin.close()
        stop.set()
        await run
