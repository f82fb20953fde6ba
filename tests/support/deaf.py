"""A TCP proxy that goes deaf: connections stay open, and nothing passes any more.

That is how a client hangs for ever: nobody closes, nobody answers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


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
        try:
            there, to_there = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.close()  # the server is down: the client is told so
            return
        ways = (
            asyncio.create_task(self._pass(reader, to_there, link)),
            asyncio.create_task(self._pass(there, writer, link)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            to_there.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link
    ) -> None:
        while chunk := await reader.read(65_536):
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
