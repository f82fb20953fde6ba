"""A process that makes reports, as its parent sees it."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final

from reporting.edges.reports.wire import Ask, Said, Setup, TooMuch, framed, next_said

PIECE_BYTES: Final = 64 * 1024

_OURS: Final = "HUILIU_"  # settings and secrets: what it needs of them comes by its input


class Child:
    """Makes one report at a time; started when it is needed, and anew when it has ended."""

    def __init__(self, setup: Setup, takes_s: float) -> None:
        self._setup = setup
        self._takes_s = takes_s
        self._process: Process | None = None

    async def said(self, ask: Ask) -> Said:
        """Return what came of *ask*. Whatever is raised here has ended the process.

        Raises:
            TimeoutError: It took too long.
            EOFError: The process ended without a word.
        """
        try:
            async with asyncio.timeout(self._takes_s):
                said = await self._ask(ask)
        except BaseException:
            await self.end()
            raise
        if isinstance(said, TooMuch):
            await self.end()
        return said

    async def _ask(self, ask: Ask) -> Said:
        process = self._process
        if process is None or process.returncode is not None:
            await self.end()
            process = self._process = await _start()
            _pipe_to(process).write(framed(self._setup))
        with suppress(ConnectionError):  # it died: its silence tells
            _pipe_to(process).write(framed(ask))
            await _pipe_to(process).drain()
        return await next_said(_pipe_from(process))

    async def end(self) -> None:
        """Kill the process, if there is one, and see it gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        _pipe_to(process).close()
        with suppress(OSError):
            await _pipe_to(process).wait_closed()
        while await _pipe_from(process).read(PIECE_BYTES):
            pass  # a pipe that is not read to its end is never closed
        await process.wait()


async def _start() -> Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "reporting.edges.reports.worker"),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # who interrupts us at a terminal is heard by us: we end it
        stderr=DEVNULL,  # a traceback may quote what it stumbled over
        env=environ | {"MALLOC_ARENA_MAX": "1"},  # each thread's would take 64 MiB of the bound
    )


def _pipe_to(process: Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise RuntimeError("a process without pipes")
    return process.stdin


def _pipe_from(process: Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("a process without pipes")
    return process.stdout
