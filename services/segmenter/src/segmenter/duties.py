"""What the segmenter does by itself, piece by piece: each a transaction, and each its own loop."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.outbox import Relay
from plumbing.poll import poll
from plumbing.watchdog import Watchdog
from segmenter.edges.audience.timers import judge_audiences
from segmenter.edges.members.timers import tend
from segmenter.edges.timers import pair_goods, roll_days, score_days, walk_risks
from segmenter.edges.values.fitter import Fitter
from segmenter.settings import Settings
from web.crew import Task

PAIRS_EVERY_S: Final = 15.0  # how often to look for shops whose pairs are of another day

Piece: TypeAlias = Callable[[], Awaitable[int]]


def duties(
    settings: Settings, engine: AsyncEngine, fitter: Fitter, relay: Relay, watch: Watchdog
) -> list[Task]:
    """Return the loops. One whose piece may take minutes is not watched for progress."""
    parts, batch = settings.partitions, settings.roll_batch

    def duty(name: str, piece: Piece, every_s: float, watched_by: Watchdog | None = watch) -> Task:
        async def step() -> int:
            done = await piece()
            if done:
                relay.wake()
            return done

        async def run(stop: asyncio.Event) -> None:
            await poll(step, stop, every_s=every_s, limit=1, watch=watched_by, name=name)

        return run

    async def fit(stop: asyncio.Event) -> None:
        # Not watched: a fit has a limit of its own, above that of silence.
        step, every_s = partial(fitter.run_until, stop), settings.fit_every_s
        await poll(step, stop, every_s=every_s, limit=1, name="fit")

    roll = partial(roll_days, engine, partitions=parts, limit=batch)
    churn = partial(walk_risks, engine, partitions=parts, limit=batch)
    members = partial(tend, engine, partitions=parts, limit=settings.tend_batch)
    pairs = partial(pair_goods, engine, limit=batch)
    judge = partial(judge_audiences, engine, partitions=parts, limit=settings.judge_batch)
    every_s = settings.roll_every_s
    return [
        duty("roll", roll, every_s),
        duty("churn", churn, every_s),
        duty("tend", members, every_s),
        duty("score", partial(score_days, engine), every_s, None),
        duty("pairs", pairs, PAIRS_EVERY_S),
        duty("judge", judge, settings.judge_every_s, None),
        fit,
    ]
