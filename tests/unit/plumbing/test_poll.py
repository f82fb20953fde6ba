import asyncio
from datetime import timedelta

import pytest

from plumbing import stopping
from plumbing.poll import poll
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog


class Steps:
    """Answers each call with the next of *answers*; after the last it sets *stop*."""

    def __init__(self, answers: list[int | Exception]) -> None:
        self.stop = asyncio.Event()
        self.calls = 0
        self._answers = answers

    async def __call__(self) -> int:
        answer = self._answers[self.calls]
        self.calls += 1
        if self.calls == len(self._answers):
            self.stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_after_a_full_batch_the_next_follows_at_once() -> None:
    steps = Steps([10, 10, 10, 3])

    await asyncio.wait_for(poll(steps, steps.stop, every_s=3600, limit=10), 5)

    assert steps.calls == 4


async def test_a_short_batch_waits_and_stopping_ends_the_wait() -> None:
    steps = Steps([0, 0])
    task = asyncio.create_task(poll(steps, steps.stop, every_s=3600, limit=10))
    assert not await pause(asyncio.Event(), 0.05)
    steps.stop.set()
    await asyncio.wait_for(task, 5)

    assert steps.calls == 1


async def test_while_the_database_is_away_it_waits_and_the_watchdog_hears_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "FIRST_WAIT", timedelta(milliseconds=2))
    steps = Steps([ConnectionRefusedError(), ConnectionRefusedError(), 1])
    watch = Watchdog()

    await asyncio.wait_for(
        poll(steps, steps.stop, every_s=0.01, limit=10, watch=watch, name="timers"), 5
    )

    assert steps.calls == 3
    assert watch.names == set()


async def test_what_is_our_fault_ends_it() -> None:
    steps = Steps([KeyError("x"), 1])

    with pytest.raises(KeyError):
        await poll(steps, steps.stop, every_s=0.01, limit=10)


async def test_a_rest_longer_than_the_watchdogs_patience_is_no_silence() -> None:
    steps = Steps([0, 1])
    ended: list[int] = []

    with Watchdog(0.3, end=ended.append) as watch:
        await poll(steps, steps.stop, every_s=0.35, limit=10, watch=watch, name="sweep")

    assert steps.calls == 2
    assert ended == []
