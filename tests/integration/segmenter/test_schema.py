"""The migrated schema: what code says, shut by row-level security, fast where it must be."""

import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from integration.segmenter.conftest import Segmenter
from plumbing.migrate import check
from segmenter.app.view import view_grid
from segmenter.edges.tables import metadata
from segmenter.edges.view_store import ViewStore
from support.database import Db
from web.shop_session import shop_tx

HOME = Path(__file__).parents[3] / "services" / "segmenter"


def test_the_migrations_make_the_tables_that_the_code_names(db: Db) -> None:
    assert check(HOME, db.owner_url("segmenter")) == []


async def test_every_table_with_a_shop_forces_row_level_security(segmenter: Segmenter) -> None:
    rows = await segmenter.rows(
        "select relname from pg_class where relnamespace = 'segmenter'::regnamespace"
        " and relkind = 'r' and relrowsecurity and relforcerowsecurity"
    )

    assert {row["relname"] for row in rows} == {
        table.name for table in metadata.tables.values() if "shop_id" in table.c
    }


async def test_the_api_role_sees_nothing_without_a_shop_and_writes_into_no_other(
    segmenter: Segmenter,
) -> None:
    async with shop_tx(segmenter.engine, "segmenter", "ink") as conn:
        assert (await conn.execute(text("select count(*) from shop"))).scalar_one() == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with shop_tx(segmenter.engine, "segmenter", "ink") as conn:
            await conn.execute(text("insert into due_customer values ('tea', 'ann')"))


async def test_the_grid_of_twenty_thousand_orders_is_there_at_once(segmenter: Segmenter) -> None:
    """A bound with much room: it fails on a query that reads the table once a customer."""
    async with segmenter.tx() as conn:
        await conn.execute(
            text(
                "insert into customer_order"
                " select 'tea', 'o' || n, 'c' || n % 7000, date '1997-01-01' + n % 545, n % 90 + 1,"
                " '{}' from generate_series(1, 20000) n"
            )
        )
        await conn.execute(
            text(
                "insert into customer_state select 'tea', 'c' || n, 0, 0, null, null, null, null,"
                " 'lost', null, 1 from generate_series(0, 6999) n"
            )
        )
    async with shop_tx(segmenter.engine, "segmenter", "tea") as conn:
        store = ViewStore(conn)
        found = await store.shop("tea")
        assert found is not None
        began = time.perf_counter()
        grid = await view_grid(store, found[0], found[0].day.replace(year=1998))
        took_s = time.perf_counter() - began

    assert sum(total.customers for total in grid.cells.values()) == 7000
    assert took_s < 1
