"""When a platform is asked again, and from which time on: what its webhooks did not bring.

A sweep asks for all that changed since ten minutes before the last one began, in order, and notes
how far it has come after each page; so it goes on after a death where it was. What changes while a
sweep runs, the next one brings.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

OVERLAP: Final = timedelta(minutes=10)  # their clock is not ours, and what they list may lag
LONGEST: Final = timedelta(hours=1)
STEP: Final = timedelta(seconds=1)  # platforms tell times to the second


@dataclass(frozen=True, slots=True)
class Sweep:
    """How far it has come.

    Args:
        mark: All that changed before this is known.
        next_at: When there is something to do.
        began_at: When the sweep began that is under way; None between two.
        place: All that changed before this is known to the sweep under way.
        failures: In a row.
    """

    mark: datetime
    next_at: datetime
    began_at: datetime | None = None
    place: datetime | None = None
    failures: int = 0

    @property
    def since(self) -> datetime:
        """From when on to ask."""
        return self.mark - OVERLAP if self.place is None else self.place


def begun(sweep: Sweep, now: datetime) -> Sweep:
    """Return *sweep* under way: the one that was left off, or a new one."""
    return sweep if sweep.began_at is not None else replace(sweep, began_at=now)


def advanced(sweep: Sweep, newest: datetime) -> Sweep:
    """Return *sweep* after a page whose newest part changed at *newest*."""
    return replace(sweep, place=max(sweep.since, newest - STEP), failures=0)


def ended(sweep: Sweep, now: datetime, every: timedelta) -> Sweep:
    """Return *sweep* after its last page."""
    return Sweep(max(sweep.mark, sweep.began_at or sweep.mark), now + every)


def paused(sweep: Sweep, now: datetime) -> Sweep:
    """Return *sweep* with more to do, after others had their turn."""
    return replace(sweep, next_at=now)


def failed(sweep: Sweep, now: datetime, every: timedelta, wait_s: float | None = None) -> Sweep:
    """Return *sweep* after a failure: twice as long a wait each time, up to an hour.

    Args:
        sweep: As it was after its last good page.
        now: The time.
        every: The wait between two good sweeps.
        wait_s: What the platform asks for, if it does: no less is waited.
    """
    failures = sweep.failures + 1
    wait = min(every * 2 ** min(failures - 1, 10), LONGEST)
    wait = max(wait, timedelta(seconds=wait_s or 0))
    return replace(sweep, next_at=now + wait, failures=failures)
