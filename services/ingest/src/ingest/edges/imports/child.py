"""The reader as its parent sees it: a process that is fed a file and says what is in it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from ingest.edges.imports.wire import Job, Said, framed, next_said

PIECE_BYTES: Final = 64 * 1024

_OURS: Final = "HUILIU_"  # settings and secrets, which are no business of who reads a file


class Reader:
    """What an open reader says, one after the other."""

    def __init__(self, stream: asyncio.StreamReader, feeding: asyncio.Task[None]) -> None:
        self._stream = stream
        self._feeding = feeding
        self._next: asyncio.Task[Said] | None = None

    async def next(self, within_s: float) -> Said | None:
        """Return what comes next; None when nothing came yet.

        What feeding the file failed with is raised here.

        Raises:
            EOFError: It ended without a word.
        """
        if self._next is None:
            self._next = asyncio.create_task(next_said(self._stream), name="import reader")
        waits: set[asyncio.Task[Any]] = {self._next}
        if not self._feeding.done():
            waits.add(self._feeding)
        await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if self._feeding.done():
            self._feeding.result()
        if not self._next.done():
            return None
        finished, self._next = self._next, None
        return finished.result()

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})


@asynccontextmanager
async def open_reader(job: Job, pieces: AsyncIterator[bytes]) -> AsyncIterator[Reader]:
    """Start a process that reads the file that *pieces* are; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ingest.edges.imports.reader"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # who interrupts us at a terminal does not mean the file
        stderr=asyncio.subprocess.DEVNULL,  # a traceback may quote what it stumbled over
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process without pipes")
    feeding = asyncio.create_task(_feed(process.stdin, job, pieces), name="import feeder")
    reader = Reader(process.stdout, feeding)
    try:
        yield reader
    finally:
        feeding.cancel()
        await asyncio.wait({feeding})
        with suppress(ProcessLookupError):
            process.kill()
        await reader.close()
        process.stdin.close()
        with suppress(OSError):
            await process.stdin.wait_closed()
        while await process.stdout.read(PIECE_BYTES):
            pass  # a pipe that is not read to its end is never closed
        await process.wait()


async def _feed(stdin: asyncio.StreamWriter, job: Job, pieces: AsyncIterator[bytes]) -> None:
    with suppress(ConnectionError):  # it has seen enough, or died: its answers tell
        stdin.write(framed(job))
        async for piece in pieces:
            stdin.write(piece)
            await stdin.drain()
        stdin.write_eof()
