"""The reader as its parent sees it: a process that is fed a file and says what is in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from ingest.edges.imports.wire import SAID, Job, Said
from plumbing import child
from plumbing.frames import framed, next_frame


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
            self._next = asyncio.create_task(next_frame(self._stream, SAID), name="import reader")
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
    process = await child.start("ingest.edges.imports.reader")
    feeding = asyncio.create_task(_feed(child.pipe_to(process), job, pieces), name="import feeder")
    reader = Reader(child.pipe_from(process), feeding)
    try:
        yield reader
    finally:
        feeding.cancel()
        await asyncio.wait({feeding})
        await reader.close()
        await child.end(process)


async def _feed(stdin: asyncio.StreamWriter, job: Job, pieces: AsyncIterator[bytes]) -> None:
    with suppress(ConnectionError):  # it has seen enough, or died: its answers tell
        stdin.write(framed(job))
        async for piece in pieces:
            stdin.write(piece)
            await stdin.drain()
        stdin.write_eof()
