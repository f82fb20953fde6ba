"""A TCP proxy before Postgres that lets COMMIT through and swallows its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.engine import make_url


@dataclass(eq=False)
class Proxy:
    host: str
    port: int
    cuts: bool = False  # the connection, once the answer is swallowed
    own_port: int = 0
    armed: bool = False
    swallowed: int = 0

    def arm(self) -> None:
        """Swallow the answer to the next COMMIT, and all that follows on its connection."""
        self.armed = True

    def through(self, url: str) -> str:
        found = make_url(url).set(host="127.0.0.1", port=self.own_port)
        return found.render_as_string(hide_password=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(self.host, self.port)
        deaf = asyncio.Event()
        ways = (
            asyncio.create_task(self._up(reader, to_there, deaf)),
            asyncio.create_task(self._down(there, writer, deaf)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            to_there.close()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while chunk := await reader.read(65_536):
            if self.armed and b"COMMIT" in chunk:
                self.armed = False
                self.swallowed += 1
                deaf.set()
            writer.write(chunk)
            await writer.drain()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while chunk := await reader.read(65_536):
            if not deaf.is_set():
                writer.write(chunk)
                await writer.drain()
            elif self.cuts:
                return


@asynccontextmanager
async def swallowing(url: str, *, cuts: bool = False) -> AsyncIterator[Proxy]:
    """Run a proxy before the server that *url* names."""
    found = make_url(url)
    proxy = Proxy(found.host or "127.0.0.1", found.port or 5432, cuts=cuts)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.own_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
