"""How late the event loop is: what everything else in the process waits for."""

import asyncio
from typing import Final

from prometheus_client import Histogram

from plumbing.stopping import pause

BEAT_S: Final = 0.25

LATE: Final = Histogram(
    "huiliu_loop_late_seconds",
    "How late the event loop came back from a rest; above 0.1 s some work blocks it",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)


async def pulse(stop: asyncio.Event) -> None:
    """Rest again and again until *stop* is set, and note how late each rest ended."""
    loop = asyncio.get_running_loop()
    due = loop.time() + BEAT_S
    while not await pause(stop, BEAT_S):
        LATE.observe(max(0.0, loop.time() - due))
        due = loop.time() + BEAT_S
