"""Rows that replace their elders."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert(
    conn: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    newer: str | None = None,
    keep: Collection[str] = (),
) -> None:
    """Insert *rows*; where one of the same primary key stands, replace what they name.

    They go in the order of their keys: one lock order, so no deadlock.

    Args:
        conn: An open transaction.
        table: Its primary key tells which row is which.
        rows: All name the same columns, the key among them.
        newer: A column that decides: a row that is not higher in it changes nothing.
        keep: Columns that only an insert sets.
    """
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    order = key if newer is None else [*key, newer]
    put = insert(table)
    new = {name: put.excluded[name] for name in rows[0] if name not in {*key, *keep}}
    where = None if newer is None else table.c[newer] < put.excluded[newer]
    await conn.execute(
        put.on_conflict_do_update(constraint=table.primary_key, set_=new, where=where),
        sorted(rows, key=lambda row: [row[name] for name in order]),
    )
