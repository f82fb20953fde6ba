"""How often details are read while RFM has much to do: one process serves both."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.consume import Handle
from plumbing.records import Record

MUCH: Final = 1000  # records in a batch: then more are waiting
BUSY_S: Final = 2.0  # from the last such batch on
GAP_S: Final = 1.0  # between two reads of details then


class Pace:
    """Looks at the batches of one group, and says from them how long the other one rests.

    It rests between batches and goes on with one a second: a reader that stood still would be
    taken for one that hangs.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_at = float("-inf")

    def watched(self, handle: Handle) -> Handle:
        """Return *handle*, with a look at each batch before it."""

        async def handle_and_look(conn: AsyncConnection, records: Sequence[Record]) -> None:
            self.look(len(records))
            await handle(conn, records)

        return handle_and_look

    def look(self, records: int) -> None:
        if records >= MUCH:
            self._busy_at = self._clock()

    def gap_s(self) -> float:
        """Return how long to rest before the next read."""
        return GAP_S if self._clock() - self._busy_at < BUSY_S else 0.0
