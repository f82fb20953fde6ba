"""A bad record never stops a partition, and never vanishes; its replay changes nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import pytest
from aiokafka import TopicPartition

from contracts.codec import Unreadable, customer_key, decode, encode
from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import login
from demo.stillness import Observer
from plumbing.records import partition_of
from plumbing.resources import open_producer
from support.canonical import TABLES
from support.eventually import eventually
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.town import MORNING, PARTITIONS, SHOP_ID, Town, canonical
from support.trial import Trial

READERS: Final = ("ingest", "segmenter", "care-triggers", "reporting")
STALLS_AT_MOST_S: Final = 5.0
REPLAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Poison:
    """A record on the orders' topic that is no event, between the facts of those who buy."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def kinds(random: Random, number: int) -> list[Poison]:
    """Return *number* poisons, no two alike."""
    found: dict[tuple[bytes | None, bytes], Poison] = {}
    drawn = _drawn(random)
    while len(found) < number:
        one = next(drawn)
        try:
            decode(one.headers, one.value, one.key)
        except Unreadable:
            found[one.value, dict(one.headers).get("ce_type", b"")] = one
    return list(found.values())


def _drawn(random: Random) -> Iterator[Poison]:
    number = 0
    while True:
        number += 1
        # Nobody of the load: unpaid reminders of a key with a letter are held, due or not.
        who = f"p-{random.randrange(300)}"
        fact = OrderFacts(
            SHOP_ID,
            who,
            f"P-{number}",
            1,
            placed_at=MORNING,
            currency="CNY",
            total_minor=random.randrange(10**6),
        )
        good = encode(fact, source="ingest", at=MORNING)
        value, headers = good.value or b"", dict(good.headers)
        match number % 6:
            case 0:  # cut off
                value = value[: random.randrange(1, len(value))]
            case 1:  # noise
                value = random.randbytes(random.randrange(1, 200))
            case 2:  # a version to come
                headers["ce_type"] = f"huiliu.v{random.randrange(2, 99)}.OrderFacts".encode()
            case 3:  # a type that there is not
                headers["ce_type"] = random.randbytes(8)
            case 4:  # nothing inside
                value = b"" if random.random() < 0.2 else value[: random.randrange(1, 12)]
            case _:  # a header too few
                del headers["ce_type"]
                value += random.randbytes(2)
        yield Poison(customer_key(SHOP_ID, who), value, tuple(headers.items()))


@dataclass(eq=False)
class Stalls:
    """Watches how long a partition of the orders stood still although there was something."""

    watch: Observer
    longest_s: float = 0.0
    _since: dict[tuple[str, TopicPartition], tuple[int, float]] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(0.05)  # how finely stalls are measured, no wait for anything

    async def look(self) -> None:
        ends = await self.watch.ends()
        for service in READERS:
            rows = await self.watch.db.fetch(
                f"select part, next_offset from {login(service)}.consumer_partition"  # noqa: S608 - ours
                " where topic = $1 and grp = $2",
                ORDERS,
                service,
            )
            for row in rows:
                at = TopicPartition(ORDERS, row["part"])
                self.note(time.monotonic(), (service, at), row["next_offset"], ends[at])

    def over(self, limit_s: float) -> list[float]:
        return [self.longest_s] if self.longest_s > limit_s else []

    def note(self, now: float, who: tuple[str, TopicPartition], offset: int, end: int) -> None:
        before, since = self._since.get(who, (-1, now))
        if offset != before or offset >= end:
            since = now
        self._since[who] = (offset, since)
        self.longest_s = max(self.longest_s, now - since)


@asynccontextmanager
async def _watched(town: Town) -> AsyncIterator[Stalls]:
    house = town.house
    watch = await Observer.open(house.admin_url, house.database, house.kafka_servers)
    stalls = Stalls(watch)
    looking = asyncio.create_task(stalls.run())
    try:
        yield stalls
    finally:
        looking.cancel()
        await asyncio.wait({looking})
        await watch.close()


async def _pour(town: Town, poisons: Sequence[Poison]) -> None:
    async with open_producer(town.stack.kafka_servers) as producer:
        for one in poisons:
            await producer.send_and_wait(
                ORDERS,
                one.value,
                one.key,
                partition=partition_of(one.key, PARTITIONS),
                headers=list(one.headers),
            )


