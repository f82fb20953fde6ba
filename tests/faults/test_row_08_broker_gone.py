"""The broker is killed and stopped while facts are pushed: every one of them is taken.

The full form promises "three brokers in turn"; here there is one broker, so it is that one which is
killed each time. What another broker would take over meanwhile goes to the spool instead.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from localstack import Stack
from support.eventually import eventually
from support.judged import judge, plant
from support.steady import Answer, Steady, percentile, posting
from support.stream import rest
from support.town import MORNING, Town
from support.trial import Trial

KILLS: Final = 3
GIVES_UP_AFTER_S: Final = 600.0
FLOWS_S: Final = 1.0  # with the broker, before and between its faults
FOUND_OUT_WITHIN_S: Final = 2.0
DURABLE: Final = "huiliu_ingest_durable_records_total"
AWAY: Final = "huiliu_ingest_kafka_away_seconds"
LOST: Final = "huiliu_ingest_kafka_lost_total"


@dataclass(slots=True)
class Outage:
    """When the broker went, was asked to come back, answered, and the spool was empty."""

    down_s: float
    up_s: float = 0.0
    back_s: float = 0.0
    empty_s: float = 0.0
    spooled: int = 0

    @property
    def drained_s(self) -> float:
        return self.empty_s - self.back_s

    def begins(self, one: Answer) -> bool:
        """Tell whether ingest had to find out, while it answered, that the broker is gone."""
        return one.ended_s > self.down_s and one.began_s < self.down_s + FOUND_OUT_WITHIN_S


@dataclass(eq=False)
class Broker:
    """The broker of one town, and its faults under load."""

    town: Town
    stack: Stack
    steady: Steady
    outages: list[Outage] = field(default_factory=list)

    async def fail(self, end: Callable[[], Awaitable[None]], away_s: float) -> None:
        """End it by *end*, start it after *away_s*, and wait until ingest's spool is empty."""
        before = await self._spooled()
        one = Outage(time.monotonic())
        await end()
        await self._more_taken(after_s=time.monotonic() + away_s)
        one.up_s = time.monotonic()
        await self.stack.start_kafka()
        one.back_s = time.monotonic()
        await eventually(self._drained, within_s=GIVES_UP_AFTER_S, every_s=0.2)
        one.empty_s = time.monotonic()
        one.spooled = int(await self._spooled() - before)
        self.outages.append(one)

    async def flows(self) -> None:
        await self._more_taken(after_s=time.monotonic() + FLOWS_S)

    async def _more_taken(self, *, after_s: float) -> None:
        """Wait until something was taken that was said after the instant *after_s*."""

        def said() -> bool:
            answers = self.steady.answers[-50:]
            return any(one.began_s > after_s and one.taken for one in answers)

        await eventually(said, within_s=after_s - time.monotonic() + 60)

    async def _spooled(self) -> float:
        return await self.town.pods["ingest"].metric(DURABLE, path="spool")

    async def _drained(self) -> bool:
        """Tell whether ingest is with Kafka again, and nothing waits."""
        if await self.town.pods["ingest"].metric(AWAY) > 0:
            return False
        return await self.town.rows("select from ingest.ingest_spool limit 1") == []


def over_both_ways(answers: Sequence[Answer], outages: Sequence[Outage]) -> set[str]:
    """Return the orders of which a part went by the spool, and another by Kafka at once."""
    ways: dict[str, set[str]] = {"kafka": set(), "spool": set()}
    for one in answers:
        calm = all(one.ended_s < gone.down_s or one.began_s > gone.empty_s for gone in outages)
        if calm:
            ways["kafka"].add(one.fact["order_id"])
        elif any(gone.down_s < one.began_s and one.ended_s < gone.up_s for gone in outages):
            ways["spool"].add(one.fact["order_id"])
    return ways["kafka"] & ways["spool"]


def drained_late(waits: Collection[float], limit_s: float) -> list[float]:
    return [wait for wait in waits if wait > limit_s]


@pytest.mark.row(8)
async def test_every_fact_is_taken_while_the_broker_is_killed_and_stopped(
    trial: Trial, town: Town, kafka: Stack
) -> None:
    rate, away_s, drains_s = trial.size((100.0, 20.0, 60.0), (500.0, 120.0, 300.0))
    stop = asyncio.Event()
    await town.start()
    pids = town.pids
    await town.open_shop()
    await rest(town)

    async with posting(town, trial.seed, rate, MORNING) as steady, asyncio.TaskGroup() as running:
        broker = Broker(town, kafka, steady)
        flow = running.create_task(steady.flow(stop))
        for number in range(KILLS):
            await broker.flows()
            await broker.fail(kafka.kill_kafka, 0.0)
            trial.tell(f"kill {number + 1} of {KILLS}: {_told(broker)}")
        await broker.flows()
        await broker.fail(kafka.stop_kafka, away_s)
        trial.tell(f"outage: {_told(broker)}")
        await broker.flows()
        stop.set()
        await flow
    await rest(town)

    _faults(trial, broker, await town.pods["ingest"].metric(LOST))
    _figures(trial, broker)
    trial.none("answers but 2xx", steady.refused())
    trial.none(
        f"spools not empty after {drains_s:.0f} s",
        drained_late([one.drained_s for one in broker.outages], drains_s),
    )
    trial.none("pods that ended", town.ended(pids))
    await judge(trial, town, steady)

    trial.control(f"spools not empty after {drains_s:.0f} s", drained_late([400.0], drains_s))
    trial.control("pods that ended", town.ended({**pids, "ingest": 0}))
    await plant(trial, town, steady)
    steady.answers.append(replace(steady.answers[0], status=503))
    trial.control("answers but 2xx", steady.refused())


def _told(broker: Broker) -> str:
    one = broker.outages[-1]
    return (
        f"away {one.back_s - one.down_s:.1f} s, {one.spooled} spooled,"
        f" spool empty after {one.drained_s:.1f} s, {len(broker.steady.refused())} refused"
    )


def _faults(trial: Trial, broker: Broker, lost: float) -> None:
    outages, answers = broker.outages, broker.steady.answers
    trial.fired("times that ingest lost Kafka", lost, at_least=KILLS + 1)
    trial.fired("spooled in the outage that had the fewest", _fewest(outages), at_least=1)
    trial.fired("spooled", sum(one.spooled for one in outages), at_least=KILLS + 1)
    trial.fired("orders over both ways", len(over_both_ways(answers, outages)), at_least=1)


def _fewest(outages: Sequence[Outage]) -> int:
    return min(one.spooled for one in outages)


def _figures(trial: Trial, broker: Broker) -> None:
    outages = broker.outages
    answers = broker.steady.answers
    spent = [one.spent_s for one in answers]
    first = [one.spent_s for one in answers if any(gone.begins(one) for gone in outages)]
    trial.figure("facts", len(spent))
    trial.figure("longest_away_s", max(one.back_s - one.down_s for one in outages))
    trial.figure("slowest_first_answer_s", max(first))  # of those said when Kafka went
    trial.figure("p99_answer_s", percentile(spent, 0.99))
    trial.figure("slowest_drained_s", max(one.drained_s for one in outages))
