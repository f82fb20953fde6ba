"""As much of HTTP/1.1 as a gateway needs, on bare sockets: only so can it break in the middle."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self, TypeAlias

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Wire:
    """One client's connection, in the middle of a request."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, status: int, body: object, *, retry_after_s: int | None = None) -> None:
        await self._write(encode_answer(status, json.dumps(body).encode(), retry_after_s))

    async def answer_text(self, status: int, body: bytes) -> None:
        await self._write(encode_answer(status, body))

    async def drip(self, status: int, body: object, every_s: float) -> None:
        """Answer a byte at a time, until all is said or the client has gone."""
        for byte in encode_answer(status, json.dumps(body).encode()):
            await self._write(bytes([byte]))
            await asyncio.sleep(every_s)

    async def hang(self) -> None:
        """Say nothing until the client has gone."""
        while await self.reader.read(MAX_HEAD_BYTES):
            pass

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _write(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()


Handler: TypeAlias = Callable[[Request, Wire], Awaitable[None]]


def encode_answer(status: int, body: bytes, retry_after_s: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    if retry_after_s is not None:
        lines.append(f"retry-after: {retry_after_s}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class HttpServer:
    """Calls *handler* for each request. Leaving it ends the open connections too."""

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connected, self._host, self._port, limit=MAX_HEAD_BYTES
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Our own task: the one that asyncio would make complains when it is cancelled.
        task = asyncio.create_task(self._converse(Wire(reader, writer)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, wire: Wire) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not wire.writer.is_closing():
                    await self._handler(await _read_request(wire), wire)
        finally:
            wire.writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await wire.writer.wait_closed()


async def _read_request(wire: Wire) -> Request:
    try:
        head = await wire.reader.readuntil(b"\r\n\r\n")
        method, path, headers = _parse_head(head)
        length = _length(dict(headers))
    except (ValueError, asyncio.LimitOverrunError):
        await wire.answer(400, {"error": "not a request that this server reads"})
        raise ConnectionAbortedError from None
    return Request(method, path, headers, await wire.reader.readexactly(length))


def _length(headers: Mapping[bytes, bytes]) -> int:
    length = int(headers.get(b"content-length", b"0"))
    if not 0 <= length <= MAX_BODY_BYTES or b"transfer-encoding" in headers:
        raise ValueError
    return length


def _parse_head(head: bytes) -> tuple[str, str, tuple[tuple[bytes, bytes], ...]]:
    first, *lines = head[:-4].split(b"\r\n")
    method, path, _ = first.decode("ascii").split(" ")
    pairs = (line.partition(b":") for line in lines)
    return method, path, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
