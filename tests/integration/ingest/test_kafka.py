"""With a real Kafka: what was acknowledged is in the log, either way, and watermarks are true."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode
from contracts.events import OrderFacts, Watermark
from contracts.topics import ORDERS, TOPICS
from ingest.app.drain_spool import send_watermarks
from ingest.edges.publisher import Patience
from ingest.edges.spool import Spool
from ingest.edges.timers import Drainer
from localstack import Stack
from support.eventually import eventually
from support.metrics import shown

PARTITIONS = 4
AT = "2026-01-05T10:00:00+08:00"


def order(order_id: str) -> dict[str, Any]:
    return {
        "kind": "order",
        "order_id": order_id,
        "customer_id": f"c-{order_id}",
        "version": AT,
        "paid_at": AT,
    }


@pytest.fixture
async def live(make_house: Any, kafka: Stack) -> AsyncIterator[Any]:
    """Ingest with its publisher running, on a Kafka that all tests here share."""
    await kafka.create_topics({one.name: one.config for one in TOPICS}, PARTITIONS)
    made = await make_house(kafka.kafka_servers)
    await made.run(
        "insert into ingest.shop values ('north', 1, 'North', 'Asia/Shanghai', 'CNY', 'CN', 'zh',"
        " '', false, '', 0, false, '', '{}')"
    )
    await made.ports.directory.refresh()
    async with running(made.ports.publisher.run):
        await eventually(lambda: made.ports.publisher.connected, within_s=20)
        yield made


@asynccontextmanager
async def running(*duties: Any) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for duty in duties:
            tasks.create_task(duty(stop))
        try:
            yield
        finally:
            stop.set()


def drainer(house: Any) -> Drainer:
    return Drainer(
        engine=house.engine,
        publisher=house.ports.publisher,
        sealer=house.sealer,
        partitions=PARTITIONS,
        every_s=0.1,
    )


class Tail:
    """Reads the orders topic from where it stood when this was made."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.seen: list[tuple[int, Any]] = []  # partition, event

    async def read(self) -> list[tuple[int, Any]]:
        found = await self._consumer.getmany(timeout_ms=200)
        for place, batch in found.items():
            self.seen += [(place.partition, decode(one.headers, one.value)) for one in batch]
        return self.seen

    async def orders(self) -> list[str]:
        return sorted(one.order_id for _, one in await self.read() if isinstance(one, OrderFacts))

    async def marked(self) -> set[int]:
        return {part for part, one in await self.read() if isinstance(one, Watermark)}


