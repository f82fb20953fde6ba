"""Processes frozen inside their transactions and replaced write nothing when they wake up."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from demo.house import Pod
from localstack import Stack
from support.database import as_database, connect
from support.eventually import eventually
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.stream import rest
from support.town import SWIFT, Town, open_town
from support.trial import Trial

# Who waits behind this session's locks: a pod inside its transaction.
BLOCKED = """
    select count(*) from pg_stat_activity
    where $1 = any(pg_blocking_pids(pid))"""
PODS = 2


async def _blocks(watch: asyncpg.Connection, blocker: int, pods: int) -> bool:
    return bool(await watch.fetchval(BLOCKED, blocker) >= pods)


async def _owners(town: Town) -> set[str]:
    rows = await town.rows(
        "select distinct owner from segmenter.consumer_partition"
        " where topic = 'orders.v1' and grp = 'segmenter'"
    )
    return {row["owner"] for row in rows}


async def _both_own(town: Town) -> bool:
    return len(await _owners(town)) == PODS


async def _owned_by(town: Town, name: str) -> bool:
    return await _owners(town) == {name}


async def _all_in(town: Town, load: Load) -> bool:
    return await segmented(town) == load.recomputed()


async def _rejects(pods: Mapping[str, Pod]) -> float:
    return sum([await pod.metric("huiliu_fence_rejects_total") for pod in pods.values()])


async def _freeze(town: Town, load: Load, pods: Mapping[str, Pod], zombie: str) -> None:
    """Freeze *zombie* inside its transaction, until the other one has done what it left."""
    [heir] = pods.keys() - {zombie}
    blocker = await connect(as_database(town.house.admin_url, town.house.database))
    try:
        async with blocker.transaction():
            # Nobody can settle a customer: both stand inside their transactions.
            await blocker.execute("select from segmenter.customer_state for update")
            await load.push(4)
            pid = blocker.get_server_pid()
            stands = partial(_blocks, town.watch.db, pid, PODS)
            await eventually(stands, within_s=10, every_s=0.01)
            pods[zombie].freeze()
    finally:
        await blocker.close()
    # The group gives the zombie's partitions away, Postgres ends its transaction.
    await eventually(partial(_owned_by, town, heir), within_s=30)
    await eventually(partial(_all_in, town, load), within_s=30)
    pods[zombie].thaw()
    await load.push(2)
    # Its transaction was ended. It asks for its claims, or has heard first that they are gone.
    await eventually(partial(_both_own, town), within_s=30)


@pytest.mark.row(4)
async def test_pods_frozen_inside_their_transactions_and_replaced_write_nothing(
    trial: Trial, kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    times, random = trial.size(5, 30), trial.random()
    async with open_town(kafka, postgres, tmp_path, SWIFT) as town:
        load = Load(town, trial.seed)
        await town.start("ingest")
        names = ("first", "second")
        pods = {name: await town.house.start("segmenter", extra=_named(name)) for name in names}
        town.pods["segmenter"] = pods["first"]
        for pod in pods.values():
            await pod.ready()
        await town.open_shop()
        await load.push(4)
        await rest(town)

        await eventually(partial(_both_own, town), within_s=30)
        frozen, rejects = 0, 0.0
        while frozen < times or (rejects < times and frozen < 3 * times):
            await _freeze(town, load, pods, random.choice(names))
            frozen, rejects = frozen + 1, await _rejects(pods)
            trial.tell(f"{frozen} of {times} zombies woke up, {rejects:.0f} claims were refused")
        await load.push(4)
        await rest(town)

        assert all(pod.alive for pod in pods.values())
        found = await segmented(town)
        trial.fired("frozen inside a transaction, replaced, thawed", frozen, at_least=times)
        trial.fired("fence_rejects", await _rejects(pods), at_least=times)
        trial.figure("facts", load.facts)
        trial.none("customers lost or counted twice", differing(load.recomputed(), found))
        trial.none("changes lost or told in two ways", await misannounced(town))
        await _control(trial, town, load)


def _named(name: str) -> dict[str, str]:
    return {"HUILIU_POD": name}


async def _control(trial: Trial, town: Town, load: Load) -> None:
    """Plant what a zombie would have written: the checkers name it."""
    await count_again(town)
    found = differing(load.recomputed(), await segmented(town))
    trial.control("customers lost or counted twice", found)
    await forget_change(town)
    trial.control("changes lost or told in two ways", await misannounced(town))
