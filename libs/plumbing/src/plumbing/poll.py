"""A step, again and again, until the process is asked to stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from plumbing.away import is_transient
from plumbing.stopping import pause, wait_s
from plumbing.watchdog import Watchdog

log = logging.getLogger(__name__)


async def poll(
    step: Callable[[], Awaitable[int]],
    stop: asyncio.Event,
    *,
    every_s: float,
    limit: int,
    watch: Watchdog | None = None,
    name: str = "poll",
) -> None:
    """Call *step* until *stop* is set; while the database is away, wait and try again.

    Args:
        step: One transaction; returns how many it did.
        stop: Ends the waiting at once; a running step ends first.
        every_s: The wait after a batch that was not full.
        limit: A batch of so many is full: the next follows at once.
        watch: Told after each step, and while the database is away.
        name: How logs and *watch* call it.
    """
    failures = 0
    while not stop.is_set():
        try:
            done = await step()
        except (DBAPIError, PoolTimeout, OSError) as error:
            if not is_transient(error):
                raise
            failures += 1
            rest_s = wait_s(failures)
            fields = {"task": name, "error": type(error).__name__, "rest_s": rest_s}
            log.warning("database away", extra=fields)
        else:
            failures = 0
            rest_s = 0.0 if done >= limit else every_s
        if watch is not None:
            watch.progress(name)
        await (_rest(stop, rest_s, watch, name) if rest_s else asyncio.sleep(0))
    if watch is not None:
        watch.forget(name)


async def _rest(stop: asyncio.Event, seconds: float, watch: Watchdog | None, name: str) -> None:
    """Pause; to the watchdog a rest is no silence, however long it is meant to be."""
    left_s = seconds
    while left_s > 0:
        beat_s = left_s if watch is None else min(left_s, watch.limit_s / 3)
        if await pause(stop, beat_s):
            return
        left_s -= beat_s
        if watch is not None:
            watch.progress(name)
