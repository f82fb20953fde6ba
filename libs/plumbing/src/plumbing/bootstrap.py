"""Make the database ready for migrations: schemas, roles, the shared clock. Safe to repeat.

    HUILIU_ADMIN_URL=postgresql+asyncpg://... python -m plumbing.bootstrap [passwords.json]

The file maps role names (`<service>_owner`, `<service>`, `clock_keeper`) to passwords. A role
without one gets none, which is enough where the server trusts local connections.

Per service: `<s>_owner` logs in to migrate and owns the schema; `<s>` logs in to serve, owns
nothing, and can do nothing until it takes one of the roles `<s>_api` and `<s>_worker`.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import asyncpg
from sqlalchemy import URL, NullPool, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from plumbing.resources import api_role, owner_role, schema_of, worker_role

SERVICES: Final = ("ingest", "segmenter", "care-triggers", "notifier", "reporting")
KEEPER: Final = "clock_keeper"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,50}")
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


async def bootstrap(
    admin_url: str,
    passwords: Mapping[str, str] = _NOBODY,
    services: Sequence[str] = SERVICES,
) -> None:
    """Create what is missing, the database itself too, and set every right anew.

    Args:
        admin_url: A superuser's URL (or one who may create roles and databases); its database is
            the one that is made ready.
        passwords: By role name.
        services: Distribution names; a dash becomes an underscore in roles and schemas.
    """
    url = make_url(admin_url)
    await _create_database(url)
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as conn:
            # Roles belong to the cluster: two bootstraps at once would trip over each other.
            await conn.exec_driver_sql("select pg_advisory_lock(4820110)")
            for statement in _statements(passwords, services):
                await conn.exec_driver_sql(statement)
    finally:
        await engine.dispose()


async def _create_database(url: URL) -> None:
    if await _exists(url):
        return
    engine = create_async_engine(
        url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    try:
        async with engine.connect() as conn:
            await conn.exec_driver_sql(f"create database {_name(url.database or '')}")
    finally:
        await engine.dispose()


async def _exists(url: URL) -> bool:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as conn:
            await _ping(conn)
    except (DBAPIError, asyncpg.InvalidCatalogNameError) as error:
        code = getattr(getattr(error, "orig", error), "sqlstate", None)
        if code == asyncpg.InvalidCatalogNameError.sqlstate:
            return False
        raise
    finally:
        await engine.dispose()
    return True


async def _ping(conn: AsyncConnection) -> None:
    await conn.exec_driver_sql("select 1")


def _statements(passwords: Mapping[str, str], services: Sequence[str]) -> Iterator[str]:
    yield "revoke create on schema public from public"
    yield from _role(KEEPER, passwords)
    yield from _CLOCK
    for service in services:
        yield from _roles(service, passwords)
        yield from _schema(service)


def _roles(service: str, passwords: Mapping[str, str]) -> Iterator[str]:
    login, path = schema_of(service), f"{schema_of(service)}, clock"
    yield from _role(owner_role(service), passwords)
    yield from _role(login, passwords)
    yield from _role(api_role(service), None)
    yield from _role(worker_role(service), None)
    yield f"grant {api_role(service)}, {worker_role(service)} to {login}"
    yield f"alter role {owner_role(service)} set search_path = {path}"
    yield f"alter role {login} set search_path = {path}"
    # No forgotten transaction may hold a lock for long, whoever opened it.
    yield f"alter role {login} set lock_timeout = '5s'"
    yield f"alter role {login} set statement_timeout = '30s'"
    yield f"alter role {login} set idle_in_transaction_session_timeout = '15s'"
    yield (
        "do $$ begin if current_setting('server_version_num')::int >= 170000 then "
        f"alter role {login} set transaction_timeout = '60s'; end if; end $$"
    )


def _role(role: str, passwords: Mapping[str, str] | None) -> Iterator[str]:
    """Make *role*; one without *passwords* cannot log in.

    NOINHERIT: a login must take a role to have its rights, so a forgotten `set role` fails loudly
    and no policy meant for the worker applies by the way.
    """
    name = _name(role)
    yield (
        f"do $$ begin create role {name} noinherit; "
        "exception when duplicate_object or unique_violation then null; end $$"
    )
    login = "nologin" if passwords is None else "login"
    rights = f"{login} noinherit nosuperuser nobypassrls nocreatedb nocreaterole"
    yield f"alter role {name} {rights}"
    password = (passwords or {}).get(role)
    if password is not None:
        quoted = password.replace("'", "''")
        yield f"alter role {name} password '{quoted}'"


def _schema(service: str) -> Iterator[str]:
    schema, owner = schema_of(service), owner_role(service)
    users = f"{api_role(service)}, {worker_role(service)}"
    defaults = f"alter default privileges for role {owner} in schema {schema}"
    yield f"create schema if not exists {schema} authorization {owner}"
    yield f"revoke all on schema {schema} from public"
    yield f"grant usage on schema {schema} to {users}"
    yield f"{defaults} grant select, insert, update, delete on tables to {users}"
    yield f"{defaults} grant usage, select on sequences to {users}"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain name: {name!r}")
    return name


# One row says how far business time runs ahead of real time; in production it is nought.
_CLOCK: Final = (
    "create schema if not exists clock",
    "grant usage on schema clock to public",
    """
    create table if not exists clock.shift (
      only_row boolean primary key default true check (only_row),
      by_interval interval not null default interval '0'
    )
    """,
    "insert into clock.shift default values on conflict do nothing",
    "grant select on clock.shift to public",
    f"grant update on clock.shift to {KEEPER}",
    """
    create or replace function clock.business_now() returns timestamptz
    language sql stable parallel safe as
    'select now() + (select by_interval from clock.shift)'
    """,
    """
    create or replace function clock.business_clock() returns timestamptz
    language sql volatile as
    'select clock_timestamp() + (select by_interval from clock.shift)'
    """,
)


def main() -> None:
    file = sys.argv[1] if len(sys.argv) > 1 else None
    passwords = json.loads(Path(file).read_text("utf-8")) if file else {}
    asyncio.run(bootstrap(os.environ["HUILIU_ADMIN_URL"], passwords))


if __name__ == "__main__":
    main()
