"""A COMMIT whose answer is lost is looked up, not guessed."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import pytest

from contracts.topics import ORDERS
from demo.house import Pod, database_url
from plumbing.resources import open_producer
from support.eventually import eventually
from support.load import Load
from support.stream import rest
from support.swallow import Proxy, swallowing
from support.town import SHOP_ID, Town
from support.trial import Trial

# What a batch's transaction begins with, and no other's.
FENCE: Final = b"select next_offset from consumer_partition"
UNKNOWN: Final = "huiliu_commit_unknown_total"
TELLS_EVERY: Final = 50


async def _counted(town: Town) -> dict[str, int]:
    summary = await town.api.get("reporting", f"/v1/shops/{SHOP_ID}/reports/summary")
    names = ("events", "known", "counted", "net_minor")
    return {name: summary["orders"][name] for name in names}


async def _all_counted(town: Town, load: Load) -> bool:
    return await _counted(town) == load.counted()


async def _unknown_above(pod: Pod, number: float) -> bool:
    return await pod.metric(UNKNOWN) > number


async def _lose_answers(trial: Trial, pod: Pod, load: Load, proxy: Proxy, needed: int) -> float:
    """Push while each batch's COMMIT goes without its answer; return how many were unknown."""
    told, unknown = 0, await pod.metric(UNKNOWN)
    proxy.arm()
    while unknown < needed:
        await load.push()
        await eventually(partial(_unknown_above, pod, unknown), within_s=30)
        unknown = await pod.metric(UNKNOWN)
        if unknown >= told + TELLS_EVERY:
            told = int(unknown)
            trial.tell(f"{told} of {needed} COMMITs unknown")
    proxy.stays = proxy.armed = False
    return unknown


def miscounted(expected: Mapping[str, int], found: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return which counters differ: name, expected, found."""
    return [
        (name, expected[name], found[name]) for name in expected if found[name] != expected[name]
    ]


@pytest.mark.row(10)
async def test_batches_whose_commit_was_not_answered_count_exactly_once(
    trial: Trial, town: Town
) -> None:
    needed = trial.size(50, 1_000)
    load = Load(town, trial.seed)
    url = database_url(town.house.admin_url, town.house.database, "reporting")
    async with swallowing(url, cuts=True, about=FENCE, stays=True) as proxy:
        behind = {"HUILIU_DATABASE_URL": proxy.through(url)}
        pod = await town.house.start("reporting", town.ports["reporting"], behind)
        town.pods["reporting"] = pod
        await town.start("ingest")
        await pod.ready()
        await town.open_shop()
        await rest(town)

        unknown = await _lose_answers(trial, pod, load, proxy, needed)
        await load.push()
        await eventually(partial(_all_counted, town, load), within_s=60)
        await rest(town)

        assert pod.alive
        trial.fired("answers swallowed", proxy.swallowed, at_least=needed)
        trial.fired("commit_unknown", unknown, at_least=needed)
        trial.figure("facts", load.facts)
        trial.none("counters not exact", miscounted(load.counted(), await _counted(town)))
        trial.none("dead letters", await _letters(town))
        await _control(trial, town, load)
        assert await pod.stop() == 0


async def _letters(town: Town) -> list[dict[str, Any]]:
    return await town.rows("select topic, part, off, reason from reporting.dead_letter")


async def _control(trial: Trial, town: Town, load: Load) -> None:
    """Count one order's money twice, as a batch applied again would, and say what is no event."""
    await town.watch.db.execute("""
        update reporting.order_fact set net_minor = 2 * net_minor
        where order_id = (select min(order_id) from reporting.order_fact
                          where counted_in is not null)""")
    planted = miscounted(load.counted(), await _counted(town))
    trial.control("counters not exact", planted)
    async with open_producer(town.stack.kafka_servers) as producer:
        await producer.send_and_wait(ORDERS, b"no event", b"key", partition=0)
    letters = await eventually(partial(_letters, town), within_s=30)
    trial.control("dead letters", letters)
