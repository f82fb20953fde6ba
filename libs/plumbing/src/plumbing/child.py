"""A process that works for this one, as its parent sees it.

It gets none of our settings by its environment; what it needs of them comes by its input. It is
ended by force: it holds nothing that would be lost.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import msgspec

from plumbing.frames import framed, next_frame

PIECE_BYTES: Final = 64 * 1024

_OURS: Final = "HUILIU_"  # settings and secrets

Said = TypeVar("Said")


async def start(module: str) -> Process:
    """Start *module* as a process that gives way, with pipes for its input and output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "plumbing.gently", module),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # who interrupts us at a terminal is heard by us: we end it
        stderr=DEVNULL,  # a traceback may quote what it stumbled over
        env=environ | {"MALLOC_ARENA_MAX": "1"},  # each thread's would take 64 MiB of a bound
    )


async def end(process: Process) -> None:
    """Kill *process* and see it gone, and its pipes closed."""
    with suppress(ProcessLookupError):
        process.kill()
    pipe_to(process).close()
    with suppress(OSError):
        await pipe_to(process).wait_closed()
    while await pipe_from(process).read(PIECE_BYTES):
        pass  # a pipe that is not read to its end is never closed
    await process.wait()


def pipe_to(process: Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise RuntimeError("a process without pipes")
    return process.stdin


def pipe_from(process: Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("a process without pipes")
    return process.stdout


class Child(Generic[Said]):
    """Does one thing at a time; started when it is needed, and anew when it has ended.

    Args:
        module: What it runs, which reads frames and answers each with one.
        setup: What it is told first.
        decoder: Of what it says.
        takes_s: It is ended when it takes longer for one thing.
        is_last: Tells whether it ends with these words.
    """

    def __init__(
        self,
        module: str,
        setup: msgspec.Struct,
        decoder: msgspec.msgpack.Decoder[Said],
        *,
        takes_s: float,
        is_last: Callable[[Said], bool],
    ) -> None:
        self._module = module
        self._setup = setup
        self._decoder = decoder
        self._takes_s = takes_s
        self._is_last = is_last
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def said(self, ask: Any) -> Said:
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
        if self._is_last(said):
            await self.end()
        return said

    async def end(self) -> None:
        """Kill the process, if there is one, and see it gone."""
        process, self._process = self._process, None
        if process is not None:
            await end(process)

    async def _ask(self, ask: Any) -> Said:
        process = self._process
        if process is None or process.returncode is not None:
            await self.end()
            process = self._process = await start(self._module)
            pipe_to(process).write(framed(self._setup))
        with suppress(ConnectionError):  # it died: its silence tells
            pipe_to(process).write(framed(ask))
            await pipe_to(process).drain()
        return await next_frame(pipe_from(process), self._decoder)
