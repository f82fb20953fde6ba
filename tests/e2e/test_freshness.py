"""Payments race with their reminders while news of payments lags and its reader dies."""

from datetime import timedelta
from random import Random

from support.races import (
    Course,
    after_payment,
    forgotten,
    freeze,
    kill,
    reminded,
    states,
    with_faults,
)
from support.town import Town

SEED = 19


async def test_a_reader_that_lags_and_dies_lets_no_reminder_out_after_its_payment(
    town: Town,
) -> None:
    print(f"seed {SEED}")  # noqa: T201 - so that a red run can be played again
    await town.start("ingest", "care-triggers", "notifier")
    await town.open_shop()
    course = await Course.lay(town, Random(SEED), 60, timedelta(seconds=0.1), 1.0)  # noqa: S311
    notifier = town.pods["notifier"]

    async def lag_and_die() -> None:
        await freeze(town, "care-triggers", 2.5)
        await kill(town, "care-triggers")

    await with_faults(course, {0.3: lag_and_die})
    await town.clock.rest()

    sent = reminded(course.races, town.sms.ledger.accepted)
    assert after_payment(course.races, sent) == []
    assert forgotten(course.races, sent, await states(town)) == []
    assert town.sms.ledger.twice() == {}
    assert await notifier.metric("huiliu_held_total", reason="freshness") >= 1
