"""The registries' reader rests while posts come, longer in a flood, and not at all in a lull."""

import pytest

from ingest.edges.pace import FLOOD_GAP_S, FLOOD_PER_S, GAP_S, Pace


@pytest.mark.parametrize(
    ("per_s", "gap_s"),
    [(0, 0.0), (100, GAP_S), (FLOOD_PER_S, GAP_S), (2 * FLOOD_PER_S, FLOOD_GAP_S)],
)
def test_it_rests_as_long_as_posts_demand(per_s: int, gap_s: float) -> None:
    now = 100.0
    pace = Pace(lambda: now)
    if per_s:
        pace.note(per_s)
    now += 1.0
    if per_s:
        pace.note(0)

    assert pace.gap_s() == gap_s


def test_after_a_flood_it_catches_up() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    pace.note(10 * FLOOD_PER_S)
    now += 1.0
    pace.gap_s()
    now += 1.0

    assert pace.gap_s() == 0.0
