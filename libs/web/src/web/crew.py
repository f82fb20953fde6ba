"""The tasks that make up a process, and the order in which they end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from enum import IntEnum
from typing import Any, TypeAlias

from plumbing import faults

CANCELLED_WITHIN_S = 2.0

Task: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


class Rank(IntEnum):
    """Who ends before whom."""

    WORK = 0
    LAST = 1
    OPS = 2


class Refused(Exception):
    """A SystemExit inside a task: raised there, it would tear the event loop down."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Crew:
    """The running tasks of the process. The first that fails sets *stop* for all."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.exit_code = 0
        self._stop = stop
        self._running: dict[asyncio.Task[None], Rank] = {}

    def add(self, name: str, work: Coroutine[Any, Any, None], rank: Rank) -> None:
        task = asyncio.create_task(_contained(work), name=name)
        self._running[task] = rank
        task.add_done_callback(self._settle)

    def add_all(self, tasks: Sequence[Task], event: asyncio.Event, rank: Rank) -> None:
        for task in tasks:
            self.add(_name(task), task(event), rank)

    async def wait_for(self, first: Coroutine[Any, Any, None]) -> None:
        """Await *first*, but no longer than until *stop* is set."""
        work = asyncio.create_task(_contained(first))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        except Refused as refused:
            raise SystemExit(refused.code) from None
        finally:
            stopped.cancel()
            work.cancel()

    async def end(self, rank: Rank, within_s: float) -> None:
        """Wait until all up to *rank* have ended; cancel those that have not after *within_s*."""
        mine = {task for task, own in self._running.items() if own <= rank}
        if not mine:
            return
        _, late = await asyncio.wait(mine, timeout=within_s)
        if late:
            self.exit_code = 1
            names = sorted(task.get_name() for task in late)
            log.critical("did not stop in time", extra={"tasks": names, "within_s": within_s})
            await _cancel(late)

    async def cancel(self) -> None:
        await _cancel(set(self._running))

    def _settle(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Refused):  # what is wrong was said already
            self.exit_code = error.code
        elif error is not None:
            self.exit_code = 1
            log.critical("task failed", extra={"task": task.get_name(), **faults.describe(error)})
        elif not self._stop.is_set():
            self.exit_code = 1
            log.critical("task ended unasked", extra={"task": task.get_name()})
        self._stop.set()


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except SystemExit as refusal:
        raise Refused(refusal.code if isinstance(refusal.code, int) else 1) from None


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCELLED_WITHIN_S)


def _name(task: Task) -> str:
    inner = getattr(task, "func", task)  # of a functools.partial
    return str(getattr(inner, "__qualname__", None) or type(inner).__name__)
