"""A Postgres of its own: plumbing is tested without any service's migrations."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from localstack import Stack
from plumbing.resources import open_engine
from support import shelf
from support.database import connect
from support.shelf import ShelfDb

TEMPLATE = f"shelf_template_{os.getpid()}"
_numbers = itertools.count(1)


async def _execute(url: str, statement: str) -> None:
    conn = await connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Stack]:
    root = Path(__file__).parents[3] / ".local" / "tests"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="shelf-", dir=root))
    with asyncio.Runner() as runner:
        stack = Stack(folder, kafka=False)
        try:
            runner.run(stack.start())
            template = shelf.on_server(stack.admin_url, TEMPLATE)
            runner.run(shelf.prepare(template.admin_url, template.owner_url))
            yield stack
        finally:
            runner.run(stack.stop())
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def shelf_db(server: Stack) -> AsyncIterator[ShelfDb]:
    name = f"shelf_{os.getpid()}_{next(_numbers)}"
    await _execute(server.admin_url, f'create database "{name}" template "{TEMPLATE}"')
    yield shelf.on_server(server.admin_url, name)
    await _execute(server.admin_url, f'drop database "{name}" with (force)')


@pytest.fixture
async def engine(shelf_db: ShelfDb) -> AsyncIterator[AsyncEngine]:
    """As the service sees its database."""
    async with open_engine(shelf_db.url, app="test") as engine:
        yield engine
