"""Payments and reminders that race: each order is paid about when its reminder falls due.

When a payment was acknowledged, its payer says; when a reminder reached a person, the gateway's
ledger does. Both are of this process's clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import httpx

from demo.house import Failed, token
from simulators.ledger import Entry
from support.dues import WAIT, Hand, known
from support.eventually import eventually
from support.script import Fact, insist
from support.town import SHOP_ID, Town

AFTER_AT_MOST: Final = timedelta(seconds=2)
NEVER_PAYS: Final = 0.1
PAYS_LATE: Final = 0.1
PAYS_LATE_S: Final = 6.0
RUN_UP: Final = timedelta(seconds=2)
CHUNK: Final = 250
OPENS: Final = timedelta(minutes=90)  # from the town's beginning: texts may leave
PATIENCE_S: Final = 60.0
# In these states a message was sent, or nobody will ever know: it is not sent again.
GONE: Final = ("sent", "delivered", "unknown", "closed_unknown", "failed")


@dataclass(eq=False)
class Race:
    """One order; `paid_at` is when its payment's 2xx came."""

    number: int
    due_at: datetime  # business time
    pays: timedelta | None  # after the due instant; None = never
    paid_at: datetime | None = None

    @property
    def order_id(self) -> str:
        return f"R-{self.number}"

    @property
    def phone(self) -> str:
        return f"+861380{self.number:07}"

    def person(self) -> Fact:
        version = (self.due_at - 2 * WAIT).isoformat()
        who = {"kind": "customer", "customer_id": f"c-{self.number}", "version": version}
        return {**who, "phone": self.phone}

    def placed(self) -> Fact:
        at = (self.due_at - WAIT).isoformat()
        return {**self._order(at), "placed_at": at, "currency": "CNY", "total": 12_900}

    def payment(self) -> Fact:
        at = (self.due_at - timedelta(minutes=1)).isoformat()
        return {**self._order(at), "paid_at": at}

    def _order(self, version: str) -> dict[str, Any]:
        about = {"order_id": self.order_id, "customer_id": f"c-{self.number}"}
        return {"kind": "order", **about, "version": version}


def draw(random: Random, number: int, first: datetime, every: timedelta, by_s: float) -> list[Race]:
    """Draw *number* races, one *every* so often, paid within *by_s* seconds of the due instant.

    Some never pay, and some so late that the reminder must win if it goes at all.
    """
    return [
        Race(n, first + n * every, _pays(random.random(), random.uniform(-by_s, by_s)))
        for n in range(number)
    ]


def _pays(roll: float, after_s: float) -> timedelta | None:
    if roll < NEVER_PAYS:
        return None
    return timedelta(seconds=after_s + (PAYS_LATE_S if roll > 1 - PAYS_LATE else 0.0))


@dataclass(eq=False)
class Course:
    """Runs the races of one town."""

    town: Town
    races: Sequence[Race]
    hand: Hand
    started: int = 0
    _payers: set["asyncio.Task[None]"] = field(default_factory=set)

    @classmethod
    async def lay(
        cls, town: Town, random: Random, number: int, every: timedelta, by_s: float
    ) -> "Course":
        """Make everybody and every order known; the first reminder is due in ten minutes."""
        hand = Hand(town)
        await town.clock.rest()
        await hand.to(await hand.read() + OPENS)
        first = await hand.read() + timedelta(minutes=10)
        races = draw(random, number, first, every, by_s)
        for facts in ([one.person() for one in races], [one.placed() for one in races]):
            for start in range(0, number, CHUNK):
                await insist(town, *facts[start : start + CHUNK])
        await known(town, number)
        await town.clock.rest()
        return cls(town, races, hand)

    @property
    def share(self) -> float:
        return self.started / len(self.races)

    async def at(self, share: float) -> None:
        """Wait until this share of the races has begun."""
        await eventually(lambda: self.share >= share, within_s=3600, every_s=0.02)

    async def run(self) -> None:
        """Let the reminders fall due, and everybody pay at their time, insisting on a 2xx."""
        await self.hand.to(self.races[0].due_at - RUN_UP)
        headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
        url = f"http://127.0.0.1:{self.town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
        limits = httpx.Limits(max_connections=50)
        async with (
            httpx.AsyncClient(
                headers=headers, timeout=10, trust_env=False, limits=limits
            ) as client,
            asyncio.TaskGroup() as payers,
        ):
            for one in sorted(self.races, key=_begins):
                await _until(_begins(one) - self.hand.ahead)
                self.started += 1
                if one.pays is not None:
                    payers.create_task(_pay(client, url, one))


def _begins(race: Race) -> datetime:
    return race.due_at + (race.pays or timedelta())


async def _until(real: datetime) -> None:
    left_s = (real - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, left_s))  # the race is about instants: it must keep them


async def _pay(client: httpx.AsyncClient, url: str, race: Race) -> None:
    """Push the payment, and again until there is a 2xx."""

    async def taken() -> bool:
        try:
            answer = await client.post(url, json={"events": [race.payment()]})
        except httpx.TransportError:
            return False
        if answer.status_code not in {200, 503}:
            raise Failed(f"{race.order_id}: {answer.status_code}")
        return answer.status_code == 200

    await eventually(taken, within_s=PATIENCE_S)
    race.paid_at = datetime.now(UTC)


def reminded(races: Sequence[Race], accepted: Sequence[Entry]) -> dict[str, datetime]:
    """Return when the gateway took the reminder of each order that got one."""
    by_phone = {one.phone: one.order_id for one in races}
    return {by_phone[one["to"]]: datetime.fromisoformat(one["at"]) for one in accepted}


def after_payment(races: Sequence[Race], sent: Mapping[str, datetime]) -> list[tuple[str, float]]:
    """Return the orders reminded of over 2 s after their payment's 2xx, and how long after."""
    return [
        (one.order_id, (at - one.paid_at).total_seconds())
        for one in races
        if one.paid_at is not None
        and (at := sent.get(one.order_id)) is not None
        and at > one.paid_at + AFTER_AT_MOST
    ]


def forgotten(
    races: Sequence[Race], sent: Mapping[str, datetime], states: Mapping[str, str]
) -> list[str]:
    """Return the orders that were neither paid nor reminded of, though nothing forbade it."""
    return [
        one.order_id
        for one in races
        if one.pays is None and one.order_id not in sent and states.get(one.order_id) not in GONE
    ]


async def states(town: Town) -> dict[str, str]:
    """Return what became of each order's reminder."""
    rows = await town.rows("select order_id, state from notifier.message")
    return {row["order_id"]: row["state"] for row in rows}


Fault = Callable[[], Awaitable[None]]


async def with_faults(course: Course, faults: Mapping[float, Fault]) -> None:
    """Run the races; call each fault once its share of them has begun, one after the other."""

    async def strike() -> None:
        for share, fault in sorted(faults.items(), key=lambda one: one[0]):
            await course.at(share)
            await fault()

    async with asyncio.TaskGroup() as both:
        both.create_task(strike())
        both.create_task(course.run())


async def kill(town: Town, service: str) -> None:
    """Kill *service* and start it again in its place."""
    pod = town.pods[service]
    pod.kill()
    assert await pod.ended(10) == -9
    await town.start(service)


async def freeze(town: Town, service: str, seconds: float) -> None:
    """Stop *service* for so long, with all that it has in its hands."""
    town.pods[service].freeze()
    await asyncio.sleep(seconds)  # the fault itself
    town.pods[service].thaw()
