"""Details rest while RFM is behind, and go on."""

from segmenter.edges.details.pace import BUSY_S, GAP_S, MUCH, Pace


def test_details_rest_between_reads_for_a_while_after_a_large_batch() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    pace.look(MUCH - 1)
    assert pace.gap_s() == 0

    pace.look(MUCH)
    assert pace.gap_s() == GAP_S
    now += BUSY_S

    assert pace.gap_s() == 0
