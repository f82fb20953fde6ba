"""How many events a shop may post: a bucket that fills evenly, and is full after a minute."""

from dataclasses import dataclass
from math import ceil
from typing import Final

WINDOW_S: Final = 60
NAME: Final = "events_per_minute"  # among a shop's settings
MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was left, and when, in seconds of any clock that only goes forward."""

    left: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether events may come in, how many more may, and in how many seconds it is otherwise.

    `wait_s` is 0 when they may; `full_s` tells when the whole quota is there again.
    """

    bucket: Bucket
    left: int
    wait_s: int
    full_s: int

    @property
    def granted(self) -> bool:
        return self.wait_s == 0


def ask(bucket: Bucket | None, events: int, per_minute: int, now_s: float) -> Grant:
    """Take *events* from the bucket, all or none; who asks for more than it holds empties it.

    Args:
        bucket: As it was left; None for a full one.
        events: At least 1.
        per_minute: The quota, at least 1.
        now_s: Not before the bucket's time.
    """
    per_s = per_minute / WINDOW_S
    known = bucket or Bucket(per_minute, now_s)
    left = min(per_minute, known.left + (now_s - known.at_s) * per_s)
    needed = min(events, per_minute)
    granted = left >= needed
    left -= needed if granted else 0
    return Grant(
        Bucket(left, now_s),
        int(left),
        0 if granted else max(1, ceil((needed - left) / per_s)),
        ceil((per_minute - left) / per_s),
    )


def quota_of(spelled: str | None, default: int) -> int:
    """Return events a minute as a shop's setting has it, *default* without one; 0 is no bound.

    Raises:
        ValueError: It is no whole number from 0 to a thousand million.
    """
    if spelled is None:
        return default
    if not (spelled.isascii() and spelled.isdigit() and len(spelled) <= len(str(MOST))):
        raise ValueError(f"{NAME} is a whole number, 0 for no bound")
    found = int(spelled)
    if found > MOST:
        raise ValueError(f"{NAME} is at most {MOST}")
    return found
