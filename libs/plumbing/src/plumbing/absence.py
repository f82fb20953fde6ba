"""How long we have been waiting for what another topic should have told us."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

MAX_NAMES: Final = 10_000
LONGEST_GAP_S: Final = 2.0  # between two looks; more of it is not waiting but being away


@dataclass(frozen=True, slots=True)
class Absence:
    """Remembers, per process, how long each name has been missed.

    Topics are not read in step, least of all by a group that begins or replays: so what counts is
    how long we have looked and not found, not how old the record is that needs it. While Postgres
    is away, or the process is frozen, nobody looks.
    """

    patience_s: float = 30.0
    clock: Callable[[], float] = time.monotonic
    _missed: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)

    def gives_up(self, names: Collection[str]) -> bool:
        """Note that all *names* are missing now; return whether all have been for long enough."""
        if len(self._missed) > MAX_NAMES:
            self._missed.clear()
        now = self.clock()
        waits = [self._look(name, now) for name in names]
        return bool(waits) and min(waits) >= self.patience_s

    def _look(self, name: str, now: float) -> float:
        waited_s, last = self._missed.get(name, (0.0, now))
        waited_s += min(now - last, LONGEST_GAP_S)
        self._missed[name] = (waited_s, now)
        return waited_s
