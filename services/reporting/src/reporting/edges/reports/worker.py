"""The process that makes reports, one at a time: seconds of CPU and much memory are spent here.

It is told by standard input where the database is and what is asked, and says by standard output
what came of it. It has a bound on its memory and a low priority, and ends when its input does: a
parent that was killed leaves nobody behind.
"""

import asyncio
import gc
import sys
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing import faults
from plumbing.away import is_away
from plumbing.frames import framed, read_frame
from plumbing.resources import open_engine
from plumbing.working import confine, is_of_memory, listen
from reporting.edges.reports.making import make
from reporting.edges.reports.wire import (
    ASK,
    SETUP,
    Ask,
    Away,
    Failed,
    Made,
    Refused,
    Said,
    Setup,
    TooMuch,
)
from reporting.errors import ReportingError

APP: Final = "reporting-reports"
# Rows are in no cycle: to walk them again and again would take a third of the time.
GARBAGE: Final = (100_000, 50, 100)


def main() -> None:
    setup = read_frame(sys.stdin.buffer, SETUP)
    confine(setup.most_memory_bytes)
    gc.freeze()
    gc.set_threshold(*GARBAGE)
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


async def _said(engine: AsyncEngine, ask: Ask) -> Said:
    try:
        return Made((await make(engine, ask)).model_dump_json().encode())
    except ReportingError as error:
        return Refused(type(error).__name__, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear of it
        return _fault(error)


def _fault(error: Exception) -> Said:
    if is_of_memory(error):
        return TooMuch()
    if isinstance(error, SQLAlchemyError | OSError) and is_away(error):
        return Away(type(error).__name__)
    return Failed(**faults.describe(error))


if __name__ == "__main__":
    main()
