"""A shop sees its own rows only, whatever the connection did before."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from integration.web.conftest import SERVICE
from plumbing.resources import api_role, worker_role, worker_tx
from web.shop_session import shop_tx

pytestmark = pytest.mark.usefixtures("probe")

TEA = ["tea1", "tea2", "tea3"]
SILK = ["silk1", "silk2", "silk3"]


async def names(conn: AsyncConnection) -> list[str]:
    return list((await conn.execute(text("select name from probe order by name"))).scalars())


async def names_of(engine: AsyncEngine, shop_id: str) -> list[str]:
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        return await names(conn)


async def names_without_a_shop(engine: AsyncEngine) -> list[str]:
    async with worker_tx(engine, api_role(SERVICE)) as conn:
        return await names(conn)


async def test_each_shop_sees_its_rows_and_no_other(engine: AsyncEngine) -> None:
    assert await names_of(engine, "tea") == TEA
    assert await names_of(engine, "silk") == SILK
    assert await names_of(engine, "paper") == []


async def test_no_shop_set_means_no_rows_also_on_a_used_connection(engine: AsyncEngine) -> None:
    assert await names_without_a_shop(engine) == []
    for _ in range(4):
        await names_of(engine, "tea")
        assert await names_without_a_shop(engine) == []


async def test_the_worker_sees_all_shops(engine: AsyncEngine) -> None:
    async with worker_tx(engine, worker_role(SERVICE)) as conn:
        assert await names(conn) == SILK + TEA


async def test_the_login_itself_may_do_nothing(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="does not exist"):
        async with engine.begin() as conn:
            await names(conn)


async def test_nothing_of_another_shop_can_be_changed_or_made(engine: AsyncEngine) -> None:
    async with shop_tx(engine, SERVICE, "tea") as conn:
        changed = await conn.execute(text("update probe set name = 'x' where shop_id = 'silk'"))
        deleted = await conn.execute(text("delete from probe where shop_id = 'silk'"))
        assert (changed.rowcount, deleted.rowcount) == (0, 0)

    for statement in (
        "insert into probe values ('silk', 'x')",
        "update probe set shop_id = 'silk'",
        "truncate probe",
        "alter table probe disable row level security",
    ):
        with pytest.raises(DBAPIError):
            async with shop_tx(engine, SERVICE, "tea") as conn:
                await conn.execute(text(statement))

    assert await names_of(engine, "silk") == SILK


@pytest.mark.parametrize("shop_id", ["", "*", "TEA", "a b", "tea'; --", "x" * 65, "tea\n"])
async def test_what_is_no_shop_id_opens_nothing(engine: AsyncEngine, shop_id: str) -> None:
    with pytest.raises(ValueError, match="not a shop id"):
        await names_of(engine, shop_id)


async def test_a_failure_inside_leaves_no_shop_behind(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with shop_tx(engine, SERVICE, "tea") as conn:
            await conn.execute(text("delete from probe"))
            raise ZeroDivisionError

    for _ in range(4):
        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await names_without_a_shop(engine) == []
    assert await names_of(engine, "tea") == TEA


async def test_a_cancelled_request_leaves_no_shop_and_no_transaction_behind(
    engine: AsyncEngine,
) -> None:
    async def endless() -> None:
        async with shop_tx(engine, SERVICE, "tea") as conn:
            await conn.execute(text("delete from probe"))
            begun.set()
            await conn.execute(text("select pg_sleep(60)"))

    for _ in range(4):
        begun = asyncio.Event()
        request = asyncio.create_task(endless())
        await begun.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert await names_without_a_shop(engine) == []
    assert await names_of(engine, "tea") == TEA


async def test_many_requests_over_one_pool_never_see_anothers_rows(engine: AsyncEngine) -> None:
    shops = ["tea", "silk", "paper"] * 100
    expected = {"tea": TEA, "silk": SILK, "paper": []}
    seen = await asyncio.gather(*(names_of(engine, shop) for shop in shops))

    assert seen == [expected[shop] for shop in shops]


async def test_the_role_ends_with_the_transaction(engine: AsyncEngine) -> None:
    async with shop_tx(engine, SERVICE, "tea") as conn:
        assert await conn.scalar(text("select current_user")) == api_role(SERVICE)
    for _ in range(3):
        async with engine.begin() as conn:
            assert await conn.scalar(text("select current_user")) == SERVICE
