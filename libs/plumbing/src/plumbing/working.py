"""A process that works for another, as it sees itself: bounded, and gone with its parent."""

import asyncio
import os
import resource
import sys
import threading
from typing import TypeVar

import msgspec

from plumbing.frames import read_frame

T = TypeVar("T")


def confine(most_memory_bytes: int) -> None:
    """Bound what this process may have of addresses."""
    resource.setrlimit(resource.RLIMIT_AS, (most_memory_bytes, most_memory_bytes))


def listen(decoder: msgspec.msgpack.Decoder[T]) -> asyncio.Queue[T]:
    """Return the queue of what is asked by standard input, with whose end this process ends.

    A thread reads it, for the loop sees no end of input while it computes.
    """
    asked: asyncio.Queue[T] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            while True:
                loop.call_soon_threadsafe(asked.put_nowait, read_frame(sys.stdin.buffer, decoder))
        finally:
            os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return asked


def is_of_memory(error: BaseException) -> bool:
    """Tell whether it began with a lack of memory, whatever then went wrong besides."""
    one: BaseException | None = error
    while one is not None and not isinstance(one, MemoryError):
        one = one.__cause__ or one.__context__
    return one is not None
