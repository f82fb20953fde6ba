"""A gate between a service and Postgres."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from localstack import free_port


@dataclass
class Gate:
    """A way to Postgres that can be shut: who is connected is cut off, who comes is refused."""

    host: str
    port: int
    server: asyncio.Server | None = None
    here: int = field(default_factory=free_port)
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._pass, "127.0.0.1", self.here)

    async def shut(self) -> None:
        if self.server is not None:
            self.server.close()
            for end in self._ends:
                end.transport.abort()
            await self.server.wait_closed()
            self.server = None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self.port)
        self._ends |= {writer, back}
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, back))
            both.create_task(_copy(there, writer))
        self._ends -= {writer, back}


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    sink.close()
