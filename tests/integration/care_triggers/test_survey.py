"""The gauges of timers show what the table holds."""

from datetime import timedelta
from typing import Any

from care_triggers.edges.survey import Survey
from contracts import topics
from support.eventually import eventually
from support.metrics import shown


async def _shown(look: Survey) -> tuple[float, float]:
    await look()
    return shown("huiliu_care_timer_rows"), shown("huiliu_care_timer_due_rows")


async def test_a_timer_is_late_for_as_long_as_it_is_found_due(care: Any) -> None:
    look = Survey(engine=care.engine)
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    assert await _shown(look) == (1, 0)

    await care.advance(timedelta(hours=2))
    assert await _shown(look) == (1, 1)
    # Due for more than an hour, as if its order had been told of too late; seen only once.
    assert shown("huiliu_care_timer_oldest_due_seconds") == 0

    async def late() -> bool:
        await look()
        return shown("huiliu_care_timer_oldest_due_seconds") > 0.2

    await eventually(late)

    await care.fire()
    assert await _shown(look) == (0, 0)
    assert shown("huiliu_care_timer_oldest_due_seconds") == 0
