"""Orders at a steady rate, one fact a request, and what must be made of all that was taken.

What is said of one order (placed, its total corrected, paid) is spread over seconds and comes in
any order: with a fault in between, one part goes one way and the next another.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

import httpx

from demo.house import token
from support.script import Fact
from support.town import SHOP_ID, Town

CUSTOMERS: Final = 200
BEHIND_S: Final = 0.05
SPREAD_S: Final = 3.0  # over which what is said of one order is spread, about
HANDED_OVER: Final = timedelta(minutes=20)  # before: the text about the parcel is due at once
ENDS_WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said, and what came back; times are those of `time.monotonic`."""

    fact: Fact
    status: int  # 0 for none
    event_id: str
    again: str  # Retry-After, or why there was no answer
    began_s: float
    ended_s: float

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def spent_s(self) -> float:
        return self.ended_s - self.began_s

    @property
    def asks_to_come_again(self) -> bool:
        return self.status == 503 and self.again.isdigit() and int(self.again) > 0


@dataclass(eq=False)
class Steady:
    """Says one fact after the other, and remembers each answer.

    Args:
        client: With a token; `posting` opens one.
        town: Where to.
        seed: Draws what is said.
        rate: Facts a second, whether earlier ones are answered or not.
        at: About when people bought, in business time.
        ships: Every so many orders a parcel goes out; 0 for none.
    """

    client: httpx.AsyncClient
    town: Town
    seed: int
    rate: float
    at: datetime
    ships: int = 0
    answers: list[Answer] = field(default_factory=list)

    async def flow(self, stop: asyncio.Event) -> None:
        """Say what there is until *stop*; then also the rest about the orders that were begun."""
        async with asyncio.TaskGroup() as under_way:
            due_s = time.monotonic()
            for fact in self._told(stop):
                under_way.create_task(self.say(fact))
                # A machine that was held up does not make up for it by a burst.
                due_s = max(due_s + 1 / self.rate, time.monotonic() - BEHIND_S)
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def say(self, fact: Fact) -> Answer:
        url = f"http://127.0.0.1:{self.town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
        began = time.monotonic()
        try:
            answer = await self.client.post(url, json=fact)
        except httpx.TransportError as error:
            one = Answer(fact, 0, "", type(error).__name__, began, time.monotonic())
        else:
            event_id = answer.json()["results"][0].get("event_id", "") if answer.is_success else ""
            again = answer.headers.get("retry-after", "")
            one = Answer(fact, answer.status_code, event_id, again, began, time.monotonic())
        self.answers.append(one)
        return one

    @property
    def taken(self) -> list[Answer]:
        return [one for one in self.answers if one.taken]

    def refused(self) -> list[tuple[int, str, float]]:
        return [(one.status, one.again, one.spent_s) for one in self.answers if not one.taken]

    def unlogged(self, logged: Collection[str]) -> set[str]:
        """Return the events that were acknowledged and are not in *logged*."""
        return {one.event_id for one in self.taken} - set(logged)

    def orders(self) -> dict[str, "Bought"]:
        """Return what is known of each order, added up from what was taken."""
        found: dict[str, Bought] = {}
        for one in self.taken:
            if one.fact["kind"] == "order":
                known = found.setdefault(one.fact["order_id"], Bought(one.fact["customer_id"]))
                known.hear(one.fact)
        return found

    def waybills(self) -> set[str]:
        return {one.fact["number"] for one in self.taken if one.fact["kind"] == "shipment"}

    def people(self) -> list[Fact]:
        return [
            {
                "kind": "customer",
                "customer_id": f"c-{number}",
                "version": (self.at - timedelta(hours=1)).isoformat(),
                "phone": f"+86138003{number:05}",
            }
            for number in range(CUSTOMERS)
        ]

    def _told(self, stop: asyncio.Event) -> Iterator[Fact]:
        random = Random(self.seed)  # noqa: S311 - no secret
        numbers = itertools.count(1)
        unsaid: list[Fact] = []
        while unsaid or not stop.is_set():
            while len(unsaid) < self.rate * SPREAD_S and not stop.is_set():
                unsaid += self._order(random, next(numbers))
            if unsaid:
                yield unsaid.pop(random.randrange(len(unsaid)))

    def _order(self, random: Random, number: int) -> Iterator[Fact]:
        about = {"order_id": f"D-{number}", "customer_id": f"c-{random.randrange(CUSTOMERS)}"}
        order = {"kind": "order", **about}
        placed, changed, paid = ((self.at + timedelta(seconds=n)).isoformat() for n in range(3))
        money = {"currency": "CNY", "total": random.randrange(1_000, 90_000)}
        yield {**order, "version": placed, "placed_at": placed, **money}
        if random.random() < 0.5:
            yield {**order, "version": changed, "total": random.randrange(1_000, 90_000)}
        if random.random() < 0.75:
            yield {**order, "version": paid, "paid_at": paid}
        if self.ships and number % self.ships == 0:
            yield parcel(number, self.at, about)


def parcel(number: int, at: datetime, about: Fact) -> Fact:
    """Return a parcel that went out; *about* names the order, and the customer or nobody."""
    shipped = {"kind": "shipment", **about, "carrier": "yuantong", "number": f"YT{number:06}"}
    return {**shipped, "state": "picked_up", "at": (at - HANDED_OVER).isoformat()}


@dataclass(slots=True)
class Bought:
    """One order by the plainest rule: the total of the highest version, paid if a fact says so."""

    customer_id: str
    total_minor: int | None = None
    paid: bool = False
    _version: str = ""

    def hear(self, fact: Fact) -> None:
        if "total" in fact and fact["version"] > self._version:
            self.total_minor, self._version = fact["total"], fact["version"]
        self.paid = self.paid or "paid_at" in fact


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@asynccontextmanager
async def calling(connections: int) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client with a token that keeps so many connections, and closes none before its end.

    It looks at each of them for each request: with hundreds it would be what is slow.
    """
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=60
    )
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token(ttl_s=3600)}"},
        timeout=ENDS_WITHIN_S,
        trust_env=False,
        limits=limits,
    ) as client:
        yield client


@asynccontextmanager
async def posting(
    town: Town, seed: int, rate: float, at: datetime, ships: int = 0
) -> AsyncIterator[Steady]:
    # Whoever waits for an answer holds one, for half a second or less while Kafka is late.
    async with calling(max(64, int(rate / 2))) as client:
        yield Steady(client, town, seed, rate, at, ships)
