"""A TCP proxy that goes deaf: connections stay open, and nothing passes any more.

That is how a client hangs for ever: nobody closes, nobody answers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from support.pipe import CHUNK, both_ways


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    deaf: bool
    bytes_lost: int = 0


@dataclass(eq=False)
class Deafener:
    """While `deafens` is set, new connections are deaf from their first byte on, for ever."""

    host: str
    port: int
    own_port: int = 0
    deafens: bool = False
    links: list[Link] = field(default_factory=list)

    @property
    def unheard(self) -> list[Link]:
        """Deaf connections that something was said on."""
        return [link for link in self.links if link.deaf and link.bytes_lost]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self.deafens)
        self.links.append(link)
        passes = partial(self._pass, link)
        await both_ways((self.host, self.port), (reader, writer), passes, passes)

    async def _pass(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if link.deaf:
                link.bytes_lost += len(chunk)
            else:
                writer.write(chunk)
                await writer.drain()


@asynccontextmanager
async def deafening(host: str, port: int, own_port: int) -> AsyncIterator[Deafener]:
    """Run a proxy on *own_port* before the server at *host* and *port*."""
    proxy = Deafener(host, port, own_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", own_port)
    try:
        yield proxy
    finally:
        server.close()
