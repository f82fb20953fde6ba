"""Pods come and go while orders flow: it costs time, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import pytest

from demo.house import Pod
from support.database import as_database, connect
from support.eventually import eventually
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.stream import rest
from support.town import PARTITIONS, Town
from support.trial import Trial

STILL_AT_MOST_S: Final = 30.0
LOOKS_EVERY_S: Final = 0.5
FACTS_A_PUSH: Final = 140  # about; what was pushed is counted
OFFSETS: Final = """
    select part, next_offset, owner from segmenter.consumer_partition
    where topic = 'orders.v1' and grp = 'segmenter' order by part"""


@dataclass(eq=False)
class Stillness:
    """How long each partition of orders stood still; watermarks come all the time."""

    at: dict[int, int] = field(default_factory=dict)
    since: dict[int, float] = field(default_factory=dict)
    longest_s: dict[int, float] = field(default_factory=dict)

    def note(self, now: float, offsets: Mapping[int, int]) -> None:
        for part, offset in offsets.items():
            if self.at.get(part) != offset:
                self.at[part], self.since[part] = offset, now
            stood_s = now - self.since[part]
            self.longest_s[part] = max(stood_s, self.longest_s.get(part, 0.0))

    def over(self, limit_s: float) -> list[tuple[int, float]]:
        return [(part, stood) for part, stood in self.longest_s.items() if stood > limit_s]


@asynccontextmanager
async def _watched(town: Town) -> AsyncIterator[Stillness]:
    found = Stillness()
    conn = await connect(as_database(town.house.admin_url, town.house.database))
    looking = asyncio.create_task(_look(conn, found))
    try:
        yield found
    finally:
        looking.cancel()
        await asyncio.wait({looking})
        await conn.close()


async def _look(conn: asyncpg.Connection, found: Stillness) -> None:
    while True:
        rows = await conn.fetch(OFFSETS)
        found.note(time.monotonic(), {row["part"]: row["next_offset"] for row in rows})
        await asyncio.sleep(LOOKS_EVERY_S)


@dataclass(eq=False)
class Herd:
    """The pods of the segmenter. The oldest goes first; every second one is killed."""

    town: Town
    pods: dict[str, Pod] = field(default_factory=dict)
    born: int = 0
    ended: int = 0

    async def grow(self, number: int) -> None:
        while len(self.pods) < number:
            self.born += 1
            name = f"pod-{self.born}"
            pod = await self.town.house.start("segmenter", extra={"HUILIU_POD": name})
            self.pods[name] = self.town.pods["segmenter"] = pod
        await self._settled()

    async def shrink(self, number: int) -> None:
        while len(self.pods) > number:
            pod = self.pods.pop(min(self.pods, key=lambda name: int(name.split("-")[1])))
            self.ended += 1
            if self.ended % 2:
                assert await pod.stop() == 0
            else:
                pod.kill()
                assert await pod.ended(10) == -9
        await self._settled()

    async def _settled(self) -> None:
        await eventually(self._shared, within_s=60)

    async def _shared(self) -> bool:
        """Tell whether living pods own all partitions, and each pod one, as far as they go."""
        rows = await self.town.rows(OFFSETS)
        owners = {row["owner"] for row in rows}
        enough = len(owners) == min(len(self.pods), PARTITIONS)
        return len(rows) == PARTITIONS and owners <= self.pods.keys() and enough


async def _flow(load: Load, rate: float, stop: asyncio.Event) -> None:
    """Push at *rate* facts a second, or as fast as is taken."""
    due = time.monotonic()
    while not stop.is_set():
        await load.push()
        due += FACTS_A_PUSH / rate
        try:
            async with asyncio.timeout_at(
                asyncio.get_running_loop().time() + due - time.monotonic()
            ):
                await stop.wait()
        except TimeoutError:
            pass


async def _progress(town: Town) -> None:
    """Wait until every partition has gone on from where it stands now."""
    start = {row["part"]: row["next_offset"] for row in await town.rows(OFFSETS)}

    async def gone_on() -> bool:
        return all(row["next_offset"] > start[row["part"]] for row in await town.rows(OFFSETS))

    await eventually(gone_on, within_s=60)


@pytest.mark.row(5)
async def test_pods_join_and_leave_under_load_and_nothing_is_lost_or_doubled(
    trial: Trial, town: Town
) -> None:
    rounds, most, rate = trial.size((5, 3, 200.0), (50, 6, 1_000.0))
    load, stop, herd = Load(town, trial.seed), asyncio.Event(), Herd(town)
    await town.start("ingest")
    await herd.grow(1)
    await town.open_shop()

    async with asyncio.TaskGroup() as flowing, _watched(town) as stillness:
        flow = flowing.create_task(_flow(load, rate, stop))
        began = time.monotonic()
        await eventually(lambda: load.pushed > 0)
        for number in range(rounds):
            await herd.grow(most)
            await _progress(town)
            await herd.shrink(2)
            await _progress(town)
            await herd.shrink(1)
            trial.tell(f"{number + 1} of {rounds} storms, {load.facts} facts")
        assert not flow.done()
        spent_s = time.monotonic() - began
        stop.set()
        await flow
    await rest(town)

    trial.fired("pods that left", herd.ended, at_least=rounds * (most - 1))
    trial.fired("pods that joined", herd.born - 1, at_least=rounds * (most - 1))
    trial.figure("facts_per_s", load.facts / spent_s)
    trial.figure("longest_still_s", max(stillness.longest_s.values()))
    trial.none("partitions still for over 30 s", stillness.over(STILL_AT_MOST_S))
    trial.none(
        "customers lost or counted twice", differing(load.recomputed(), await segmented(town))
    )
    trial.none("changes lost or told in two ways", await misannounced(town))
    await _control(trial, town, load)


async def _control(trial: Trial, town: Town, load: Load) -> None:
    """Plant a partition that stood, and what a batch applied twice would leave."""
    stood = Stillness()
    for now, offset in ((0.0, 5), (STILL_AT_MOST_S + 1, 5), (STILL_AT_MOST_S + 2, 6)):
        stood.note(now, {0: offset})
    trial.control("partitions still for over 30 s", stood.over(STILL_AT_MOST_S))
    await count_again(town)
    planted = differing(load.recomputed(), await segmented(town))
    trial.control("customers lost or counted twice", planted)
    await forget_change(town)
    trial.control("changes lost or told in two ways", await misannounced(town))
