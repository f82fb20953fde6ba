"""Details rest while RFM is behind or little is to be done, and go on."""

from collections.abc import Sequence
from typing import Any

from plumbing.records import Record
from segmenter.edges.details.pace import BUSY_S, CALM_S, FEW, GAP_S, MUCH, Pace


async def nothing(_: Any, __: Sequence[Record]) -> None:
    pass


def test_details_rest_between_reads_for_a_while_after_a_large_batch() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    with pace.at_work(MUCH - 1):
        assert pace.gap_s() == CALM_S
    with pace.at_work(MUCH):
        now += 10 * BUSY_S  # large batches take their time
        assert pace.gap_s() == GAP_S
    assert pace.gap_s() == GAP_S
    now += BUSY_S

    assert pace.gap_s() == CALM_S


async def test_details_that_are_behind_alone_do_not_rest() -> None:
    pace = Pace()
    handle: Any = pace.counted(nothing)
    record = Record("orders.v1", 0, 0, None, None, (), 0)

    await handle(None, [record] * FEW)
    assert pace.gap_s() == 0
    await handle(None, [record])

    assert pace.gap_s() == CALM_S
