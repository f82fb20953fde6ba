"""Waiting that ends when the process is asked to stop."""

import asyncio
import random
from datetime import timedelta
from typing import Final

from plumbing.backoff import backoff

FIRST_WAIT: Final = timedelta(milliseconds=200)
LONGEST_WAIT: Final = timedelta(seconds=5)


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait *seconds*, or until *stop* is set; return whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
    return stop.is_set()


def wait_s(attempt: int) -> float:
    """Return the house's wait before retry number *attempt* of reaching a server: at most 5 s."""
    roll = random.random()  # noqa: S311 - spreads load, keeps no secret
    return backoff(attempt, base=FIRST_WAIT, cap=LONGEST_WAIT, roll=roll).total_seconds()
