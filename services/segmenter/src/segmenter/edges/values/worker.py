"""The process that fits models of value, one at a time: numpy, scipy and seconds of CPU are here.

It is told by standard input where the database is and which shop is meant, reads as the API's role
that sees this shop alone, and says by standard output what came of it. It writes nothing. It has a
bound on its memory and a low priority, and ends when its input does.
"""

import asyncio
import os
import sys
import time
from typing import Final

# One shop is one core's work; each thread's stack would count as memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing import faults
from plumbing.away import is_away
from plumbing.frames import framed, read_frame
from plumbing.resources import api_role, open_engine, worker_tx
from plumbing.working import confine, is_of_memory, listen
from segmenter.edges.store import SOURCE
from segmenter.edges.values.fit import Alike, fit
from segmenter.edges.values.purchase_days import ALIKE, STREAMED_ROWS
from segmenter.edges.values.wire import ASK, SETUP, Away, Failed, FitOf, Model, Said, Setup, TooMuch

APP: Final = "segmenter-values"
MOST_CUSTOMERS: Final = 1_000_000  # of a larger shop a part is fitted

_ENTER: Final = text(
    "select set_config('huiliu.shop', :shop, true), set_config('statement_timeout', :limit, true)"
)
_BUYERS: Final = text(
    "select count(*) from customer_state where shop_id = :shop_id and frequency > 0"
)


def main() -> None:
    setup = read_frame(sys.stdin.buffer, SETUP)
    confine(setup.most_memory_bytes)
    asyncio.run(_serve(setup))


async def _serve(setup: Setup) -> None:
    asked = listen(ASK)
    async with open_engine(setup.database_url, app=APP, pool=1) as engine:
        while True:
            said = await _said(engine, await asked.get())
            sys.stdout.buffer.write(framed(said))
            sys.stdout.buffer.flush()
            if isinstance(said, TooMuch):
                return


async def _said(engine: AsyncEngine, ask: FitOf) -> Said:
    try:
        return await _fitted(engine, ask)
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear of it
        if is_of_memory(error):
            return TooMuch()
        if isinstance(error, SQLAlchemyError | OSError) and is_away(error):
            return Away(type(error).__name__)
        return Failed(**faults.describe(error))


async def _fitted(engine: AsyncEngine, ask: FitOf) -> Model:
    deadline = time.monotonic() + ask.takes_s
    async with worker_tx(engine, api_role(SOURCE)) as conn:
        limit_ms = str(int(ask.takes_s * 1000))
        await conn.execute(_ENTER, {"shop": ask.shop_id, "limit": limit_ms})
        buyers = int(await conn.scalar(_BUYERS, {"shop_id": ask.shop_id}) or 0)
        every = -(-buyers // MOST_CUSTOMERS) or 1
        alike = await _alike(conn, ask, every)
    return fit(alike, every, deadline)


async def _alike(conn: AsyncConnection, ask: FitOf, every: int) -> Alike:
    alike = Alike()
    values = {"shop_id": ask.shop_id, "day": ask.day, "every": every}
    options = {"yield_per": STREAMED_ROWS}
    async with conn.stream(ALIKE, values, execution_options=options) as rows:
        async for some in rows.partitions():
            alike.add(some)
    return alike


if __name__ == "__main__":
    main()
