from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, PrimaryKeyConstraint, Table, Text, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.upsert import upsert

thing = Table(
    "thing",
    MetaData(),
    Column("name", Text),
    Column("revision", BigInteger),
    Column("colour", Text),
    Column("born", Text),
    PrimaryKeyConstraint("name", name="pk_thing"),
)
CREATE = text(
    "create temporary table thing (name text constraint pk_thing primary key,"
    " revision bigint, colour text, born text) on commit drop"
)


def row(name: str, revision: int, colour: str, born: str = "") -> dict[str, Any]:
    return {"name": name, "revision": revision, "colour": colour, "born": born}


async def all_of(conn: AsyncConnection) -> list[tuple[Any, ...]]:
    return [tuple(one) for one in await conn.execute(select(thing).order_by(thing.c.name))]


async def test_the_last_word_replaces_or_the_newest_if_so_asked(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(CREATE)
        await upsert(conn, thing, [])
        await upsert(conn, thing, [row("b", 3, "blue"), row("a", 1, "red")])
        await upsert(conn, thing, [row("a", 0, "grey")])
        await upsert(conn, thing, [row("b", 2, "old"), row("a", 5, "new")], newer="revision")

        assert await all_of(conn) == [("a", 5, "new", ""), ("b", 3, "blue", "")]


async def test_of_two_rows_with_one_key_the_newer_goes_in(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(CREATE)
        twice = [row("a", 2, "new"), row("a", 1, "old")]
        await upsert(conn, thing, twice, newer="revision")

        assert await all_of(conn) == [("a", 2, "new", "")]


async def test_what_is_to_be_kept_is_set_only_once(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(CREATE)
        for day in ("monday", "tuesday"):
            await upsert(conn, thing, [row("a", 1, day, born=day)], keep=["born"])

        assert await all_of(conn) == [("a", 1, "tuesday", "monday")]
