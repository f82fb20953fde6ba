"""Ends backends of Postgres in the middle of a transaction, and knows that it was in the middle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import asyncpg

from demo.house import login
from support.eventually import eventually

COMES_WITHIN_S = 1.0
ENDS_WITHIN_S = 5.0
# Somebody's transaction that waits for a lock of ours.
WAITING = """
    select pid from pg_stat_activity
    where usename = $1 and xact_start is not null and pg_backend_pid() = any(pg_blocking_pids(pid))
    order by xact_start limit 1"""


@dataclass(eq=False)
class Shooter:
    """Holds a table until a transaction of its service waits for it, and ends that one's backend.

    Args:
        random: Draws the table, and so how far the transaction had come.
        tables: By service.
    """

    random: Random
    tables: Mapping[str, Sequence[str]]
    shots: Counter[str] = field(default_factory=Counter)

    async def shoot(self, conn: asyncpg.Connection, service: str) -> bool:
        """End one backend of *service*; False when no transaction came to the table."""
        table = f"{login(service)}.{self.random.choice(self.tables[service])}"
        async with conn.transaction():
            await conn.execute(f"lock table {table} in exclusive mode")
            pid = await self._waiting(conn, service)
            if pid is None:
                return False
            await conn.execute("select pg_terminate_backend($1)", pid)
            await eventually(partial(_is_gone, conn, pid), within_s=ENDS_WITHIN_S)
        self.shots[service] += 1
        return True

    async def _waiting(self, conn: asyncpg.Connection, service: str) -> int | None:
        try:
            pid: int = await eventually(
                partial(_now, conn, WAITING, login(service)),
                within_s=COMES_WITHIN_S,
                every_s=0.02,
            )
        except AssertionError:
            return None
        return pid


async def _is_gone(conn: asyncpg.Connection, pid: int) -> bool:
    return await _now(conn, "select pid from pg_stat_activity where pid = $1", pid) is None


async def _now(conn: asyncpg.Connection, query: str, argument: object) -> int | None:
    """Return one value; within a transaction what the server shows of others stands still."""
    await conn.execute("select pg_stat_clear_snapshot()")
    pid: int | None = await conn.fetchval(query, argument)
    return pid
