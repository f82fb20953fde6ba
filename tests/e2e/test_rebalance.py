"""Pods come and go while orders flow: it costs time, and nothing else."""

import asyncio
from functools import partial

from support.eventually import eventually
from support.load import Load, misannounced, segmented
from support.town import PARTITIONS, Town

SEED = 5
FACTS = 3_000


async def _owners(town: Town) -> set[str]:
    """Return the pods that hold partitions of orders; empty while some partition has no pod."""
    rows = await town.rows(
        "select owner from segmenter.consumer_partition"
        " where topic = 'orders.v1' and grp = 'segmenter'"
    )
    return {row["owner"] for row in rows} if len(rows) == PARTITIONS else set()


async def _shared_by(town: Town, *names: str) -> bool:
    return await _owners(town) == set(names)


async def _pushed(load: Load) -> bool:
    return load.facts > FACTS


async def _more_than(town: Town, orders: int) -> bool:
    [row] = await town.rows("select count(*) as n from segmenter.customer_order")
    return bool(row["n"] > orders)


async def test_pods_join_and_leave_under_load_and_nothing_is_lost_or_doubled(town: Town) -> None:
    load, stop = Load(town, SEED), asyncio.Event()
    first = await town.house.start("segmenter", extra={"HUILIU_POD": "first"})
    town.pods["segmenter"] = first
    await town.start("ingest")
    await first.ready()
    await town.open_shop()

    async with asyncio.TaskGroup() as flowing:
        flow = flowing.create_task(load.flow(stop))
        await eventually(partial(_more_than, town, 0), within_s=20)
        second, third = [
            await town.house.start("segmenter", extra={"HUILIU_POD": name})
            for name in ("second", "third")
        ]
        await eventually(partial(_shared_by, town, "first", "second", "third"), within_s=40)
        while_three = load.pushed
        await eventually(partial(_more_than, town, while_three), within_s=40)
        assert await first.stop() == 0
        await eventually(partial(_shared_by, town, "second", "third"), within_s=40)
        while_two = load.pushed
        await eventually(partial(_more_than, town, while_two), within_s=40)
        await eventually(partial(_pushed, load), within_s=120)  # a slow machine pushes slowly
        assert not flow.done(), "the load ended before the pods had changed"
        stop.set()
    await town.clock.rest()

    assert await segmented(town) == load.recomputed()
    assert await misannounced(town) == []
    assert await town.rows("select * from segmenter.dead_letter") == []
    assert second.alive
    assert third.alive
