"""The whole catalogue of a migrated database: what each role may see, own and change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from demo.house import ROOT, SERVICES
from plumbing.migrate import check
from plumbing.resources import api_role, owner_role, schema_of, worker_role
from support.database import Db, connect, copy_template, drop

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHOPS: Final = ("silk", "tea")

_TABLES: Final = """
    select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'shop_id'
    where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped
    order by 1"""
# Whatever fits the column, and differs by shop where it can.
_FILL: Final = """
    select a.attname as name, case t.typcategory
      when 'S' then 'shop' when 'B' then 'false' when 'N' then '1' when 'A' then '''{}'''
      when 'D' then 'now()' when 'T' then '''1 day'''
      else case t.typname when 'jsonb' then '''{}''' when 'bytea' then 'shop::text' else 'null' end
    end || '::' || format_type(t.oid, null) as value
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
      and a.attidentity = '' and a.attgenerated = '' and a.attname <> 'shop_id'"""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(url)
    try:
        yield conn
    finally:
        await conn.close()


def roles(service: str) -> tuple[str, str, str]:
    """Return what a running service can be; the owner only migrates."""
    return schema_of(service), api_role(service), worker_role(service)


async def tables_of(admin: asyncpg.Connection, service: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await admin.fetch(_TABLES, schema_of(service))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fresh(postgres: str) -> AsyncIterator[Db]:
    """One migrated database, which is only looked at."""
    db = await copy_template(postgres)
    yield db
    await drop(db)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(postgres: str) -> AsyncIterator[Db]:
    """One with a row of each shop in each of their tables."""
    db = await copy_template(postgres)
    async with opened(db.admin_url) as admin:
        for service in SERVICES:
            await fill(admin, schema_of(service), await tables_of(admin, service))
    yield db
    await drop(db)


async def fill(admin: asyncpg.Connection, schema: str, tables: Sequence[asyncpg.Record]) -> None:
    await admin.execute("set session_replication_role = replica")  # no foreign keys
    checks = await admin.fetch(
        "select conrelid::regclass::text as name, conname from pg_constraint"
        " where connamespace = $1::regnamespace and contype = 'c'",
        schema,
    )
    for one in checks:
        await admin.execute(f'alter table {one["name"]} drop constraint "{one["conname"]}"')
    for table in (f"{schema}.{one['name']}" for one in tables):
        columns = await admin.fetch(_FILL, table)
        names = ", ".join(["shop_id", *(f'"{one["name"]}"' for one in columns)])
        values = ", ".join(["shop", *(one["value"] for one in columns)])
        await admin.execute(
            f"insert into {table} ({names})"  # noqa: S608 - names that the catalogue gave
            f" select {values} from unnest($1::text[]) shop",
            list(SHOPS),
        )


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_of_shops_is_shut_by_force_with_a_policy_for_each_role(
    fresh: Db, service: str
) -> None:
    async with opened(fresh.admin_url) as admin:
        tables = await tables_of(admin, service)
        policies = await admin.fetch(
            "select tablename, roles::text[], qual, with_check, cmd, permissive from pg_policies"
            " where schemaname = $1",
            schema_of(service),
        )

    assert len(tables) >= 3
    assert [one["name"] for one in tables if not (one["enabled"] and one["forced"])] == []
    mine = "(shop_id = NULLIF(current_setting('huiliu.shop'::text, true), ''::text))"
    expected = [
        (table["name"], [role], seen, seen, "ALL", "PERMISSIVE")
        for table in tables
        for role, seen in ((api_role(service), mine), (worker_role(service), "true"))
    ]
    assert sorted(map(tuple, policies)) == sorted(expected)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_api_role_sees_the_rows_of_its_shop_and_without_one_nothing(
    filled: Db, service: str
) -> None:
    async with opened(filled.admin_url) as admin:
        tables = [one["name"] for one in await tables_of(admin, service)]

    seen: dict[str, dict[str | None, Any]] = {table: {} for table in tables}
    async with opened(filled.url(service)) as conn:
        for shop in (*SHOPS, "nobody", "", None):  # None last: the connection has had shops
            async with conn.transaction():
                await conn.execute(f"set local role {api_role(service)}")
                if shop is not None:
                    await conn.execute("select set_config('huiliu.shop', $1, true)", shop)
                for table in tables:
                    query = f"select array_agg(shop_id) from {table}"  # noqa: S608 - catalogue
                    seen[table][shop] = await conn.fetchval(query)

    per_shop = {"silk": ["silk"], "tea": ["tea"], "nobody": None, "": None, None: None}
    assert seen == dict.fromkeys(tables, per_shop)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_api_role_hands_no_row_to_another_shop(filled: Db, service: str) -> None:
    async with opened(filled.admin_url) as admin:
        tables = [one["name"] for one in await tables_of(admin, service)]

    async with opened(filled.url(service)) as conn:
        for table in tables:
            given = f"update {table} set shop_id = 'silk'"  # noqa: S608 - catalogue
            await refused(conn, api_role(service), given, shop="tea")


async def refused(conn: asyncpg.Connection, role: str, statement: str, shop: str = "") -> None:
    """Assert that *role* has not the right to do this."""
    async with conn.transaction():
        await conn.execute(f"set local role {role}")
        await conn.execute("select set_config('huiliu.shop', $1, true)", shop)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with conn.transaction():
                await conn.execute(statement)


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_who_serves_is_mighty_owns_anything_or_is_anybody_else(
    fresh: Db, service: str
) -> None:
    names = list(roles(service))
    async with opened(fresh.admin_url) as admin:
        mighty = await admin.fetch(
            "select rolname from pg_roles where rolname = any($1)"
            " and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolinherit)",
            [*names, owner_role(service)],
        )
        owned = await admin.fetch(
            "select d.refobjid::regrole, d.classid::regclass, d.objid from pg_shdepend d"
            " where d.refclassid = 'pg_authid'::regclass and d.deptype = 'o'"
            " and d.refobjid::regrole::text = any($1)",
            names,
        )
        member_of = await admin.fetch(
            "select roleid::regrole::text as name from pg_auth_members"
            " where member::regrole::text = any($1)",
            [*names, owner_role(service)],
        )
        elsewhere = await admin.fetch(
            "select role, schema from unnest($1::text[]) role, unnest($2::text[]) schema"
            " where has_schema_privilege(role, schema, 'usage')",
            names,
            [schema_of(other) for other in SERVICES if other != service],
        )

    assert mighty == []
    assert owned == []
    assert {one["name"] for one in member_of} == {api_role(service), worker_role(service)}
    assert elsewhere == []


@pytest.mark.parametrize("service", SERVICES)
async def test_a_view_would_see_as_its_reader_does(fresh: Db, service: str) -> None:
    async with opened(fresh.admin_url) as admin:
        views = await admin.fetch(
            "select relname from pg_class where relnamespace = $1::regnamespace"
            " and (relkind = 'm' or relkind = 'v'"
            "      and not coalesce(reloptions, '{}') @> '{security_invoker=true}')",
            schema_of(service),
        )

    assert views == []


@pytest.mark.parametrize("service", SERVICES)
async def test_the_migrations_make_the_tables_in_code(fresh: Db, service: str) -> None:
    assert check(ROOT / "services" / service, fresh.owner_url(service)) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_who_serves_can_shift_business_time(fresh: Db, service: str) -> None:
    async with opened(fresh.url(service)) as conn:
        for role in roles(service):
            async with conn.transaction():
                await conn.execute(f"set local role {role}")
                assert await conn.fetchval("select count(*) from clock.shift") == 1
            for statement in (
                "update clock.shift set by_interval = '1 day'",
                "delete from clock.shift",
                "insert into clock.shift values (true, '1 day')",
            ):
                await refused(conn, role, statement)
