"""What every TCP proxy of the tests has: one connection in, one on, and bytes both ways."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Way: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNK = 65_536


async def both_ways(
    server: tuple[str, int],
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    up: Way,
    down: Way,
) -> None:
    """Connect to *server* and run *up* and *down* until one of them ends; then close both sides."""
    reader, writer = client
    try:
        there, to_there = await asyncio.open_connection(*server)
    except OSError:
        writer.close()  # the server is down: the client is told so
        return
    ways = (asyncio.ensure_future(up(reader, to_there)), asyncio.ensure_future(down(there, writer)))
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        to_there.close()
