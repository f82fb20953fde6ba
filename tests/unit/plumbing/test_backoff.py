from datetime import timedelta

import pytest

from plumbing.backoff import backoff

BASE, CAP = timedelta(milliseconds=200), timedelta(seconds=5)


@pytest.mark.parametrize(
    ("attempt", "ceiling_s"),
    [
        pytest.param(1, 0.2, id="the first wait is at most the base"),
        pytest.param(3, 0.8, id="each doubles the ceiling"),
        pytest.param(6, 5.0, id="up to the cap"),
        pytest.param(10_000, 5.0, id="and never overflows"),
    ],
)
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, ceiling_s: float) -> None:
    assert backoff(attempt, base=BASE, cap=CAP, roll=0.0).total_seconds() == ceiling_s


def test_the_roll_spreads_the_wait_below_its_ceiling_but_never_to_nothing() -> None:
    waits = [backoff(4, base=BASE, cap=CAP, roll=roll / 100) for roll in range(100)]

    assert waits == sorted(waits, reverse=True)
    assert timedelta(0) < waits[-1] < waits[0] == timedelta(seconds=1.6)
