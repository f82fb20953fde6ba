"""A process that was frozen for so long that it was replaced writes nothing when it wakes up."""

from functools import partial

import asyncpg

from demo.house import Pod
from support.database import as_database, connect
from support.eventually import eventually
from support.load import Load, misannounced, segmented
from support.town import Town

SEED = 4
BLOCKED = """
    select count(*) from pg_stat_activity
    where pg_backend_pid() = any(pg_blocking_pids(pid))"""


async def _blocks(blocker: asyncpg.Connection, pods: int) -> bool:
    return bool(await blocker.fetchval(BLOCKED) >= pods)


async def _all_in(town: Town, load: Load) -> bool:
    return await segmented(town) == load.recomputed()


async def _rejected(zombie: Pod) -> bool:
    return bool(await zombie.metric("huiliu_fence_rejects_total") >= 1)


async def test_a_pod_frozen_inside_its_transaction_and_replaced_writes_nothing(town: Town) -> None:
    load = Load(town, SEED)
    # The first pod relays the outbox for both.
    await town.start("segmenter", "ingest")
    heir = town.pods["segmenter"]
    zombie = await town.house.start("segmenter")
    await zombie.ready()
    await town.open_shop()
    await load.push(4)
    await town.clock.rest()

    blocker = await connect(as_database(town.house.admin_url, town.house.database))
    async with blocker.transaction():
        # Nobody can settle a customer: both stand inside their transactions.
        await blocker.execute("select from segmenter.customer_state for update")
        await load.push(4)
        await eventually(partial(_blocks, blocker, 2), within_s=5, every_s=0.01)
        zombie.freeze()
    await blocker.close()
    # Postgres ends the zombie's transaction once it was idle for 15 s; then the heir goes on.
    await eventually(partial(_all_in, town, load), within_s=45)

    zombie.thaw()
    await load.push(4)
    await eventually(partial(_rejected, zombie), within_s=20)
    await town.clock.rest()

    assert await segmented(town) == load.recomputed()
    assert await misannounced(town) == []
    assert heir.alive
    assert zombie.alive
