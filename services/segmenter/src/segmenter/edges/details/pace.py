"""How often details are read while RFM has much to do: one process serves both."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.consume import Handle
from plumbing.records import Record

MUCH: Final = 100  # records in a batch: then more are waiting
BUSY_S: Final = 5.0  # from the end of the last such batch on
GAP_S: Final = 2.0  # between two reads of details then
FEW: Final = 400  # records in a batch of details: below, none are waiting
CALM_S: Final = 0.2  # between two reads then: a batch of few costs what one of many does


class Pace:
    """Looks at the batches of one group, and says from them how long the other one rests.

    It rests between batches and goes on with one every two seconds: a reader that stood still
    would be taken for one that hangs. With little to do it rests as well, so that a transaction is
    worth it; far behind, and alone, it does not.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_at = float("-inf")
        self._at_work = 0  # such batches in their transaction
        self._behind = False

    def counted(self, handle: Handle) -> Handle:
        """Return the other group's *handle*, which tells whether it is behind."""

        async def handle_and_count(conn: AsyncConnection, records: Sequence[Record]) -> None:
            await handle(conn, records)
            self._behind = len(records) >= FEW

        return handle_and_count

    def watched(self, handle: Handle) -> Handle:
        """Return *handle*, with a look at each batch before and behind it."""

        async def handle_and_look(conn: AsyncConnection, records: Sequence[Record]) -> None:
            with self.at_work(len(records)):
                await handle(conn, records)

        return handle_and_look

    @contextmanager
    def at_work(self, records: int) -> Iterator[None]:
        """Note that a batch of *records* is at work while the body runs; it may take a while."""
        if records < MUCH:
            yield
            return
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            self._busy_at = self._clock()

    def gap_s(self) -> float:
        """Return how long to rest before the next read."""
        if self._at_work or self._clock() - self._busy_at < BUSY_S:
            return GAP_S
        return 0.0 if self._behind else CALM_S
