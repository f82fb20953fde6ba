"""How often the registries read while posts come: posts are waited for, registries are not."""

import time
from collections.abc import Callable
from typing import Final

BUSY_S: Final = 0.05
GAP_S: Final = 0.2
# Beyond this they fall behind at every gap: 500 records a read and five reads a second are 2,500.
FLOOD_PER_S: Final = 2500
FLOOD_GAP_S: Final = 1.0
MEASURED_S: Final = 0.1


class Pace:
    """Counts what is to be kept, and says from it how long the registries' reader rests.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted_at = float("-inf")
        self._since = clock()
        self._noted = 0
        self._per_s = 0.0

    def note(self, records: int) -> None:
        self._noted += records
        self._noted_at = self._clock()

    def gap_s(self) -> float:
        """Return how long to rest before the next read."""
        now = self._clock()
        if now - self._since >= MEASURED_S:
            self._per_s = self._noted / (now - self._since)
            self._since, self._noted = now, 0
        if now - self._noted_at >= BUSY_S:
            return 0.0
        return FLOOD_GAP_S if self._per_s > FLOOD_PER_S else GAP_S
