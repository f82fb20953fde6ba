"""A TCP proxy before Postgres that lets COMMIT through and swallows its answer."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy.engine import make_url

from support.pipe import CHUNK, both_ways

# asyncpg prepares each statement once a connection, and later only names it.
_PREPARED: Final = re.compile(rb"(__asyncpg_stmt_\w+?__)\x00([^\x00]*)")


@dataclass(eq=False)
class _Ear:
    """Hears in what one connection sends whether its transaction runs a certain statement."""

    about: bytes
    names: set[bytes] = field(default_factory=set)
    heard: bool = False

    def hear(self, chunk: bytes) -> None:
        self.names |= {name for name, said in _PREPARED.findall(chunk) if self.about in said}
        if b"BEGIN" in chunk:
            self.heard = False
        self.heard = self.heard or not self.about or any(name in chunk for name in self.names)


@dataclass(eq=False)
class Proxy:
    host: str
    port: int
    cuts: bool = False  # the connection, once the answer is swallowed
    own_port: int = 0
    about: bytes = b""  # only answers to transactions that run a statement with this text
    stays: bool = False  # armed, after each answer that it swallowed
    armed: bool = False
    swallowed: int = 0

    def arm(self) -> None:
        """Swallow the answer to the next COMMIT, and all that follows on its connection."""
        self.armed = True

    def through(self, url: str) -> str:
        found = make_url(url).set(host="127.0.0.1", port=self.own_port)
        return found.render_as_string(hide_password=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deaf = asyncio.Event()
        up, down = partial(self._up, deaf), partial(self._down, deaf)
        await both_ways((self.host, self.port), (reader, writer), up, down)

    async def _up(
        self, deaf: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ear = _Ear(self.about)
        while chunk := await reader.read(CHUNK):
            ear.hear(chunk)
            if self.armed and ear.heard and b"COMMIT" in chunk:
                self.armed = self.stays
                self.swallowed += 1
                deaf.set()
            writer.write(chunk)
            await writer.drain()

    async def _down(
        self, deaf: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if not deaf.is_set():
                writer.write(chunk)
                await writer.drain()
            elif self.cuts:
                return


@asynccontextmanager
async def swallowing(
    url: str, *, cuts: bool = False, about: bytes = b"", stays: bool = False
) -> AsyncIterator[Proxy]:
    """Run a proxy before the server that *url* names."""
    found = make_url(url)
    host, port = found.host or "127.0.0.1", found.port or 5432
    proxy = Proxy(host, port, cuts=cuts, about=about, stays=stays)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.own_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
