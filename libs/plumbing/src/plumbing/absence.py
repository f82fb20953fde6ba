"""How long we have been waiting for what another topic should have told us."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

MAX_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Absence:
    """Remembers, per process, since when each name was missed.

    Topics are not read in step, least of all by a group that begins or replays: so what counts is
    how long we have waited, not how old the record is that needs it.
    """

    patience_s: float = 30.0
    _since: dict[str, float] = field(default_factory=dict, init=False)

    def gives_up(self, names: Collection[str]) -> bool:
        """Note that all *names* are missing now; return whether all have been for long enough."""
        if len(self._since) > MAX_NAMES:
            self._since.clear()
        now = time.monotonic()
        waits = [now - self._since.setdefault(name, now) for name in names]
        return bool(waits) and min(waits) >= self.patience_s
