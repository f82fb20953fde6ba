"""A shop's orders pushed in no order and twice, while the segmenter is killed again and again."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from support.eventually import eventually
from support.town import Town


async def replay_roughly(
    town: Town, shop_id: str, events: Sequence[Mapping[str, Any]], *, kills: int, random: Random
) -> None:
    """Push each of *events* twice, shuffled; kill the segmenter *kills* times meanwhile.

    A kill counts only if it interrupts: something was handled of what was pushed, and not all.
    """
    told = [*events, *events]
    random.shuffle(told)
    step = len(told) // (kills + 1)
    for run in range(kills + 1):
        handled = await _handled(town)
        end = (run + 1) * step if run < kills else len(told)
        pushing = asyncio.create_task(town.api.say(shop_id, *told[run * step : end]))
        if run < kills:
            await eventually(partial(_more_than, town, handled), within_s=60, every_s=0.005)
            town.pods["segmenter"].kill()
            assert await town.pods["segmenter"].ended(5) == -9
            await pushing
            assert await _lag(town) > 0, "the kill came too late to interrupt anything"
            await town.start("segmenter")
        await pushing


async def _handled(town: Town) -> int:
    [row] = await town.rows(
        "select sum(next_offset)::bigint as n from segmenter.consumer_partition"
        " where topic = 'orders.v1' and grp = 'segmenter'"
    )
    return int(row["n"] or 0)


async def _more_than(town: Town, handled: int) -> bool:
    return await _handled(town) > handled


async def _lag(town: Town) -> int:
    return await town.watch.behind(await town.watch.ends(), ["segmenter"])
