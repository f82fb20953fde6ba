"""Timers fire while those who fire them die and their database goes: all, once, never early."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final

import pytest

from localstack import Stack
from support.dues import Dues, Fired, Hand, early, fired, known, late_s, lost, none_waits, twice
from support.keeper import ANYWHERE, Keepers, kept
from support.stream import rest
from support.supervisor import Crash
from support.town import Town, restart_postgres
from support.trial import Trial

POINTS: Final = ("timer-after-take", "timer-before-commit", ANYWHERE)
SPAN: Final = timedelta(minutes=20)  # of business time in which the timers fall due
STEPS: Final = 40
SOON: Final = timedelta(minutes=5)
CALM_PER_S: Final = 400  # timers that fall due after the faults
LATE_AT_MOST_S: Final = 5.0
AT_TIME: Final = 0.99  # of them


def plans(random: Random, pods: int, kills: int) -> dict[str, list[Crash]]:
    """Draw *kills* deaths, as many at each point, dealt to the pods in turn."""
    crashes = [Crash(POINTS[n % len(POINTS)], random.randint(1, 3)) for n in range(kills)]
    random.shuffle(crashes)
    return {f"pod-{n + 1}": crashes[n::pods] for n in range(pods)}


async def _ordeal(
    trial: Trial, keepers: Keepers, hand: Hand, postgres: Stack, restarts: int
) -> int:
    """Let the timers fall due at the pace of the deaths; return how often Postgres restarted."""
    begin, done = await hand.read(), 0
    for step in range(1, STEPS + 1):
        await hand.to(begin + SOON + SPAN * step / STEPS)
        if step * (restarts + 1) >= STEPS * (done + 1) and done < restarts:
            await restart_postgres(keepers.town, postgres)
            done += 1
            trial.tell(f"Postgres restarted, {len(keepers.deaths)} deaths")
        # Not further ahead of the deaths than this: each must find timers to fire.
        await keepers.up_to((step - 2) / STEPS, 10)
    return done


def p99(found: list[float]) -> float:
    return sorted(found)[min(len(found) - 1, int(len(found) * AT_TIME))]


def too_late(late: list[float]) -> list[float]:
    """Return the hundredth part that is latest, if it is later than promised."""
    return [one for one in late if one > LATE_AT_MOST_S] if p99(late) > LATE_AT_MOST_S else []


@pytest.mark.row(18)
async def test_no_timer_is_lost_early_or_fired_twice_whoever_dies(
    trial: Trial, town: Town, postgres_stack: Stack
) -> None:
    number, pods, kills, restarts = trial.size((5_000, 2, 6, 1), (100_000, 3, 60, 5))
    before, after = number * 4 // 5, number // 5
    hand, dues = Hand(town), Dues(town)
    await town.start("ingest")
    await town.open_shop()
    async with kept(town, plans(trial.random(), pods, kills)) as keepers:
        now = await hand.read()
        await dues.place(before, now + SOON, now + SOON + SPAN)
        await known(town, before)
        trial.tell(f"{before} timers wait")
        restarted = await _ordeal(trial, keepers, hand, postgres_stack, restarts)
        await keepers.ready()
        await none_waits(town, before)
        trial.tell("all of them have fired")
        first = await hand.read() + SPAN
        calm = await dues.place(after, first, first + timedelta(seconds=after / CALM_PER_S))
        await known(town, after)
        await hand.to(first - timedelta(seconds=1))
        await none_waits(town, after)
        await rest(town)
    _prove(trial, keepers, kills // len(POINTS))
    trial.fired("restarts of Postgres", restarted, at_least=restarts)
    await _judge(trial, dues, hand, calm)


async def _judge(trial: Trial, dues: Dues, hand: Hand, calm: Collection[str]) -> None:
    found = await fired(dues.town)
    late = list(late_s({one: dues.at[one] for one in calm}, found, hand))
    trial.figure("timers", len(dues.at))
    trial.figure("timers_per_s_after_recovery", CALM_PER_S)
    trial.figure("late_s_p99_after_recovery", p99(late))
    trial.none("timers lost", lost(dues.at, found))
    trial.none("timers fired twice", twice(found))
    trial.none("timers fired early", early(dues.at, found, hand))
    trial.none("timers over 5 s late after recovery", too_late(late))
    _control(trial, dues, found, hand, late)


def _prove(trial: Trial, keepers: Keepers, each: int) -> None:
    trial.none("ends but by SIGKILL", [one for one in keepers.deaths if one.code != -9])
    killed = Counter(one.point for one in keepers.deaths if one.code == -9)
    for point in POINTS:
        trial.fired(f"SIGKILLs {point}", killed[point], at_least=each)


def _control(trial: Trial, dues: Dues, found: list[Fired], hand: Hand, late: list[float]) -> None:
    """Plant in what the log says what must never be there: each checker names it."""
    one, *others = found
    trial.control("timers lost", lost(dues.at, others))
    trial.control("timers fired twice", twice([*found, replace(one, message_id="another")]))
    trial.control("timers fired twice", twice([replace(one, decisions=2)]))
    later = {one.order_id: hand.business(one.at) + timedelta(seconds=0.01)}
    trial.control("timers fired early", early(later, [one], hand))
    slow = [LATE_AT_MOST_S + 1] * (1 + len(late) // 50)
    trial.control("timers over 5 s late after recovery", too_late([*late, *slow]))
