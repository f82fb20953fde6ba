"""Payments race with their reminders while services die, freeze and lag."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from localstack import Stack
from support.races import (
    AFTER_AT_MOST,
    Course,
    Fault,
    after_payment,
    forgotten,
    freeze,
    kill,
    reminded,
    states,
    with_faults,
)
from support.script import settled
from support.stream import rest
from support.tally import Tally
from support.town import Town, open_town
from support.trial import Trial

# What was claimed by one who died is settled in seconds; how late a request may start stays.
BRISK: Final = {
    "HUILIU_REQUEST_TIMEOUT_S": "5",
    "HUILIU_CLAIM_TIMEOUT_S": "8",
    "HUILIU_UNKNOWN_CLOSE_S": "12",
}
KILLED: Final = ("care-triggers", "notifier", "ingest")
HELD: Final = "huiliu_held_total"
LATE_STARTS: Final = "huiliu_notifier_late_starts_total"


@dataclass(eq=False)
class Faults:
    """What is broken during the races, and what was."""

    trial: Trial
    town: Town
    lag_s: float
    killed: Counter[str] = field(default_factory=Counter)
    lagged_s: float = 0.0
    kafka_killed: int = 0

    def plan(self, random: Random, kills: int, lags: int) -> dict[float, Fault]:
        """Deal the faults over the races: kills in turn, lags and Kafka's death in between."""
        faults: list[Fault] = [self._kill(KILLED[n % len(KILLED)]) for n in range(kills)]
        faults += [self._lag] * lags
        random.shuffle(faults)
        faults.insert(len(faults) // 2, self._kill_kafka)
        return {(n + 0.5) / len(faults): fault for n, fault in enumerate(faults)}

    def _kill(self, service: str) -> Fault:
        async def fault() -> None:
            await kill(self.town, service)
            self.killed[service] += 1
            self.trial.tell(f"{service} was killed and is back")

        return fault

    async def _lag(self) -> None:
        """Let care-triggers, and with it what is known of payments, fall behind."""
        began = asyncio.get_running_loop().time()
        await freeze(self.town, "care-triggers", self.lag_s)
        self.lagged_s += asyncio.get_running_loop().time() - began
        self.trial.tell(f"care-triggers stood still for {self.lag_s:.0f} s")

    async def _kill_kafka(self) -> None:
        """Send payments by the spool: their news is late, and nobody may act as if not."""
        stack = self.town.stack
        await stack.kill_kafka()
        await stack.start_kafka()
        self.kafka_killed += 1
        self.trial.tell("Kafka was killed and is back")


@pytest.mark.row(19)
async def test_no_reminder_reaches_a_gateway_over_two_seconds_after_its_payment(
    trial: Trial, kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    number, by_s = trial.size((300, 1.0), (10_000, 5.0))
    kills, lags, lag_s = trial.size((3, 1, 3.0), (30, 3, 30.0))
    every = timedelta(seconds=trial.size(0.08, 0.06))
    async with open_town(kafka, postgres, tmp_path, BRISK) as town:
        await town.start("ingest", "care-triggers", "notifier")
        await town.open_shop()
        course = await Course.lay(town, trial.random(), number, every, by_s)
        trial.tell(f"{number} orders wait for their payment")
        faults = Faults(trial, town, lag_s)
        async with Tally(town) as tally:
            await with_faults(course, faults.plan(trial.random(), kills, lags))
            trial.tell("all races are run")
            await rest(town)
            await settled(town, within_s=60)
            await tally.look()
        trial.fired("sigkills", faults.killed.total(), at_least=kills)
        trial.fired("deaths of Kafka", faults.kafka_killed, at_least=1)
        trial.fired("seconds of lag", faults.lagged_s, at_least=int(lags * lag_s))
        trial.fired("held", tally.total(HELD, reason="freshness"), at_least=1)
        trial.figure("late starts", tally.total(LATE_STARTS))
        await _judge(trial, course)


async def _judge(trial: Trial, course: Course) -> None:
    town, races = course.town, course.races
    sent = reminded(races, town.sms.ledger.accepted)
    became = await states(town)
    paid = [one for one in races if one.paid_at is not None]
    both = [
        (sent[one.order_id] - one.paid_at).total_seconds()
        for one in paid
        if one.paid_at is not None and one.order_id in sent
    ]
    trial.figure("paid", len(paid))
    trial.figure("reminded and paid", len(both))
    trial.figure("reminded after the payment", sum(after > 0 for after in both))
    trial.figure("latest after the payment, s", max(both, default=0.0))
    trial.figure("unknown for ever", sum(one == "closed_unknown" for one in became.values()))
    # Races that only one side can win would show nothing.
    trial.fired("reminders that won", sum(after < 0 for after in both), at_least=1)
    trial.fired("payments that won", len(paid) - len(both), at_least=1)
    trial.none("reminders over 2 s after the payment", after_payment(races, sent))
    trial.none("orders that were never paid nor reminded of", forgotten(races, sent, became))
    trial.none("reminders sent twice", town.sms.ledger.twice())

    won = next(one for one in paid if one.order_id in sent and one.paid_at is not None)
    late = {**sent, won.order_id: (won.paid_at or sent[won.order_id]) + AFTER_AT_MOST * 1.01}
    trial.control("reminders over 2 s after the payment", after_payment(races, late))
    unpaid = next(one for one in races if one.pays is None and one.order_id in sent)
    fewer = {name: at for name, at in sent.items() if name != unpaid.order_id}
    nothing = {**became, unpaid.order_id: "suppressed"}
    trial.control("orders that were never paid nor reminded of", forgotten(races, fewer, nothing))
    town.sms.ledger.append(town.sms.ledger.accepted[0])
    trial.control("reminders sent twice", town.sms.ledger.twice())
