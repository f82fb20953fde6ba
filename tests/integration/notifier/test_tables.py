"""The database is what the code believes, and one shop sees its own rows only."""

from pathlib import Path

from sqlalchemy import text

from notifier.edges import tables
from plumbing.migrate import check
from support.database import connect
from web.shop_session import shop_tx

from .conftest import House, person, planned

HOME = Path(__file__).parents[3] / "services" / "notifier"


async def test_the_migrated_database_equals_the_tables_in_code(house: House) -> None:
    found = check(HOME, house.db.owner_url("notifier"))

    assert [
        change for change in found if "clock" not in str(change) and "shift" not in str(change)
    ] == []


async def test_every_table_of_a_shop_is_shut_for_other_shops(house: House) -> None:
    conn = await connect(house.db.admin_url)
    try:
        rows = await conn.fetch(
            "select c.relname, c.relrowsecurity and c.relforcerowsecurity as shut"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " join pg_attribute a on a.attrelid = c.oid and a.attname = 'shop_id'"
            " where n.nspname = 'notifier' and c.relkind = 'r'"
        )
    finally:
        await conn.close()

    assert {row["relname"] for row in rows} == {table.name for table in tables.OF_SHOPS}
    assert all(row["shut"] for row in rows)


async def test_another_shop_sees_nothing(house: House) -> None:
    await house.feed(person())
    await house.feed(planned())

    seen = {}
    for shop_id in ("tea", "coffee"):
        async with shop_tx(house.engine, "notifier", shop_id) as conn:
            seen[shop_id] = [
                await conn.scalar(text(f"select count(*) from {table}"))  # noqa: S608 - our names
                for table in ("shop", "contact", "rule", "message")
            ]

    assert seen == {"tea": [1, 1, 1, 1], "coffee": [0, 0, 0, 0]}


async def test_nothing_personal_rests_in_the_open(house: House) -> None:
    await house.feed(person(name="Planted Name", email="planted@mail.example"))
    await house.feed(planned())

    conn = await connect(house.db.admin_url)
    try:
        names = [
            row["name"]
            for row in await conn.fetch(
                "select tablename as name from pg_tables where schemaname = 'notifier'"
            )
        ]
        dump = ""
        for name in names:
            query = f"select t::text from notifier.{name} t"  # noqa: S608 - from the catalog
            dump += str(await conn.fetch(query))
    finally:
        await conn.close()

    assert "SFp1" in dump
    for secret in ("13800138000", "planted", "Planted"):
        assert secret not in dump
        assert secret.encode().hex() not in dump
