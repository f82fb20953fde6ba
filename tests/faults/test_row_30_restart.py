"""A restart is not an incident: every service is replaced under load, and nobody notices."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import SERVICES, Pod, token
from localstack import free_port
from support.canonical import events_of
from support.eventually import eventually
from support.town import MORNING, SHOP_ID, Town
from support.trial import Trial

EXITS_WITHIN_S: Final = 25.0
ARRIVE_WITHIN_S: Final = 30.0  # the 5 s of a preStop, on a host that is six times slower
PEOPLE: Final = 200
CONNECTIONS: Final = 100
SHIPS: Final = 5  # every so many posts tell of a parcel, and so cause a text
READS: Final = 10  # every so many posts, somebody reads
READ: Final = {
    "segmenter": f"/v1/shops/{SHOP_ID}/grid",
    "care-triggers": f"/v1/shops/{SHOP_ID}/explain?customer_id=c-1",
    "notifier": f"/v1/shops/{SHOP_ID}/messages?limit=5",
    "reporting": f"/v1/shops/{SHOP_ID}/reports/summary",
}
OPENS: Final = MORNING + timedelta(minutes=60)
HANDED_OVER: Final = OPENS - timedelta(minutes=20)  # so that its text is due at once


@dataclass(eq=False)
class Balancer:
    """Sends each request to a pod that it was told of, as a cluster's endpoints do."""

    client: httpx.AsyncClient
    behind: dict[str, list[Pod]]
    turn: Any = field(default_factory=itertools.count)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)

    async def call(self, service: str, method: str, path: str, body: Any = None) -> bool:
        pods = self.behind[service]
        pod = pods[next(self.turn) % len(pods)]
        self.under_way[pod.url] += 1
        try:
            answer = await self.client.request(method, pod.url + path, json=body)
        except httpx.TransportError as error:
            said = type(error).__name__
        else:
            said = "2xx" if answer.is_success else str(answer.status_code)
        finally:
            self.under_way[pod.url] -= 1
        self.statuses[service, said] += 1
        return said == "2xx"

    @property
    def failures(self) -> list[tuple[tuple[str, str], int]]:
        return [(key, count) for key, count in self.statuses.items() if key[1] != "2xx"]


