"""The reader on a real Kafka: partitions take turns, however much lies in each."""

import asyncio
from itertools import count

import pytest

from localstack import Stack
from plumbing.partitions import Assigned
from plumbing.reader import open_reader
from plumbing.resources import open_producer
from support.eventually import eventually

PARTITIONS = 4
EACH = 600  # in a partition; a reading takes a sixth of them
_numbers = count(1)


@pytest.fixture
async def topic(kafka: Stack) -> str:
    name = f"turns-{next(_numbers)}"
    await kafka.create_topics({name: {}}, PARTITIONS)
    async with open_producer(kafka.kafka_servers) as producer:
        sent = [
            await producer.send(name, b"%d" % n, partition=part)
            for part in range(PARTITIONS)
            for n in range(EACH)
        ]
        await asyncio.gather(*sent)
    return name


async def test_who_got_some_waits_until_all_had_theirs(kafka: Stack, topic: str) -> None:
    stop, assigned = asyncio.Event(), Assigned()
    async with open_reader(
        kafka.kafka_servers,
        f"{topic}-grp",
        [topic],
        assigned=assigned,
        stop=stop,
        session_timeout_ms=10_000,
    ) as reader:
        assert reader is not None
        await eventually(lambda: len(assigned.holds) == PARTITIONS, within_s=20)
        for hold in assigned.holds.values():
            reader.go_on(hold)
        turns: list[int] = []
        values: dict[int, list[bytes | None]] = {part: [] for part in range(PARTITIONS)}
        while sum(map(len, values.values())) < PARTITIONS * EACH:
            found = await reader.poll(1_000, EACH // 6, of=list(assigned.holds.values()))
            for hold, records in found.items():
                turns.append(hold.at.partition)
                values[hold.at.partition] += [record.value for record in records]

    ahead = [
        max(map(turns[:end].count, range(PARTITIONS)))
        - min(map(turns[:end].count, range(PARTITIONS)))
        for end in range(1, len(turns) + 1)
    ]
    # One turn, and a second for who was fetched before the others were.
    assert max(ahead) <= 2, turns
    assert values == {part: [b"%d" % n for n in range(EACH)] for part in range(PARTITIONS)}
