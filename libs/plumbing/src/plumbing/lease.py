"""A duty that one pod at a time has: it holds a lock of its database session.

The lock goes with the session, so the death of its holder frees it at once. A holder that is
frozen keeps its session; the server ends one that said nothing for too long.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.away import is_transient
from plumbing.stopping import pause

SILENT_S: Final = 30.0  # above what a holder may need between two statements

# For the session, not for the transaction: it must outlive this one.
_TRY: Final = text(
    """
    select pg_try_advisory_lock(hashtextextended(:name, 0)) as held,
           set_config('idle_session_timeout', :silent, false),
           set_config('idle_in_transaction_session_timeout', :silent, false),
           case when cast(current_setting('server_version_num') as int) >= 170000
                then set_config('transaction_timeout', :silent, false) end
    """
)


@asynccontextmanager
async def lease(
    engine: AsyncEngine, name: str, *, silent_s: float = SILENT_S
) -> AsyncIterator[AsyncConnection | None]:
    """Yield the session that holds the lock *name*; None when another one has it.

    Args:
        engine: Where.
        name: Of the duty.
        silent_s: After so long without a statement the server takes the lock back; what the
            holder says then fails as if the server had gone away.
    """
    async with engine.connect() as conn:
        try:
            async with conn.begin():
                asked = {"name": name, "silent": str(int(silent_s * 1000))}
                held = await conn.scalar(_TRY, asked)
            yield conn if held else None
        finally:
            await conn.invalidate()  # ends the session, and with it the lock and its settings


async def hold(  # noqa: PLR0913 - what to do in each case, all by name but the first four
    engine: AsyncEngine,
    name: str,
    work: Callable[[AsyncConnection], Awaitable[None]],
    stop: asyncio.Event,
    *,
    every_s: float,
    silent_s: float,
    before: Callable[[], None],
    without: Callable[[], None] = lambda: None,
) -> None:
    """Do *work* whenever the lock *name* is ours, until *stop*; while Postgres is away, wait.

    Args:
        engine: Where.
        name: Of the duty.
        work: Gets the session, and goes on until *stop* is set.
        stop: Ends the waiting at once.
        every_s: Between two tries.
        silent_s: As `lease` has it.
        before: Called before each try.
        without: Called when another one has the lock.
    """
    while not stop.is_set():
        before()
        try:
            async with lease(engine, name, silent_s=silent_s) as conn:
                if conn is None:
                    without()
                else:
                    await work(conn)
        except (SQLAlchemyError, OSError) as error:
            if not is_transient(error):
                raise
        await pause(stop, every_s)
