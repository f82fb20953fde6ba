"""Ends a process that makes no progress, so that another one takes over.

Progress, not life: an event loop may beat happily while a client below it waits for ever. Each
duty says that it is well: it has nothing to do, it did something, or what it needs is away.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from plumbing.metrics import ConsumerMetrics

EXIT_CODE: Final = 1

log = logging.getLogger(__name__)


class Watchdog:
    """A context manager: inside it, a duty that was silent for *limit_s* ends the process."""

    def __init__(
        self,
        limit_s: float = 60.0,
        *,
        metrics: ConsumerMetrics | None = None,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """Watch nothing yet; a duty is watched from its first `progress` on.

        Args:
            limit_s: How long a duty may be silent. Also covers a blocked event loop.
            metrics: Where to count before the end.
            end: Ends the process at once: what hangs must not be asked to clean up.
        """
        self.limit_s = limit_s
        self._metrics = metrics
        self._end = end
        self._well_at: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def progress(self, name: str) -> None:
        """Note that the duty *name* is well now."""
        self._well_at[name] = time.monotonic()

    def forget(self, name: str) -> None:
        """Stop watching *name*: it is not our duty any more."""
        self._well_at.pop(name, None)

    @property
    def names(self) -> set[str]:
        return set(self._well_at)

    def complaint(self) -> str | None:
        """Return what has been silent for too long, None if all is well. For /livez."""
        late = self._late()
        return f"no progress: {', '.join(late)}" if late else None

    def _late(self) -> list[str]:
        oldest = time.monotonic() - self.limit_s
        return sorted(name for name, at in list(self._well_at.items()) if at < oldest)

    def _watch(self) -> None:
        while not self._done.wait(self.limit_s / 20):
            late = self._late()
            if late:
                if self._metrics is not None:
                    self._metrics.stuck_detected.inc()
                log.critical("stuck", extra={"duties": late, "limit_s": self.limit_s})
                self._end(EXIT_CODE)
                return
