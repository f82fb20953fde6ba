"""A database for each test: a copy of one that was migrated once."""

import asyncio
import itertools
import os
from dataclasses import dataclass

import asyncpg
from sqlalchemy.engine import make_url

from demo.house import SERVICES, database_url, prepare_database, secret

TEMPLATE = f"template_{os.getpid()}"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Db:
    """One database with all five schemas, and the URLs of who may use it."""

    name: str
    server_url: str  # the superuser's, some other database

    @property
    def admin_url(self) -> str:
        return as_database(self.server_url, self.name)

    @property
    def clock_url(self) -> str:
        """The URL of the one who may shift business time."""
        url = make_url(self.admin_url)
        url = url.set(username="clock_keeper", password=secret("clock_keeper"))
        return url.render_as_string(hide_password=False)

    def url(self, service: str) -> str:
        return database_url(self.server_url, self.name, service)

    def owner_url(self, service: str) -> str:
        return database_url(self.server_url, self.name, service, owner=True)


def as_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def make_template(server_url: str) -> None:
    await prepare_database(server_url, TEMPLATE)


async def copy_template(server_url: str) -> Db:
    db = Db(f"test_{os.getpid()}_{next(_numbers)}", server_url)
    await _run(server_url, f'create database "{db.name}" template "{TEMPLATE}" strategy file_copy')
    return db


async def drop(db: Db) -> None:
    await _run(db.server_url, f'drop database if exists "{db.name}" with (force)')


async def connect(url: str) -> asyncpg.Connection:
    """Open a plain asyncpg connection to a URL spelled for SQLAlchemy."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(plain)


async def _run(url: str, statement: str) -> None:
    conn = await connect(url)
    try:
        await conn.execute(statement)
    finally:
        await asyncio.wait_for(conn.close(), 5)


__all__ = ["SERVICES", "Db", "as_database", "connect", "copy_template", "drop", "make_template"]
