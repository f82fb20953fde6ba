"""Kafka stops, Postgres stops, both stop; the day ends as the day on which nothing stopped."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import token
from localstack import Stack
from support.canonical import Record, events_of, record
from support.eventually import eventually
from support.script import Fact, Push, insist, play
from support.town import SHOP_ID, Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@dataclass(eq=False)
class Weather:
    """One house through all outages, and what was seen on the way."""

    town: Town
    kafka: Stack
    postgres: Stack
    answers: dict[str, list[httpx.Response]] = field(default_factory=dict)
    spooled: int = 0
    half_done: list[Any] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    record: Record | None = None

    async def say(self, push: Push) -> None:
        match push.name:
            case "orders":
                await self._without_kafka(push)
            case "parcels":
                await self._without_postgres(push)
            case "late payments":
                await self._without_both(push)
            case _:
                await insist(self.town, *push.facts)

    async def _without_kafka(self, push: Push) -> None:
        async with self._stopped(self.kafka.stop_kafka, self.kafka.start_kafka):
            for fact in push.facts:
                await self._post("kafka", [fact])
            self.spooled = await self._spool_rows()
        await eventually(self._spool_is_empty, within_s=30)

    async def _without_postgres(self, push: Push) -> None:
        first, *others = push.facts
        await insist(self.town, first)  # ingest looks at the clock that the script has moved
        async with self._stopped(self.postgres.stop_postgres, self.postgres.start_postgres):
            for fact in others:
                await self._post("postgres", [fact])
        await self.town.look_again()

    async def _without_both(self, push: Push) -> None:
        first, *others = push.facts
        async with self._stopped(self.kafka.stop_kafka, self.kafka.start_kafka):
            await self._post("kafka again", [first])  # ingest knows now that Kafka is gone
            async with self._stopped(self.postgres.stop_postgres, self.postgres.start_postgres):
                await self._post("both", others)
            await self.town.look_again()
        await eventually(self._spool_is_empty, within_s=30)
        await self.town.clock.rest()
        self.half_done = await self._traces(others)
        await self._post("again", others)

    @asynccontextmanager
    async def _stopped(self, stop: Any, start: Any) -> AsyncIterator[None]:
        await stop()
        try:
            yield
        finally:
            await start()

    async def _post(self, when: str, facts: Sequence[Fact]) -> None:
        url = f"http://127.0.0.1:{self.town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
        headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
        async with httpx.AsyncClient(headers=headers, timeout=10, trust_env=False) as client:
            answer = await client.post(url, json={"events": facts})
        self.answers.setdefault(when, []).append(answer)

    async def _spool_rows(self) -> int:
        [row] = await self.town.rows("select count(*) as n from ingest.ingest_spool")
        return int(row["n"])

    async def _spool_is_empty(self) -> bool:
        return await self._spool_rows() == 0

    async def _traces(self, facts: Sequence[Fact]) -> list[Any]:
        """Return what the house knows of payments that it refused."""
        orders = [fact["order_id"] for fact in facts]
        events = [event for event in await events_of(self.town, ORDERS) if _pays(event, orders)]
        query = """
            select order_id from care_triggers.order_fact
            where order_id = any($1) and paid_at is not null"""
        return events + await self.town.rows(query, orders)


def _pays(event: Any, orders: Sequence[str]) -> bool:
    return isinstance(event, OrderFacts) and event.order_id in orders and event.paid_at is not None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def weather(brisk_town: Town, kafka: Stack, postgres_stack: Stack) -> Weather:
    town = brisk_town
    weather = Weather(town, kafka, postgres_stack)
    await town.start()
    weather.pids = {name: pod.process.pid for name, pod in town.pods.items()}
    await town.open_shop()
    await town.clock.rest()
    await play(town, weather.say)
    weather.record = await record(town)
    return weather


def _statuses(weather: Weather, when: str) -> set[int]:
    return {answer.status_code for answer in weather.answers[when]}


async def test_with_kafka_stopped_ingest_answers_2xx_out_of_its_spool(weather: Weather) -> None:
    assert _statuses(weather, "kafka") | _statuses(weather, "kafka again") == {200}
    assert weather.spooled == len(weather.answers["kafka"]) == 14


async def test_with_postgres_stopped_ingest_goes_on_by_kafka(weather: Weather) -> None:
    assert _statuses(weather, "postgres") == {200}
    assert len(weather.answers["postgres"]) == 6


async def test_with_both_stopped_ingest_says_503_and_when_to_come_again(weather: Weather) -> None:
    [refused] = weather.answers["both"]

    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_what_was_refused_left_no_trace_and_is_taken_when_it_comes_again(
    weather: Weather,
) -> None:
    [again] = weather.answers["again"]

    assert weather.half_done == []
    assert again.json()["results"][0]["status"] == "accepted"


async def test_no_process_was_restarted(weather: Weather) -> None:
    pods = weather.town.pods

    assert {name: pod.process.pid for name, pod in pods.items()} == weather.pids
    assert all(pod.alive for pod in pods.values())


async def test_everything_arrived_and_the_state_equals_the_day_without_outages(
    golden: Record, weather: Weather
) -> None:
    assert weather.record is not None
    for name, lines in golden.tables.items():
        assert weather.record.tables[name] == lines, name
    for name, lines in golden.events.items():
        assert weather.record.events[name] == lines, name
    assert weather.record.sent == golden.sent
    assert weather.town.sms.ledger.twice() == {}
