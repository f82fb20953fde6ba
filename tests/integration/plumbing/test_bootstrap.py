from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing import clock
from plumbing.bootstrap import bootstrap
from plumbing.resources import WrongRole, check_role, open_engine, worker_tx
from support import shelf
from support.database import connect
from support.shelf import ShelfDb

SHOP = text(
    "select set_config('role', 'test_shelf_api', true), set_config('huiliu.shop', :s, true)"
)


async def test_it_can_be_repeated_and_creates_the_database_itself(shelf_db: ShelfDb) -> None:
    await bootstrap(shelf_db.admin_url, shelf.PASSWORDS, [shelf.SERVICE])
    await bootstrap(shelf_db.admin_url, shelf.PASSWORDS, [shelf.SERVICE])


async def test_the_service_login_is_fit_and_others_are_refused(
    shelf_db: ShelfDb, engine: AsyncEngine
) -> None:
    async with engine.connect() as conn:
        await check_role(conn, shelf.SERVICE)
        with pytest.raises(WrongRole, match="does not exist"):
            await check_role(conn, "no-service")
    async with open_engine(shelf_db.admin_url, app="test") as mighty, mighty.connect() as conn:
        with pytest.raises(WrongRole, match="superuser"):
            await check_role(conn, shelf.SERVICE)
    async with open_engine(shelf_db.owner_url, app="test") as owner, owner.connect() as conn:
        with pytest.raises(WrongRole, match="no member"):
            await check_role(conn, shelf.SERVICE)


async def test_a_login_that_came_to_own_a_table_is_refused(
    shelf_db: ShelfDb, engine: AsyncEngine
) -> None:
    admin = await connect(shelf_db.admin_url)
    await admin.execute("alter table test_shelf.effect owner to test_shelf")
    await admin.close()

    async with engine.connect() as conn:
        with pytest.raises(WrongRole, match="owns"):
            await check_role(conn, shelf.SERVICE)


async def test_a_login_that_took_no_role_can_do_nothing(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        with pytest.raises(DBAPIError, match=r"permission denied|does not exist"):
            await conn.execute(text("select * from test_shelf.outbox"))


async def test_the_api_sees_one_shop_and_without_one_nothing(engine: AsyncEngine) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await conn.execute(
            text("insert into effect (shop_id, item, times) values ('a', 'i', 1), ('b', 'i', 2)")
        )
        assert await conn.scalar(text("select count(*) from effect")) == 2

    seen = text("select array_agg(shop_id) from effect")
    for shop, expected in (("a", ["a"]), ("", None), ("c", None)):
        async with engine.begin() as conn:
            await conn.execute(SHOP, {"s": shop})
            assert await conn.scalar(seen) == expected
    async with engine.begin() as conn:  # a reused connection remembers no shop
        await conn.execute(text("select set_config('role', 'test_shelf_api', true)"))
        assert await conn.scalar(seen) is None


async def test_the_api_cannot_write_or_take_another_shops_rows(engine: AsyncEngine) -> None:
    insert = text("insert into effect (shop_id, item, times) values ('b', 'i', 1)")
    for statement in (insert, text("alter table effect no force row level security")):
        async with engine.connect() as conn:
            await conn.execute(SHOP, {"s": "a"})
            with pytest.raises(DBAPIError, match=r"row-level security|must be owner"):
                await conn.execute(statement)


async def test_no_table_with_a_shop_is_open_not_even_to_its_owner(shelf_db: ShelfDb) -> None:
    owner = await connect(shelf_db.owner_url)
    await owner.execute(
        "insert into test_shelf.outbox (topic, part, event_id, headers) values ('t', 0, 'e', '')"
    )
    with pytest.raises(Exception, match="row-level security"):
        await owner.execute("insert into effect (shop_id, item, times) values ('a', 'i', 1)")
    assert await owner.fetchval("select count(*) from effect") == 0
    await owner.close()


async def test_business_time_is_shifted_by_the_keeper_alone(
    shelf_db: ShelfDb, engine: AsyncEngine
) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        with pytest.raises(DBAPIError, match="permission denied"):
            await conn.execute(text("update clock.shift set by_interval = '1 day'"))
    keeper = await connect(shelf_db.clock_url)
    await keeper.execute("update clock.shift set by_interval = '30 days'")
    await keeper.close()

    async with worker_tx(engine, shelf.ROLE) as conn:
        began = await clock.business_now(conn)
        assert await clock.business_now(conn) == began
        assert await clock.business_clock(conn) > began
        assert await clock.shift(conn) == timedelta(days=30)
        ahead = await clock.business_clock(conn) - await clock.real_now(conn)
    assert timedelta(days=29, hours=23) < ahead <= timedelta(days=30)