async def _letters(town: Town, service: str) -> list[Any]:
    query = (
        f"select id, key, reason from {login(service)}.dead_letter"  # noqa: S608 - ours
        " where grp = $1 order by id"
    )
    return await town.rows(query, service)


async def _replayed(town: Town, service: str) -> None:
    ids = [row["id"] for row in await _letters(town, service)]
    await town.api.post(service, "/v1/dead-letters/replay", {"ids": ids})
    query = f"select id from {login(service)}.replay_request"  # noqa: S608 - ours

    async def served() -> bool:
        return await town.rows(query) == []

    await eventually(served, within_s=60)


@pytest.mark.row(7)
async def test_bad_records_among_good_ones_become_letters_and_stop_nobody(
    trial: Trial, town: Town
) -> None:
    number, batches = trial.size((20, 32), (100, 640))
    poisons, load = kinds(trial.random(), number), Load(town, trial.seed)
    await town.start()
    await town.open_shop()
    async with _watched(town) as stalls:
        step = max(1, batches // number)
        left = list(poisons)
        for batch in range(batches):
            await load.push()
            if batch % step == 0 and left:
                await _pour(town, [left.pop()])
        await _pour(town, left)
        await town.clock.rest()
    trial.tell(f"{load.facts} facts and {number} poisons are in")

    letters = {service: await _letters(town, service) for service in READERS}
    trial.fired("bad records", number, at_least=trial.size(20, 100))
    trial.figure("good facts", load.facts)
    trial.figure("longest_stall_s", stalls.longest_s)
    trial.none("stalls over 5 s", stalls.over(STALLS_AT_MOST_S))
    trial.none("letters too many or too few", _miscounted(letters, number))
    trial.none("wrong customers", differing(load.recomputed(), await segmented(town)))
    trial.none("changes not announced once", await misannounced(town))

    await _replay_all(trial, town)
    await _control(trial, town, load, number)


async def _control(trial: Trial, town: Town, load: Load, number: int) -> None:
    """Plant what each check is for: it names it."""
    stood, who = Stalls(town.watch), ("segmenter", TopicPartition(ORDERS, 0))
    for now in (0.0, STALLS_AT_MOST_S + 1):
        stood.note(now, who, 5, 9)
    trial.control("stalls over 5 s", stood.over(STALLS_AT_MOST_S))
    await town.watch.db.execute("delete from segmenter.dead_letter where id = 1")
    letters = {"segmenter": await _letters(town, "segmenter")}
    trial.control("letters too many or too few", _miscounted(letters, number))
    await count_again(town)
    trial.control("wrong customers", differing(load.recomputed(), await segmented(town)))
    await forget_change(town)
    trial.control("changes not announced once", await misannounced(town))
    town.pods["reporting"].kill()
    await town.pods["reporting"].ended(10)
    trial.control("pods that ended", _ended(town))


async def _replay_all(trial: Trial, town: Town) -> None:
    """Have every letter tried again, several times: all stays as it is."""
    before = await _tables(town)
    for _ in range(REPLAYS):
        for service in READERS:
            await _replayed(town, service)
    await town.clock.rest()
    after = await _tables(town)
    trial.fired("replays", REPLAYS * len(READERS), at_least=REPLAYS * len(READERS))
    trial.none("tables that a replay changed", _differ(before, after))
    trial.none("pods that ended", _ended(town))

    order_id = "(select min(order_id) from segmenter.customer_order)"
    await town.watch.db.execute(
        f"update segmenter.customer_order set net_minor = 1 where order_id = {order_id}"  # noqa: S608 - ours
    )
    planted = await _tables(town)
    trial.control("tables that a replay changed", _differ(before, planted))


async def _tables(town: Town) -> dict[str, list[str]]:
    return await canonical(town, {name: columns.split() for name, columns in TABLES.items()})


def _miscounted(letters: dict[str, list[Any]], number: int) -> list[tuple[str, int]]:
    return [(service, len(found)) for service, found in letters.items() if len(found) != number]


def _differ(one: Any, other: Any) -> list[str]:
    return [name for name in one if one[name] != other[name]]


def _ended(town: Town) -> list[str]:
    return [name for name, pod in town.pods.items() if not pod.alive]
