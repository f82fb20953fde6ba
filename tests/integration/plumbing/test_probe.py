"""The look from outside: who has not answered it, and for how long."""

import asyncio

from aiokafka import TopicPartition
from prometheus_client import REGISTRY, CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from localstack import free_port
from plumbing.metrics import AwayMetrics, ConsumerMetrics
from plumbing.partitions import Assigned, Hold
from plumbing.probe import Probe
from plumbing.resources import open_engine
from plumbing.watchdog import Watchdog
from support import shelf
from support.eventually import eventually
from support.metrics import shown


async def _looks(engine: AsyncEngine, what: str) -> None:
    """Let a probe look until it shows *what* away; Kafka always is."""
    at = TopicPartition("shelf.v1", 0)
    assigned = Assigned()
    assigned.holds = {at: Hold(at)}
    stop = asyncio.Event()
    probe = Probe(
        engine=engine,
        servers=f"127.0.0.1:{free_port()}",
        grp="shelf",
        role=shelf.ROLE,
        assigned=assigned,
        metrics=ConsumerMetrics(CollectorRegistry()),
        watch=Watchdog(1.2),  # looks six times as often; nobody started it
    )
    task = asyncio.create_task(probe.run(stop))
    try:
        await eventually(lambda: shown("huiliu_away_seconds", what=what) > 0, within_s=20)
    finally:
        stop.set()
        await task


async def test_a_kafka_that_does_not_answer_is_away_and_postgres_is_not(
    engine: AsyncEngine,
) -> None:
    away = AwayMetrics(REGISTRY)
    away.postgres.kept()

    await _looks(engine, "kafka")

    assert shown("huiliu_away_seconds", what="postgres") == 0


async def test_a_postgres_that_does_not_answer_is_away() -> None:
    url = f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing"
    async with open_engine(url, app="test") as engine:
        await _looks(engine, "postgres")
