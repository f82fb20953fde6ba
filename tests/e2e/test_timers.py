"""Two pods fire timers; one dies with a batch in its hands, and their database goes for a while."""

from datetime import timedelta

from localstack import Stack
from support.dues import Dues, Hand, early, fired, known, lost, none_waits, twice
from support.keeper import kept
from support.stream import rest
from support.supervisor import Crash
from support.town import Town, restart_postgres

NUMBER = 300
SOON = timedelta(minutes=5)
SPAN = timedelta(minutes=20)
STEPS = 40


async def test_a_death_and_a_restart_of_postgres_cost_no_timer_and_fire_none_twice(
    town: Town, postgres_stack: Stack
) -> None:
    hand, dues = Hand(town), Dues(town)
    await town.start("ingest")
    await town.open_shop()
    plans = {"first": [Crash("timer-before-commit", 2)], "second": []}
    async with kept(town, plans) as keepers:
        now = await hand.read()
        await dues.place(NUMBER, now + SOON, now + SOON + SPAN)
        await known(town, NUMBER)
        for step in range(1, STEPS + 1):
            await hand.to(now + SOON + SPAN * step / STEPS)
            await keepers.up_to(1, within_s=0.5)
            if step == STEPS // 2:
                await restart_postgres(town, postgres_stack)
        await keepers.ready()
        await none_waits(town, NUMBER)
        await rest(town)
    found = await fired(town)

    assert [one.code for one in keepers.deaths] == [-9]
    assert lost(dues.at, found) == []
    assert twice(found) == []
    assert early(dues.at, found, hand) == []
    assert len(found) == NUMBER
