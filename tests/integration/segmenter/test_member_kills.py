"""Passes over members whose process is killed in the middle: everybody is done once."""

import asyncio
import os
import sys
from datetime import UTC, datetime

import pytest

from contracts.events import LevelChanged, OrderFacts, PointsChanged, RefundFacts
from integration.segmenter.conftest import NOON, SERVICE, Segmenter, paid
from integration.segmenter.detailed import Details

PEOPLE = [f"c{n:02}" for n in range(11)]
# Does what is due, in pages of three, and ends.
TEND = """
import asyncio, sys
from plumbing.resources import open_engine
from segmenter.edges.members.timers import tend

async def main():
    async with open_engine(sys.argv[1], app="test") as engine:
        while await tend(engine, partitions=4, limit=3):
            pass

asyncio.run(main())
"""


async def tended(segmenter: Segmenter, crash: str = "") -> int:
    """Tend in a process of its own; return how it ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TEND, segmenter.db.url(SERVICE)),
        env={**os.environ, "HUILIU_CRASH": crash},
    )
    return await process.wait()


@pytest.mark.timeout(120)
async def test_killed_passes_warn_lower_and_expire_everybody_once(segmenter: Segmenter) -> None:
    details = Details(segmenter=segmenter)
    await details.tend()
    for who in PEOPLE:
        refund = RefundFacts("r1", 2, amount_minor=500_00, agreed_at=NOON)
        await details.orders(paid(f"o-{who}", who, total_minor=600_00, confirmed_at=NOON))
        await details.orders(OrderFacts("tea", who, f"o-{who}", 2, refunds=(refund,)))
    warned, reviewed = datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, 1, tzinfo=UTC)
    ended = datetime(2027, 3, 31, 17, tzinfo=UTC)

    await segmenter.set_time(warned)
    assert await tended(segmenter, "timer-before-commit:2") == -9
    assert await tended(segmenter) == 0
    await segmenter.set_time(reviewed)
    assert await tended(segmenter, "timer-after-take:3") == -9
    assert await tended(segmenter, "timer-before-commit:1") == -9
    assert await tended(segmenter) == 0
    downs = [one for one in await segmenter.announced(LevelChanged) if one.kind == "level_down"]
    soons = [
        one
        for one in await segmenter.announced(LevelChanged)
        if one.kind == "level_down_soon" and one.review_day == reviewed.date()
    ]
    await segmenter.set_time(ended)
    assert await tended(segmenter, "after-merge:2") == -9
    assert await tended(segmenter) == 0

    assert sorted(one.customer_id for one in downs) == PEOPLE
    assert sorted(one.customer_id for one in soons) == PEOPLE
    told = [one for one in await segmenter.announced(PointsChanged) if one.cause == "expired"]
    assert sorted(one.customer_id for one in told) == PEOPLE
    assert {one.points for one in told} == {-100}
    rows = await segmenter.rows("select distinct balance from points_account")
    assert rows == [{"balance": 0}]