@asynccontextmanager
async def tail(kafka: Stack) -> AsyncIterator[Tail]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.kafka_servers)
    await consumer.start()
    try:
        places = [TopicPartition(ORDERS, part) for part in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        for place in places:
            await consumer.position(place)
        yield Tail(consumer)
    finally:
        await consumer.stop()


async def test_an_acknowledged_fact_is_in_the_log_and_not_in_the_spool(
    live: Any, kafka: Stack
) -> None:
    async with tail(kafka) as log:
        answer = await live.post({"events": [order("k-1"), order("k-2")]})

        assert answer.json()["accepted"] == 2
        await eventually(lambda: _equals(log, ["k-1", "k-2"]))
    assert await live.spooled() == []


async def test_what_a_pod_without_kafka_spooled_is_published_by_the_drainer(
    live: Any, kafka: Stack, make_house: Any
) -> None:
    lonely = await make_house()
    await lonely.ports.directory.refresh()
    assert (await lonely.post(order("k-3"))).status_code == 200
    assert len(await live.spooled()) == 1

    async with tail(kafka) as log, running(drainer(live).run):
        await eventually(lambda: _equals(log, ["k-3"]))
        await eventually(lambda: _empty(live))
        await eventually(lambda: _marks(log, set(range(PARTITIONS))))

        # Behind the fact, in its own partition: a reader who has the mark has the fact.
        [place] = [n for n, (_, one) in enumerate(log.seen) if isinstance(one, OrderFacts)]
        part = log.seen[place][0]
        before = [one for at, one in log.seen[:place] if at == part]
        assert before == []


async def test_without_kafka_the_gauges_show_the_spool_and_for_how_long_kafka_is_away(
    house: Any,
) -> None:
    """There is nothing where its Kafka should be."""
    assert (await house.post(order("k-9"))).status_code == 200

    def grown() -> bool:
        assert shown("huiliu_ingest_spool_rows") == 1
        oldest_s = shown("huiliu_ingest_spool_oldest_seconds")
        return oldest_s > 0 and shown("huiliu_ingest_kafka_away_seconds") > 0

    async with running(drainer(house).run, house.ports.publisher.run):
        await eventually(grown, within_s=20)


async def test_all_that_lose_kafka_in_the_same_instant_are_spooled_by_one_transaction(
    house: Any,
) -> None:
    publisher = house.ports.publisher
    facts = [OrderFacts("north", f"c-{n}", f"k-{n}", 1) for n in range(150)]
    entries = [publisher.entry(fact) for fact in (*facts, *facts[:50])]

    await asyncio.gather(*(publisher.put([entry]) for entry in entries))

    [kept] = await house.rows(
        "select count(*) as facts, count(distinct xmin::text) as transactions"
        " from ingest.ingest_spool"
    )
    assert kept == {"facts": 150, "transactions": 1}


@pytest.mark.parametrize("table", ["ingest_spool", "outbox"])
async def test_a_row_that_waits_holds_its_partitions_watermark(
    live: Any, kafka: Stack, table: str
) -> None:
    columns = "topic, part, event_id, headers"
    await live.run(
        f"insert into ingest.{table} ({columns}) values ($1, 2, 'x', '')",  # noqa: S608 - our names
        ORDERS,
    )

    async with tail(kafka) as log, live.engine.connect() as conn:
        spool = Spool(conn, live.sealer, "ingest")
        send = partial(send_watermarks, spool, live.ports.publisher, partitions=PARTITIONS)
        assert await send() == 3
        await eventually(lambda: _marks(log, {0, 1, 3}))
        await live.run(f"delete from ingest.{table}")  # noqa: S608 - our names
        assert await send() == 4
        await eventually(lambda: _marks(log, {0, 1, 2, 3}))
        assert [part for part, _ in log.seen].count(2) == 1


async def test_a_broker_that_dies_costs_no_fact(live: Any, kafka: Stack) -> None:
    """A 2xx before, during and after: all are in the log in the end, and the spool is empty."""
    async with running(drainer(live).run):
        assert (await live.post(order("k-10"))).status_code == 200
        await kafka.kill_kafka()
        try:
            for number in range(11, 16):
                assert (await live.post(order(f"k-{number}"))).status_code == 200
            assert not live.ports.publisher.connected
            assert len(await live.spooled()) >= 4
        finally:
            await kafka.start_kafka()
        await eventually(lambda: live.ports.publisher.connected, within_s=30)
        assert (await live.post(order("k-16"))).status_code == 200
        await eventually(lambda: _empty(live), within_s=20)

    wanted = {f"k-{number}" for number in range(10, 17)}
    await eventually(lambda: _holds(kafka, wanted), within_s=20)


async def test_who_comes_while_kafka_is_late_does_not_wait_behind_those_who_do(
    make_house: Any, kafka: Stack
) -> None:
    await kafka.create_topics({one.name: one.config for one in TOPICS}, PARTITIONS)
    house = await make_house(kafka.kafka_servers)
    publisher = house.ports.publisher
    publisher.patience = Patience(10, 15)
    first, second = (publisher.entry(OrderFacts("north", "c-1", f"k-{n}", 1)) for n in (21, 22))
    async with running(publisher.run):
        await eventually(lambda: publisher.connected, within_s=20)
        await kafka.kill_kafka()
        try:
            waits = asyncio.create_task(publisher.put([first]))
            await eventually(lambda: publisher.is_late, within_s=10)
            await publisher.put([second])

            assert publisher.connected
            assert not waits.done()
            assert [one.order_id for one in await house.spooled()] == ["k-22"]
        finally:
            await kafka.start_kafka()
        await waits


async def test_two_drainers_share_one_lease(live: Any) -> None:
    async with running(drainer(live).run, drainer(live).run):

        async def held() -> int:
            rows = await live.rows(
                "select count(*) as n from pg_locks where locktype = 'advisory' and database ="
                " (select oid from pg_database where datname = current_database())"
            )
            return int(rows[0]["n"])

        await eventually(held)
        assert await held() == 1


async def _equals(log: Tail, wanted: list[str]) -> bool:
    return await log.orders() == wanted


async def _marks(log: Tail, wanted: set[int]) -> bool:
    return wanted <= await log.marked()


async def _empty(house: Any) -> bool:
    return not await house.rows("select seq from ingest.ingest_spool")


async def _holds(kafka: Stack, wanted: set[str]) -> bool:
    found = await _all_orders(kafka)
    assert wanted <= found, (wanted - found, len(found))
    return True


async def _all_orders(kafka: Stack) -> set[str]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.kafka_servers)
    await consumer.start()
    try:
        places = [TopicPartition(ORDERS, part) for part in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: set[str] = set()
        while any([await consumer.position(place) < ends[place] for place in places]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                events = [decode(one.headers, one.value) for one in batch]
                found |= {one.order_id for one in events if isinstance(one, OrderFacts)}
        return found
    finally:
        await consumer.stop()
