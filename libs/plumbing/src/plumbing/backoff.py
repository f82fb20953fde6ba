"""How long to wait before trying again."""

from datetime import timedelta


def backoff(attempt: int, *, base: timedelta, cap: timedelta, roll: float) -> timedelta:
    """Return how long to wait before retry number *attempt* (the first is 1).

    Full jitter: a uniform draw from (0, min(*cap*, *base* * 2^(attempt-1))].

    Args:
        attempt: Tries that have failed so far; at least 1.
        base: Ceiling of the first wait.
        cap: Ceiling of every wait.
        roll: The caller's random draw from [0, 1). An argument, so tests choose it.
    """
    doublings = min(attempt - 1, 20)  # more would overflow timedelta, and no cap is that high
    return min(cap, base * (1 << doublings)) * (1.0 - roll)
