import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing import offsets
from plumbing.offsets import Claim, Claimed, Fenced
from plumbing.resources import worker_tx
from support import shelf
from support.eventually import eventually

AT = ("grp", "orders.v1", 3)


async def claim(engine: AsyncEngine, owner: str, *, acquitted: bool = False) -> Claimed:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await offsets.create(conn, *AT, owner=owner, first=7)
        found = await offsets.claim(conn, *AT, owner=owner, acquitted=acquitted)
    assert found is not None
    return found


async def strike(engine: AsyncEngine, held: Claim) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await offsets.strike(conn, held)


async def test_a_partition_that_was_never_seen_has_no_row_and_begins_where_it_is_told(
    engine: AsyncEngine,
) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        assert await offsets.claim(conn, *AT, owner="a") is None

    assert (await claim(engine, "a")).next_offset == 7


async def test_the_offset_moves_with_the_transaction_or_not_at_all(engine: AsyncEngine) -> None:
    held = (await claim(engine, "a")).claim
    async with worker_tx(engine, shelf.ROLE) as conn:
        assert await offsets.fence(conn, held) == 7
        await offsets.advance(conn, held, 20)
    async with engine.connect() as conn:  # rolled back
        await conn.execute(text("select set_config('role', :r, true)"), {"r": shelf.ROLE})
        await offsets.advance(conn, held, 99)

    assert (await claim(engine, "a")).next_offset == 20


async def test_a_stale_owner_is_fenced_and_changes_nothing(engine: AsyncEngine) -> None:
    stale = (await claim(engine, "a")).claim
    fresh = (await claim(engine, "b")).claim

    async with worker_tx(engine, shelf.ROLE) as conn:
        with pytest.raises(Fenced):
            await offsets.fence(conn, stale)
        with pytest.raises(Fenced):
            await offsets.strike(conn, stale)
        await offsets.advance(conn, stale, 1000)
        await offsets.stop(conn, stale, "never")
        assert await offsets.fence(conn, fresh) == 7


async def test_a_claim_waits_for_the_zombies_open_transaction_and_takes_over_behind_it(
    engine: AsyncEngine,
) -> None:
    stale = (await claim(engine, "a")).claim
    async with worker_tx(engine, shelf.ROLE) as conn:
        await offsets.fence(conn, stale)
        taking = asyncio.create_task(claim(engine, "b"))
        await eventually(lambda: waits_for_a_lock(conn), within_s=5)
        assert not taking.done()
        await offsets.advance(conn, stale, 50)

    taken = await taking
    assert (taken.next_offset, taken.claim.epoch) == (50, stale.epoch + 1)


async def waits_for_a_lock(conn: AsyncConnection) -> bool:
    return bool(await conn.scalar(text("select count(*) from pg_locks where not granted")))


async def test_each_try_at_one_offset_is_a_strike_until_it_moves_or_is_acquitted(
    engine: AsyncEngine,
) -> None:
    for tries in range(3):
        claimed = await claim(engine, "a")
        assert claimed.tries == tries
        await strike(engine, claimed.claim)
    claimed = await claim(engine, "a")
    assert claimed.tries == 3

    assert (await claim(engine, "a", acquitted=True)).tries == 0

    claimed = await claim(engine, "a")
    await strike(engine, claimed.claim)
    async with worker_tx(engine, shelf.ROLE) as conn:
        await offsets.advance(conn, claimed.claim, 8)
    assert (await claim(engine, "a")).tries == 0


async def test_an_operators_move_fences_the_owner(engine: AsyncEngine) -> None:
    held = (await claim(engine, "a")).claim
    async with worker_tx(engine, shelf.ROLE) as conn:
        assert await offsets.move(conn, *AT, to=100)
        assert not await offsets.move(conn, "grp", "orders.v1", 9, to=100)
        with pytest.raises(Fenced):
            await offsets.fence(conn, held)

    assert (await claim(engine, "a")).next_offset == 100
