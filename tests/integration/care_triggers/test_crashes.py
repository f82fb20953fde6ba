"""A process that is killed while it fires timers: every timer fires, none twice."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from contracts import topics
from contracts.events import Decision, MessagePlanned

FIRE = """
import asyncio, os
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.timers import due_timers
from plumbing.resources import open_engine
from plumbing.seal import Sealer

async def main():
    async with open_engine(os.environ["URL"], app=SERVICE) as engine:
        step = due_timers(engine, House(4, Sealer(bytes(range(32)))), lambda: None, limit=2)
        while await step():
            pass

asyncio.run(main())
"""


@pytest.mark.parametrize("point", ["timer-after-take:2", "timer-before-commit:2"])
async def test_a_kill_in_the_middle_of_firing_loses_and_doubles_nothing(
    care: Any, point: str
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, *(care.placed(now, f"o-{n}", lines=()) for n in range(6)))
    await care.advance(timedelta(minutes=30))

    killed = run(care, {"HUILIU_CRASH": point})
    assert killed.returncode == -signal.SIGKILL
    assert len(await care.announced(MessagePlanned)) == 2
    assert len(await care.rows("select key from timer")) == 4

    assert run(care, {}).returncode == 0
    planned = [one.order_id for one in await care.announced(MessagePlanned)]
    assert sorted(planned) == [f"o-{n}" for n in range(6)]
    assert len(await care.announced(Decision)) == 6


def run(care: Any, more: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    env = {**os.environ, "URL": care.db.url("care-triggers"), **more}
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", FIRE], env=env, timeout=30, check=False
    )