@dataclass(eq=False)
class Traffic:
    """Posts one fact a request at a steady rate, and remembers what was answered 2xx."""

    balancer: Balancer
    rate: float
    money: Counter[str] = field(default_factory=Counter)
    orders: set[str] = field(default_factory=set)
    parcels: set[str] = field(default_factory=set)

    async def flow(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as under_way:
            began = time.monotonic()
            for number in itertools.count():
                if stop.is_set():
                    return
                under_way.create_task(self._order(number))
                if number % READS == 0:
                    under_way.create_task(self._read(number // READS))
                left_s = began + (number + 1) / self.rate - time.monotonic()
                await asyncio.sleep(max(0.0, left_s))

    async def _order(self, number: int) -> None:
        who, order_id, total = f"c-{number % PEOPLE}", f"R-{number}", 1_000 + number % 977
        at = OPENS.isoformat()
        about = {"order_id": order_id, "customer_id": who}
        order = {"kind": "order", **about, "version": at, "placed_at": at, "paid_at": at}
        if await self._post({**order, "currency": "CNY", "total": total}):
            self.orders.add(order_id)
            self.money[who] += total
        if number % SHIPS == 0:
            waybill = f"YT{number:06}"
            parcel = {"kind": "shipment", **about, "carrier": "yuantong", "number": waybill}
            if await self._post({**parcel, "state": "picked_up", "at": HANDED_OVER.isoformat()}):
                self.parcels.add(waybill)

    async def _post(self, event: Mapping[str, Any]) -> bool:
        return await self.balancer.call("ingest", "POST", f"/v1/shops/{SHOP_ID}/events", event)

    async def _read(self, number: int) -> None:
        service = list(READ)[number % len(READ)]
        await self.balancer.call(service, "GET", READ[service])


@asynccontextmanager
async def _balancer(town: Town) -> AsyncIterator[Balancer]:
    headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
    # No connection is closed for being idle: httpcore 1.0 may close one that it has just given to
    # a request (its issue 1110), which here would count as an answer that a service did not give.
    limits = httpx.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=None
    )
    async with httpx.AsyncClient(
        headers=headers, timeout=20, trust_env=False, limits=limits
    ) as client:
        yield Balancer(client, {name: [pod] for name, pod in town.pods.items()})


async def _replace(town: Town, balancer: Balancer, service: str) -> float:
    """Start a second pod, send it the traffic, end the first; return how long its end took."""
    old = town.pods[service]
    ports = (free_port(), free_port())
    # Receipts go to one address: what stands before the pods keeps it.
    new = await town.house.start(service, ports)
    await new.ready()
    balancer.behind[service] = [new]
    # What a pod's preStop is for: requests that were on their way to it arrive.
    await eventually(lambda: not balancer.under_way[old.url], within_s=ARRIVE_WITHIN_S)
    began = time.monotonic()
    code = await old.stop()
    assert code == 0, f"{service} ended with {code}:\n{old.last_lines()}"
    town.pods[service] = new
    return time.monotonic() - began


def _people() -> list[dict[str, Any]]:
    at = MORNING.isoformat()
    return [
        {
            "kind": "customer",
            "customer_id": f"c-{number}",
            "version": at,
            "phone": f"+86138002{number:05}",
        }
        for number in range(PEOPLE)
    ]


def slow(ends: Sequence[float]) -> list[float]:
    return [one for one in ends if one > EXITS_WITHIN_S]


async def _money(town: Town) -> dict[str, int]:
    rows = await town.rows(
        "select customer_id, monetary_minor from segmenter.customer_state where frequency > 0"
    )
    return {row["customer_id"]: row["monetary_minor"] for row in rows}


@pytest.mark.row(30)
async def test_every_service_is_replaced_under_load_and_nobody_notices(
    trial: Trial, town: Town
) -> None:
    rounds = trial.size(1, 20)
    stop, ends = asyncio.Event(), []
    await town.start()
    await town.open_shop()
    await town.api.say(SHOP_ID, *_people())
    await town.clock.advance(OPENS)

    async with _balancer(town) as balancer, asyncio.TaskGroup() as running:
        traffic = Traffic(balancer, rate=trial.size(50.0, 500.0))
        began = time.monotonic()
        flow = running.create_task(traffic.flow(stop))
        for number in range(rounds):
            ends += [await _replace(town, balancer, service) for service in SERVICES]
            trial.tell(f"round {number + 1} of {rounds}: {len(traffic.orders)} orders")
        stop.set()
        await flow
        spent_s = time.monotonic() - began
    await town.clock.rest()

    trial.fired("restarts under load", len(ends), at_least=5 * rounds)
    trial.figure("orders", len(traffic.orders))
    trial.figure("requests_per_s", balancer.statuses.total() / spent_s)
    trial.figure("slowest_exit_s", max(ends))
    trial.none("answers but 2xx", balancer.failures)
    balancer.statuses["ingest", "503"] += 1
    trial.control("answers but 2xx", balancer.failures)
    trial.none("exits over 25 s", slow(ends))
    trial.control("exits over 25 s", slow([*ends, EXITS_WITHIN_S + 1]))
    await _judge(trial, town, traffic)


async def _judge(trial: Trial, town: Town, traffic: Traffic) -> None:
    """Look for what was lost or done twice; then plant such defects and look again."""
    facts = [event for event in await events_of(town, ORDERS) if isinstance(event, OrderFacts)]
    logged = {fact.order_id for fact in facts}
    texts = [entry["text"] for entry in town.sms.ledger.accepted]
    trial.none("lost from the log", traffic.orders - logged)
    trial.none("wrong sums", await _wrong_sums(town, traffic))
    trial.none("texts sent twice", town.sms.ledger.twice())
    trial.none("parcels without a text", _untold(traffic, texts))

    trial.control("lost from the log", traffic.orders - set(sorted(logged)[1:]))
    trial.control("parcels without a text", _untold(traffic, texts[1:]))
    town.sms.ledger.append(town.sms.ledger.accepted[0])
    trial.control("texts sent twice", town.sms.ledger.twice())
    await town.watch.db.execute(
        "update segmenter.customer_state set monetary_minor = monetary_minor + 1"
        " where customer_id = 'c-1'"
    )
    trial.control("wrong sums", await _wrong_sums(town, traffic))


async def _wrong_sums(town: Town, traffic: Traffic) -> set[tuple[str, int]]:
    return set((await _money(town)).items()) ^ set(traffic.money.items())


def _untold(traffic: Traffic, texts: list[str]) -> set[str]:
    said = " ".join(texts)
    return {waybill for waybill in traffic.parcels if waybill not in said}
