"""Postgres comes and goes under load, transactions are cut off, at last Kafka is away as well."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest
from aiokafka import TopicPartition

from contracts.events import OrderFacts
from contracts.topics import MESSAGES, ORDERS
from demo.house import login
from localstack import Stack
from support.canonical import events_of
from support.eventually import eventually
from support.judged import judge, plant
from support.shooting import Shooter
from support.steady import Answer, Steady, calling, parcel, posting
from support.stream import rest
from support.town import MORNING, QUICK, SHOP_ID, Town, open_town
from support.trial import Trial

OPENS: Final = MORNING + timedelta(minutes=60)  # texts may leave
SHIPS: Final = 5
SOUND_WITHIN_S: Final = 10.0
GIVES_UP_AFTER_S: Final = 120.0
# Of one moment and service: more than its pool has connections, so that each one is used.
READS: Final = 16
SETTINGS: Final = {
    **QUICK,
    # A gate whose COMMIT was not answered left a claim: what is due to it comes in seconds.
    "HUILIU_REQUEST_TIMEOUT_S": "5",
    "HUILIU_CLAIM_TIMEOUT_S": "8",
    # A machine that is slow is not Kafka away: here that would be an answer of 503.
    "HUILIU_KAFKA_ACK_S": "3",
    "HUILIU_DURABLE_S": "4",
}
# Locked at the fence, in the middle, or where its last rows are written.
TABLES: Final = {
    "segmenter": ("consumer_partition", "customer_order", "outbox"),
    "care-triggers": ("consumer_partition", "order_fact", "timer", "outbox"),
    "reporting": ("consumer_partition", "order_fact"),
    "notifier": ("consumer_partition", "message", "outbox"),
}
READ: Final = {
    "ingest": f"/v1/shops/{SHOP_ID}",
    "segmenter": f"/v1/shops/{SHOP_ID}/grid",
    "care-triggers": f"/v1/shops/{SHOP_ID}/explain?customer_id=c-1",
    "notifier": f"/v1/shops/{SHOP_ID}/messages?limit=5",
    "reporting": f"/v1/shops/{SHOP_ID}/reports/summary",
}


@dataclass(frozen=True, slots=True)
class Size:
    rate: float  # facts a second
    lasts_s: float
    away_s: float  # at most
    every_s: tuple[float, float]
    shots: int
    dark: int  # posts with both away


@dataclass(eq=False)
class Storm:
    """What happens to one Postgres, and what was seen of it."""

    town: Town
    postgres: Stack
    steady: Steady
    shooter: Shooter
    size: Size
    random: Random
    reader: httpx.AsyncClient
    asking: Steady = field(init=False)  # says what cannot be taken without Postgres
    reads: list[tuple[str, int, str]] = field(default_factory=list)  # and what was read without it
    kills: int = 0
    outages: int = 0
    last_s: float = 0.0  # when the last fault ended
    sound: dict[str, float] = field(default_factory=dict)  # and how long after that who was well
    all_on_s: float = 0.0  # and all partitions of all readers

    def __post_init__(self) -> None:
        self.asking = replace(self.steady, answers=[])

    async def rage(self) -> None:
        """Take Postgres away again and again, and cut off transactions in between."""
        services = sorted(TABLES)
        ends_s = time.monotonic() + self.size.lasts_s
        while time.monotonic() < ends_s or self.shooter.shots.total() < self.size.shots:
            next_s = time.monotonic() + self.random.uniform(*self.size.every_s)
            await self.without_postgres(self.random.uniform(0, self.size.away_s))
            while time.monotonic() < next_s:
                service = services[self.shooter.shots.total() % len(services)]
                self.random.shuffle(services)
                await self.shooter.shoot(self.town.watch.db, service)
        self.last_s = time.monotonic()

    async def without_postgres(self, away_s: float) -> None:
        """Stop it or kill it, ask what needs it, and start it after *away_s*."""
        self.outages += 1
        back_s = time.monotonic() + away_s
        if self.outages % 2:
            await self.postgres.stop_postgres()
        else:
            await self.postgres.kill_postgres()
            self.kills += 1
        await eventually(self._unready, within_s=30)  # a killed one's children take a moment
        await self.look_up()
        await asyncio.sleep(max(0.0, back_s - time.monotonic()))  # the outage itself
        await self.postgres.start_postgres()
        await self.town.look_again()

    async def look_up(self) -> None:
        """Say of which order a parcel is, not whose; and read from every service."""
        about = {"order_id": self.random.choice(self.steady.taken).fact["order_id"]}
        number = 900_000 + len(self.asking.answers)
        await self.asking.say(parcel(number, OPENS, about))
        self.reads += await asyncio.gather(*map(self._read, READ))

    async def look_up_again(self) -> None:
        """Say again what was refused, as its sender does."""
        for one in list(self.asking.answers):
            await eventually(partial(self._taken, one), within_s=GIVES_UP_AFTER_S)

    async def recover(self) -> None:
        """Wait until all pools and readers are well, and note how long after the last fault."""
        async with asyncio.TaskGroup() as looks:
            for service in READ:
                looks.create_task(self._pool(service))
            looks.create_task(self._readers())

    async def _pool(self, service: str) -> None:
        """Use all connections of the pool at once, until each is good."""

        async def good() -> bool:
            answers = await asyncio.gather(*(self._read(service) for _ in range(READS)))
            return {status for _, status, _ in answers} == {200}

        await eventually(good, within_s=GIVES_UP_AFTER_S, every_s=0.2)
        self.sound[f"pool of {service}"] = self._since()

    async def _readers(self) -> None:
        """Look until each partition was handled further, or all of it is.

        A service's reader is well with the first of them: others may rest some seconds by lot.
        """
        start, well = await self._offsets(), set[tuple[str, TopicPartition]]()

        async def gone_on() -> bool:
            now, ends = await self._offsets(), await self.town.watch.ends()
            for (service, at), offset in now.items():
                if offset > start[service, at] or offset >= ends[at]:
                    well.add((service, at))
                    self.sound.setdefault(f"reader of {service}", self._since())
            return well >= start.keys()

        await eventually(gone_on, within_s=GIVES_UP_AFTER_S, every_s=0.5)
        self.all_on_s = self._since()

    def _since(self) -> float:
        """Return how long ago the last fault ended."""
        return time.monotonic() - self.last_s

    async def _taken(self, refused: Answer) -> bool:
        return (await self.asking.say(refused.fact)).taken

    async def _unready(self) -> bool:
        answer = await self.reader.get(f"{self.town.pods['ingest'].ops_url}/readyz")
        return answer.status_code == 503

    async def _read(self, service: str) -> tuple[str, int, str]:
        url = f"http://127.0.0.1:{self.town.ports[service][0]}{READ[service]}"
        try:
            answer = await self.reader.get(url)
        except httpx.TransportError:
            return service, 0, ""
        return service, answer.status_code, answer.headers.get("retry-after", "")

    async def _offsets(self) -> dict[tuple[str, TopicPartition], int]:
        """Return how far each reader is in what never rests: watermarks are on it."""
        found: dict[tuple[str, TopicPartition], int] = {}
        for service in READ:
            topic = MESSAGES if service == "notifier" else ORDERS
            query = f"select part, next_offset from {login(service)}.consumer_partition"  # noqa: S608 - ours
            query += " where topic = $1 and grp = $2"
            for row in await self.town.rows(query, topic, service):
                found[service, TopicPartition(topic, row["part"])] = row["next_offset"]
        return found


@dataclass(eq=False)
class Dark:
    """Kafka and Postgres away at once: what is said then, and whether it left a trace."""

    town: Town
    kafka: Stack
    postgres: Stack
    said: Steady
    last: Answer | None = None  # taken by the spool, before Postgres went too

    async def fall(self, number: int) -> None:
        await self.kafka.stop_kafka()
        self.last = await self.said.say(_order(0))
        await self.postgres.stop_postgres()
        self.said.answers.clear()
        for one in range(1, number + 1):
            await self.said.say(_order(one))
        await self.postgres.start_postgres()
        await self.town.look_again()
        await self.kafka.start_kafka()
        await rest(self.town)

    async def traces(self) -> list[str]:
        """Return the refused orders that somebody knows."""
        orders = {one.fact["order_id"] for one in self.said.answers}
        found = [
            event.order_id
            for event in await events_of(self.town, ORDERS)
            if isinstance(event, OrderFacts) and event.order_id in orders
        ]
        for table in (
            *("ingest.order_ref", "segmenter.customer_order"),
            *("care_triggers.order_fact", "reporting.order_fact"),
        ):
            query = f"select order_id from {table} where order_id = any($1)"  # noqa: S608 - ours
            found += [row["order_id"] for row in await self.town.rows(query, sorted(orders))]
        return found


def _order(number: int) -> dict[str, Any]:
    at = OPENS.isoformat()
    order = {"kind": "order", "order_id": f"N-{number}", "customer_id": f"c-{number}"}
    return {**order, "version": at, "placed_at": at, "currency": "CNY", "total": 100 + number}


def unasked(answers: Sequence[Answer]) -> list[tuple[int, str]]:
    """Return the answers that are not: come again, then and then."""
    return [(one.status, one.again) for one in answers if not one.asks_to_come_again]


def late(waits: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(who, wait) for who, wait in waits.items() if wait > SOUND_WITHIN_S]


def untold(waybills: set[str], told: Sequence[str]) -> list[str]:
    said = " ".join(told)
    return sorted(waybill for waybill in waybills if waybill not in said)


@asynccontextmanager
async def _house(trial: Trial, town: Town, size: Size) -> AsyncIterator[Steady]:
    await town.start()
    await town.open_shop()
    async with posting(town, trial.seed, size.rate, OPENS, SHIPS) as steady:
        await town.api.say(SHOP_ID, *steady.people())
        await town.clock.advance(OPENS)
        trial.tell("the house is up, and it is the hour of texts")
        yield steady


@pytest.mark.row(9)
async def test_postgres_comes_and_goes_and_transactions_are_cut_off_under_load(
    trial: Trial, kafka: Stack, postgres_stack: Stack, tmp_path: Path
) -> None:
    size = trial.size(
        Size(50.0, 40.0, 3.0, (5.0, 5.0), 30, 100),
        Size(200.0, 600.0, 5.0, (5.0, 20.0), 500, 2_000),
    )
    shooter = Shooter(trial.random(), TABLES)
    async with (
        open_town(kafka, postgres_stack.admin_url, tmp_path, SETTINGS) as town,
        _house(trial, town, size) as steady,
        calling(READS * len(READ)) as reader,
    ):
        pids = town.pids
        storm = Storm(town, postgres_stack, steady, shooter, size, trial.random(), reader)
        await _through(trial, storm)

        dark = Dark(town, kafka, postgres_stack, replace(steady, answers=[]))
        await _both_away(trial, dark, steady, size.dark)
        trial.none("pods that ended", town.ended(pids))
        trial.control("pods that ended", town.ended({**pids, "ingest": 0}))
        await judge(trial, town, steady)
        await _texts(trial, town, storm)
        await plant(trial, town, steady)
        _answers(trial, steady, storm)


async def _through(trial: Trial, storm: Storm) -> None:
    """Let facts flow through the storm, and until all is well after it."""
    stop, steady, size = asyncio.Event(), storm.steady, storm.size
    async with asyncio.TaskGroup() as running:
        flow = running.create_task(steady.flow(stop))
        await eventually(lambda: steady.taken)
        await storm.rage()
        shots = storm.shooter.shots
        trial.tell(f"{storm.outages} outages, {dict(shots)}")
        await storm.recover()
        trial.tell(f"all are well after {max(storm.sound.values()):.1f} s")
        asked = list(storm.asking.answers)
        await storm.look_up_again()
        stop.set()
        await flow
    await rest(storm.town)

    trial.fired("Postgres away", storm.outages, at_least=int(size.lasts_s / size.every_s[1]))
    trial.fired("of these killed", storm.kills, at_least=1)
    trial.fired("backends ended in transactions", shots.total(), at_least=size.shots)
    trial.fired("services whose backends", len(shots), at_least=len(TABLES))
    trial.fired("look-ups without Postgres", len(asked), at_least=storm.outages)
    trial.figure("facts", len(steady.answers))
    trial.figure("sound_after_s", max(storm.sound.values()))
    trial.figure("all_partitions_on_after_s", storm.all_on_s)
    trial.none("answers but 2xx to what Kafka can take", steady.refused())
    trial.none("look-ups answered but 503 with Retry-After", unasked(asked))
    trial.none("reads answered but 503 with Retry-After", _unasked_reads(storm.reads))
    trial.none("pools or readers not sound after 10 s", late(storm.sound))
    trial.control("pools or readers not sound after 10 s", late({"pool": SOUND_WITHIN_S + 1}))


async def _both_away(trial: Trial, dark: Dark, steady: Steady, number: int) -> None:
    """Refuse all, keep nothing, and take it when it comes again."""
    await dark.fall(number)
    assert dark.last is not None
    trial.fired("posts with both away", len(dark.said.answers), at_least=number)
    trial.none("answers but 503 with Retry-After", unasked(dark.said.answers))
    trial.none("traces of what was refused", await dark.traces())
    steady.answers.append(dark.last)
    for one in dark.said.answers:
        await steady.say(one.fact)
    await rest(dark.town)
    trial.none("answers but 2xx when it came again", steady.refused())
    trial.control("traces of what was refused", await dark.traces())
    trial.control("answers but 503 with Retry-After", unasked([dark.last]))


async def _texts(trial: Trial, town: Town, storm: Storm) -> None:
    """Each parcel's text went once; where the claim's COMMIT was not answered, at most once."""
    waybills = storm.steady.waybills() | storm.asking.waybills()
    texts = [entry["text"] for entry in town.sms.ledger.accepted]
    unknown = await town.rows("""
        select planned.parcel_id
        from notifier.message as message
        join care_triggers.planned_message as planned using (message_id)
        where message.state in ('unknown', 'closed_unknown')""")
    told = texts + [row["parcel_id"] for row in unknown]
    trial.figure("texts", len(texts))
    trial.figure("texts_of_unknown_outcome", len(unknown))
    trial.none("texts sent twice", town.sms.ledger.twice())
    trial.none("parcels without a text", untold(waybills, told))
    trial.control("parcels without a text", untold({*waybills, "YT-none"}, told))
    town.sms.ledger.append(town.sms.ledger.accepted[0])
    trial.control("texts sent twice", town.sms.ledger.twice())


def _unasked_reads(reads: Sequence[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    return [one for one in reads if one[1] != 503 or not one[2].isdigit()]


def _answers(trial: Trial, steady: Steady, storm: Storm) -> None:
    """Plant one answer of the other kind in each list."""
    taken = steady.taken[0]
    steady.answers.append(replace(taken, status=503))
    trial.control("answers but 2xx to what Kafka can take", steady.refused())
    trial.control("answers but 2xx when it came again", steady.refused())
    trial.control("look-ups answered but 503 with Retry-After", unasked([taken]))
    planted = [*storm.reads, ("ingest", 500, "")]
    trial.control("reads answered but 503 with Retry-After", _unasked_reads(planted))
