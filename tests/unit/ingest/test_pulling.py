"""Sweeps: nothing that changed is passed over, and who refuses is asked less often."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.domain.pulling import Sweep, advanced, begun, ended, failed, paused

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


def test_a_sweep_begins_ten_minutes_before_the_last_one_began() -> None:
    sweep = begun(Sweep(NOON, NOON), NOON + 20 * MINUTE)

    assert sweep.since == NOON - 10 * MINUTE
    done = ended(sweep, NOON + 21 * MINUTE, EVERY)
    assert (done.mark, done.next_at) == (NOON + 20 * MINUTE, NOON + 26 * MINUTE)
    assert (done.began_at, done.place) == (None, None)


def test_a_sweep_that_was_left_off_goes_on_where_it_was_and_counts_from_its_beginning() -> None:
    first = begun(Sweep(NOON, NOON), NOON + 20 * MINUTE)
    left = paused(advanced(first, NOON + 15 * MINUTE), NOON + 21 * MINUTE)

    again = begun(left, NOON + 30 * MINUTE)

    assert again.since == NOON + 15 * MINUTE - timedelta(seconds=1)
    assert ended(again, NOON + 31 * MINUTE, EVERY).mark == NOON + 20 * MINUTE


def test_a_page_of_old_changes_does_not_lead_back() -> None:
    sweep = advanced(begun(Sweep(NOON, NOON), NOON), NOON + MINUTE)

    assert advanced(sweep, NOON - MINUTE).since == sweep.since


def test_a_clock_that_was_set_back_takes_nothing_back() -> None:
    assert ended(begun(Sweep(NOON, NOON), NOON - MINUTE), NOON, EVERY).mark == NOON


@pytest.mark.parametrize(
    ("failures", "wait_s", "minutes"),
    [(0, None, 5), (1, None, 10), (3, None, 40), (4, None, 60), (400, None, 60), (0, 900, 15)],
)
def test_who_fails_is_asked_later_and_later(
    failures: int, wait_s: float | None, minutes: int
) -> None:
    sweep = failed(Sweep(NOON, NOON, failures=failures), NOON, EVERY, wait_s)

    assert (sweep.next_at, sweep.failures) == (NOON + minutes * MINUTE, failures + 1)


def test_a_good_page_forgives() -> None:
    assert advanced(Sweep(NOON, NOON, NOON, None, 3), NOON).failures == 0
