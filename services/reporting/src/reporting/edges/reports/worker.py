"""The process that makes reports, one at a time: seconds of CPU and much memory are spent here.

It is told by standard input where the database is and what is asked, and says by standard output
what came of it. It has a bound on its memory and a low priority, and ends when its input does: a
parent that was killed leaves nobody behind.
"""

import asyncio
import gc
import os
import resource
import sys
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing import faults
from plumbing.away import is_away
from plumbing.resources import open_engine
from reporting.edges.reports.making import make
from reporting.edges.reports.wire import (
    Ask,
    Away,
    Failed,
    Made,
    Refused,
    Said,
    Setup,
    TooMuch,
    framed,
    read_ask,
    read_setup,
)
from reporting.errors import ReportingError

APP: Final = "reporting-reports"
NICE: Final = 10  # who takes in facts goes before
# Rows are in no cycle: to walk them again and again would take a third of the time.
GARBAGE: Final = (100_000, 50, 100)


def main() -> None:
    setup = read_setup(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (setup.most_memory_bytes, setup.most_memory_bytes))
    os.nice(NICE)
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    asyncio.run(_serve(setup))


async def _serve(setup: Setup) -> None:
    asked: asyncio.Queue[Ask] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_listen, args=(loop, asked), daemon=True).start()
    async with open_engine(setup.database_url, app=APP, pool=1) as engine:
        while True:
            said = await _said(engine, await asked.get())
            sys.stdout.buffer.write(framed(said))
            sys.stdout.buffer.flush()
            if isinstance(said, TooMuch):
                return


def _listen(loop: asyncio.AbstractEventLoop, asked: asyncio.Queue[Ask]) -> None:
    """Hand on what is asked; a thread, for the loop sees no end of input while it computes."""
    try:
        while True:
            loop.call_soon_threadsafe(asked.put_nowait, read_ask(sys.stdin.buffer))
    finally:
        os._exit(0)


async def _said(engine: AsyncEngine, ask: Ask) -> Said:
    try:
        return Made((await make(engine, ask)).model_dump_json().encode())
    except ReportingError as error:
        return Refused(type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear of it
        return _fault(error)


def _fault(error: Exception) -> Said:
    if _is_of_memory(error):
        return TooMuch()
    if isinstance(error, SQLAlchemyError | OSError) and is_away(error):
        return Away(type(error).__name__)
    return Failed(**faults.describe(error))


def _is_of_memory(error: BaseException) -> bool:
    """Tell whether it began with a lack of memory, whatever then went wrong besides."""
    one: BaseException | None = error
    while one is not None and not isinstance(one, MemoryError):
        one = one.__cause__ or one.__context__
    return one is not None


if __name__ == "__main__":
    main()
