import asyncio
from pathlib import Path

import pytest

from plumbing import migrate
from support import shelf
from support.database import connect
from support.shelf import ShelfDb


async def test_the_migrated_database_equals_the_tables_in_code(shelf_db: ShelfDb) -> None:
    assert await asyncio.to_thread(migrate.check, shelf.FOLDER, shelf_db.owner_url) == []


async def test_a_difference_is_found(shelf_db: ShelfDb) -> None:
    owner = await connect(shelf_db.owner_url)
    await owner.execute("alter table outbox add column extra text")
    await owner.execute("alter table dead_letter alter column part type bigint")
    await owner.close()

    found = str(await asyncio.to_thread(migrate.check, shelf.FOLDER, shelf_db.owner_url))

    assert "extra" in found
    assert "BIGINT" in found


async def test_it_may_run_twice_and_while_a_loop_runs(shelf_db: ShelfDb) -> None:
    migrate.upgrade(shelf.FOLDER, shelf_db.owner_url)


async def test_without_the_bootstrap_it_says_so(shelf_db: ShelfDb, tmp_path: Path) -> None:
    admin = await connect(shelf_db.admin_url)
    await admin.execute("drop schema test_shelf cascade")
    await admin.close()

    with pytest.raises(migrate.NoSchema):
        await asyncio.to_thread(migrate.upgrade, shelf.FOLDER, shelf_db.owner_url)


def test_the_sql_can_be_read_without_a_database() -> None:
    sql = migrate.sql(shelf.FOLDER)

    assert "set lock_timeout = '5s'" in sql
    assert "set statement_timeout = '60s'" in sql
    assert "create table outbox" in sql
    assert "force row level security" in sql
