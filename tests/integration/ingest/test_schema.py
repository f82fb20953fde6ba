"""The migrated schema is the one in code, and shuts every shop's rows off."""

from pathlib import Path

from plumbing.migrate import check
from support.database import Db, connect

HOME = Path(__file__).parents[3] / "services" / "ingest"


async def test_migrations_and_tables_are_equal(db: Db) -> None:
    found = check(HOME, db.owner_url("ingest"))

    # The clock's table is in the search path and belongs to no service.
    assert [one for one in found if getattr(one[1], "name", "") != "shift"] == []


async def test_every_table_with_a_shop_forces_row_level_security(db: Db) -> None:
    admin = await connect(db.admin_url)
    rows = await admin.fetch(
        """
        select c.relname from pg_class c
        join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'ingest'
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'shop_id'
        where c.relkind = 'r' and not (c.relrowsecurity and c.relforcerowsecurity)
        """
    )
    await admin.close()

    assert rows == []
