"""Debian's Prometheus watches the five services under load: each fault raises its alert, no other.

Intervals, expressions and `for:` are those that we ship, so it takes minutes.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import httpx
import pytest
import pytest_asyncio

from localstack import Stack
from plumbing.stopping import pause
from support.database import connect
from support.eventually import eventually
from support.prometheus import Prometheus, binary, open_prometheus
from support.queries import alerts, dashboard_queries, measures, selectors
from support.script import Fact
from support.town import MORNING, SHOP_ID, Town, open_town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

RAISED_WITHIN_S: Final = 120.0
CALM_WITHIN_S: Final = 240.0
# How long a fault lasts at least: in the full form so long that nothing else rings within two
# minutes either; in the short one it is mended as soon as its alert has rung.
LASTS_S: Final = {"short": 0.0, "full": RAISED_WITHIN_S}
EVERY_S: Final = 0.5
TEN: Final = MORNING + timedelta(minutes=90)
WAIT: Final = timedelta(minutes=5)  # the rule's, before it tells of a parcel
# A town's pods are quick to notice who died; here they are as in production.
AS_SHIPPED: Final = {"HUILIU_SESSION_TIMEOUT_MS": "10000"}


Act: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Fault:
    """What is done to a town, and the one alert that must tell of it."""

    alert: str
    begin: Act
    lasts: Callable[[], Awaitable[bool]]
    mend: Act


@dataclass(eq=False)
class Watched:
    """A town under load, and who watches it."""

    town: Town
    kafka: Stack
    prometheus: Prometheus
    lasts_s: float
    pushed: int = 0
    began: float = field(default_factory=time.monotonic)

    async def trickle(self, stop: asyncio.Event) -> None:
        """Have somebody order, pay and be sent a parcel, twice a second; some do not pay."""
        for number in itertools.count(1):
            at = TEN + timedelta(seconds=time.monotonic() - self.began)
            while not stop.is_set() and not await self._say(*_purchase(number, at)):
                await pause(stop, EVERY_S)  # as a sender does that only believes a 2xx
            if stop.is_set():
                return
            self.pushed += 1
            await pause(stop, EVERY_S)

    async def runs(self) -> bool:
        """Tell whether shops are served and all services are scraped."""
        found = await self.prometheus.query("huiliu:pods_answering:count")
        answering = {labels["job"]: value for labels, value in found}
        return self.pushed > 2 and answering == dict.fromkeys(self.town.pods, 1)

    async def calm(self) -> bool:
        """Tell whether no alert fires or is about to."""
        now = await self.prometheus.alerts("firing") | await self.prometheus.alerts("pending")
        assert not now, now
        return True

    async def alert_of(self, fault: Fault) -> tuple[float, float]:
        """Let *fault* last, mend it, wait for calm; return after how long it rang, and was silent.

        Whatever else fires from its beginning to the calm after it, even once, is an error.
        """
        await eventually(self.calm, within_s=CALM_WITHIN_S, every_s=1)
        began = time.monotonic()
        await fault.begin()
        try:
            await eventually(fault.lasts, within_s=10)
            await eventually(self._rings, within_s=RAISED_WITHIN_S, every_s=0.5)
            after_s = time.monotonic() - began
            await asyncio.sleep(max(self.lasts_s - after_s, 0))  # the fault's own time
            assert await fault.lasts(), "the fault was over before its time"
            assert await self.prometheus.fired(began) == {fault.alert}
        finally:
            await fault.mend()
        mended = time.monotonic()
        await eventually(self.calm, within_s=CALM_WITHIN_S, every_s=1)
        assert await self.prometheus.fired(began) == {fault.alert}
        return after_s, time.monotonic() - mended

    async def _rings(self) -> bool:
        return bool(await self.prometheus.alerts("firing"))

    async def answers(self, service: str) -> bool:
        try:
            async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
                await client.get(f"{self.town.pods[service].ops_url}/livez")
        except httpx.TransportError:
            return False
        return True

    async def _say(self, *facts: Fact) -> bool:
        try:
            await self.town.api.say(SHOP_ID, *facts)
        except httpx.TransportError:
            return False
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(
    kafka: Stack,
    postgres: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Watched]:
    binary("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    stop = asyncio.Event()
    async with open_town(kafka, postgres, folder, AS_SHIPPED) as town:
        await town.start()
        await town.open_shop()
        await town.clock.advance(TEN)
        targets = {service: ops for service, (_, ops) in town.ports.items()}
        async with open_prometheus(folder, targets) as prometheus, asyncio.TaskGroup() as tasks:
            lasts_s = LASTS_S[request.config.getoption("--form")]
            watched = Watched(town, kafka, prometheus, lasts_s)
            tasks.create_task(watched.trickle(stop))
            try:
                await eventually(watched.runs, within_s=60, every_s=0.5)
                yield watched
            finally:
                stop.set()
                for pod in town.pods.values():
                    pod.thaw()


async def test_every_query_of_dashboards_measures_and_alerts_has_an_answer(
    watched: Watched,
) -> None:
    queries = {**dashboard_queries(), **{f"rule/{k}": v for k, v in measures().items()}}
    for name, alert in alerts().items():
        queries |= {f"{name}/{one}": one for one in selectors(alert["expr"])}

    async def all_answered() -> bool:
        empty = [name for name, expr in queries.items() if not await watched.prometheus.query(expr)]
        assert not empty, empty
        return True

    assert len(queries) > len(alerts())
    await eventually(all_answered, within_s=120, every_s=2)
    await eventually(watched.calm, within_s=CALM_WITHIN_S, every_s=1)


async def test_a_killed_notifier_raises_that_nothing_leaves(
    watched: Watched, request: pytest.FixtureRequest
) -> None:
    pod = watched.town.pods["notifier"]

    async def kill() -> None:
        pod.kill()

    async def dead() -> bool:
        return not pod.alive

    async def restart() -> None:
        await watched.town.start("notifier")

    await _raises(watched, Fault("HuiliuSenderDead", kill, dead, restart), request)


async def test_a_frozen_segmenter_raises_that_a_consumer_is_stuck(
    watched: Watched, request: pytest.FixtureRequest
) -> None:
    pod = watched.town.pods["segmenter"]

    async def freeze() -> None:
        pod.freeze()

    async def frozen() -> bool:
        return pod.alive and not await watched.answers("segmenter")

    async def replace() -> None:
        pod.kill()
        await pod.ended(10)
        await watched.town.start("segmenter")

    await _raises(watched, Fault("HuiliuConsumerStuck", freeze, frozen, replace), request)


async def test_a_stopped_kafka_raises_that_kafka_is_away(
    watched: Watched, request: pytest.FixtureRequest
) -> None:
    host, _, port = watched.kafka.kafka_servers.partition(":")
    pids = {name: pod.process.pid for name, pod in watched.town.pods.items()}
    pushed = watched.pushed

    async def stopped() -> bool:
        try:
            await asyncio.open_connection(host, int(port))
        except ConnectionRefusedError:
            return True
        return False

    kafka = watched.kafka
    fault = Fault("HuiliuKafkaAway", kafka.stop_kafka, stopped, kafka.start_kafka)
    await _raises(watched, fault, request)

    assert watched.pushed > pushed + 50
    assert {name: pod.process.pid for name, pod in watched.town.pods.items() if pod.alive} == pids


async def test_a_stopped_postgres_raises_that_postgres_is_away(
    watched: Watched, postgres_stack: Stack, request: pytest.FixtureRequest
) -> None:
    pids = {name: pod.process.pid for name, pod in watched.town.pods.items()}
    house = watched.town.house
    pushed = watched.pushed

    async def stopped() -> bool:
        try:
            await connect(house.admin_url)
        except OSError:
            return True
        return False

    async def start() -> None:
        await postgres_stack.start_postgres()
        await watched.town.look_again()

    fault = Fault("HuiliuPostgresAway", postgres_stack.stop_postgres, stopped, start)
    await _raises(watched, fault, request)

    assert watched.pushed > pushed + 50
    assert {name: pod.process.pid for name, pod in watched.town.pods.items() if pod.alive} == pids


async def _raises(watched: Watched, fault: Fault, request: pytest.FixtureRequest) -> None:
    rang_s, calm_s = await watched.alert_of(fault)
    told = {"alert": fault.alert, "rang_after_s": round(rang_s), "calm_after_s": round(calm_s)}
    print(json.dumps({"test": request.node.name, **told}))  # noqa: T201


def _purchase(number: int, at: datetime) -> Iterator[Fact]:
    who, order = f"c-{number}", f"A-{number}"
    person = {"phone": f"+86139{number:08}", "name": f"顾客{number}", "consent": {"sms": True}}
    yield {"kind": "customer", "customer_id": who, **_version(at), **person}
    told = {"kind": "order", "order_id": order, "customer_id": who, **_version(at)}
    placed = {"placed_at": at.isoformat(), "currency": "CNY", "total": 9900}
    if number % 5 == 0:
        yield {**told, **placed}
        return
    yield {**told, **placed, "paid_at": at.isoformat()}
    yield {
        "kind": "shipment",
        "order_id": order,
        "customer_id": who,
        "carrier": "yuantong",
        "number": f"YT{number:08}",
        "state": "picked_up",
        "at": (at - WAIT).isoformat(),
    }


def _version(at: datetime) -> dict[str, Any]:
    return {"version": at.isoformat()}
