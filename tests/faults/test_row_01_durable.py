"""What was answered 2xx is in the log, whoever dies: ingest, the broker, Postgres."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx
import pytest

from contracts.topics import ORDERS
from demo.house import token
from localstack import Stack
from support.canonical import event_ids_of
from support.eventually import eventually
from support.script import Fact
from support.stream import rest
from support.town import MORNING, SHOP_ID, Town
from support.trial import Trial

CLIENTS: Final = 8
COME_AGAIN: Final = 503
COMES_AGAIN_S: Final = 0.05  # after which a sender pushes again what was not answered
BATCHES: Final = 10  # every so many posts hold several facts
PLAIN: Final = "at any moment"
DEATHS: Final = ("ingest-before-ack", "ingest-after-spool", PLAIN)
OUTAGE: Final = "broker"
OUTAGE_OF_BOTH: Final = "broker and Postgres"
# So little time for Kafka that the spool is needed.
HASTE: Final = {"HUILIU_KAFKA_ACK_S": "0.0001"}
KAFKA_GOES_S: Final = 3.0  # how long posts count as the first without Kafka


@dataclass(eq=False)
class Senders:
    """Push posts, and again until they are answered 2xx; never more than are allowed for now."""

    url: str
    posts: Sequence[Sequence[Fact]]
    taken: int = 0  # posts answered 2xx
    ids: set[str] = field(default_factory=set)  # of the events that they held
    again: int = 0  # posts that were not answered at first
    statuses: Counter[int] = field(default_factory=Counter)  # 0: none
    answers: list[tuple[float, float]] = field(default_factory=list)  # 2xx: asked, answered
    _next: int = 0
    _allowed: int = 0
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def allow(self, posts: int) -> None:
        async with self._more:
            self._allowed += posts
            self._more.notify_all()

    async def send(self) -> None:
        headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
        async with httpx.AsyncClient(headers=headers, timeout=10, trust_env=False) as client:
            while self._next < len(self.posts):
                async with self._more:
                    await self._more.wait_for(lambda: self._next < self._allowed)
                    if self._next >= len(self.posts):
                        return
                    post, self._next = self.posts[self._next], self._next + 1
                await self._insist(client, post)

    async def _insist(self, client: httpx.AsyncClient, post: Sequence[Fact]) -> None:
        body = dict(post[0]) if len(post) == 1 else {"events": list(post)}
        pushed = 0
        while not await self._push(client, body):
            pushed += 1
            await asyncio.sleep(COMES_AGAIN_S)  # the sender's own pause
        self.again += pushed > 0

    async def _push(self, client: httpx.AsyncClient, body: Fact) -> bool:
        """Return whether there was an answer that is not asking to come again."""
        asked_at = time.monotonic()
        try:
            answer = await client.post(self.url, json=body)
        except httpx.TransportError:
            self.statuses[0] += 1
            return False
        self.statuses[answer.status_code] += 1
        if not answer.is_success:
            return answer.status_code != COME_AGAIN
        self.answers.append((asked_at, time.monotonic()))
        self.ids |= {one["event_id"] for one in answer.json()["results"]}
        self.taken += 1
        return True


@dataclass(eq=False)
class Ordeal:
    """One ingest that dies and comes back, and what is behind it too."""

    town: Town
    kafka: Stack
    postgres: Stack
    senders: Senders
    random: Random
    step: int  # posts that are allowed for one fault
    armed: str = PLAIN
    codes: list[tuple[str, int]] = field(default_factory=list)
    kafka_went_at: list[float] = field(default_factory=list)
    spooled: int = 0  # outages in which facts went to the spool
    postgres_restarts: int = 0

    async def start(self, point: str) -> None:
        """Start ingest, armed with a crash point if *point* is one."""
        extra: dict[str, str] = {}
        if point != PLAIN:
            extra["HUILIU_CRASH"] = f"{point}:{self.random.randint(1, 20)}"
        if point == "ingest-after-spool":
            extra |= HASTE
        ports = self.town.ports["ingest"]
        self.town.pods["ingest"] = await self.town.house.start("ingest", ports, extra)
        self.armed = point

    async def suffer(self, fault: str, following: str) -> None:
        if fault in DEATHS:
            await self._die(fault)
            await self.start(following if following in DEATHS else PLAIN)
        else:
            await self._lose_broker(both=fault == OUTAGE_OF_BOTH)

    async def _die(self, point: str) -> None:
        if self.armed != point:
            assert await self.town.pods["ingest"].stop() == 0
            await self.start(point)
        pod = self.town.pods["ingest"]
        await self.senders.allow(self.step)
        if point == PLAIN:
            await self._more_taken(self.random.randint(20, 60))
            pod.kill()
        self.codes.append((point, await pod.ended(60)))

    async def _lose_broker(self, *, both: bool) -> None:
        await self.senders.allow(self.step // 3)
        self.kafka_went_at.append(time.monotonic())
        await self.kafka.kill_kafka()
        await self.senders.allow(self.step // 3)
        await self._more_taken(40)
        self.spooled += await self._in_spool() > 0
        if both:  # what was answered must outlive this, too
            await self.postgres.kill_postgres()
            await self.postgres.start_postgres()
            self.postgres_restarts += 1
            await self.town.look_again()
            await self.senders.allow(self.step // 3)
            await self._more_taken(40)
        await self.kafka.start_kafka()

    async def _more_taken(self, posts: int) -> None:
        enough = self.senders.taken + posts
        await eventually(lambda: self.senders.taken >= enough, within_s=60)

    async def _in_spool(self) -> int:
        [row] = await self.town.rows("select count(*) as n from ingest.ingest_spool")
        return int(row["n"])


def drawn(random: Random, deaths: int, outages: int, of_both: int) -> list[str]:
    """Draw the order of the faults."""
    faults = [DEATHS[number % len(DEATHS)] for number in range(deaths)]
    faults += [OUTAGE_OF_BOTH] * of_both + [OUTAGE] * (outages - of_both)
    random.shuffle(faults)
    return faults


def told(random: Random, posts: int) -> Iterator[list[Fact]]:
    for number in range(posts):
        facts = 5 if number % BATCHES == 0 else 1
        yield [_order(random, f"P-{number}-{nth}") for nth in range(facts)]


def _order(random: Random, order_id: str) -> Fact:
    at = MORNING.isoformat()
    order = {"kind": "order", "order_id": order_id, "customer_id": f"c-{random.randrange(300)}"}
    times = {"version": at, "placed_at": at, "paid_at": at}
    return {**order, **times, "currency": "CNY", "total": random.randrange(1_000, 90_000)}


def unlogged(ids: Collection[str], logged: Collection[str]) -> set[str]:
    return set(ids) - set(logged)


def odd(statuses: Collection[int]) -> list[int]:
    """Return the answers that are neither success nor "come again"."""
    return [one for one in statuses if one not in (0, 200, 202, COME_AGAIN)]


def other_ends(codes: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
    return [one for one in codes if one[1] != -9]


@pytest.mark.row(1)
async def test_what_was_answered_2xx_is_in_the_log_whoever_dies(
    trial: Trial, town: Town, kafka: Stack, postgres_stack: Stack
) -> None:
    number, deaths, outages, of_both = trial.size((2_000, 6, 2, 1), (20_000, 40, 10, 10))
    random = trial.random()
    faults = drawn(random, deaths, outages, of_both)
    url = f"http://127.0.0.1:{town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
    senders = Senders(url, list(told(random, number)))
    await town.start("ingest")
    await town.open_shop()

    ordeal = Ordeal(town, kafka, postgres_stack, senders, random, number // (len(faults) + 1))
    async with asyncio.TaskGroup() as sending:
        for _ in range(CLIENTS):
            sending.create_task(senders.send())
        for fault, following in zip(faults, [*faults[1:], PLAIN], strict=True):
            await ordeal.suffer(fault, following)
            trial.tell(f"{fault}: {senders.taken} of {number} posts answered")
        await senders.allow(number)
    await town.pods["ingest"].ready()
    await rest(town)

    killed = Counter(point for point, code in ordeal.codes if code == -9)
    for point in DEATHS:
        trial.fired(f"SIGKILLs {point}", killed[point], at_least=faults.count(point))
    trial.fired("broker restarts", len(ordeal.kafka_went_at), at_least=outages)
    trial.fired("Postgres restarts", ordeal.postgres_restarts, at_least=of_both)
    trial.fired("outages with facts in the spool", ordeal.spooled, at_least=outages)
    trial.fired("posts pushed again", senders.again, at_least=deaths)
    trial.fired("posts answered", senders.taken, at_least=number)
    _figures(trial, ordeal)
    await _judge(trial, town, ordeal)


def _figures(trial: Trial, ordeal: Ordeal) -> None:
    spent = sorted(answered - asked for asked, answered in ordeal.senders.answers)
    first = [
        answered - asked
        for asked, answered in ordeal.senders.answers
        for went_at in ordeal.kafka_went_at
        if went_at <= answered and asked <= went_at + KAFKA_GOES_S
    ]
    trial.figure("p99_answer_s", spent[int(len(spent) * 0.99)])
    if first:  # none, where ingest itself took longer than that to come back
        trial.figure("slowest_first_without_kafka_s", max(first))
    trial.figure("answers that ask to come again", ordeal.senders.statuses[COME_AGAIN])
    trial.figure("events", len(ordeal.senders.ids))


async def _judge(trial: Trial, town: Town, ordeal: Ordeal) -> None:
    """Look for what was lost; then plant such a loss and look again."""
    logged, ids = await event_ids_of(town, ORDERS), ordeal.senders.ids
    trial.figure("records in the log", len(logged))
    trial.none("answered 2xx and not in the log", unlogged(ids, logged))
    trial.none("in the log and not pushed", unlogged(logged, ids))
    trial.none("answers but 2xx and 503", odd(ordeal.senders.statuses))
    trial.none("ends but by SIGKILL", other_ends(ordeal.codes))

    one = min(ids)
    trial.control("answered 2xx and not in the log", unlogged(ids, set(logged) - {one}))
    trial.control("in the log and not pushed", unlogged(logged, ids - {one}))
    trial.control("answers but 2xx and 503", odd({*ordeal.senders.statuses, 500}))
    trial.control("ends but by SIGKILL", other_ends([*ordeal.codes, (PLAIN, 0)]))
