"""uvicorn as we use it: our signals, our sockets, bounded request heads."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, NoReturn, Protocol

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from web.problems import HeadTooLarge, response_of
from web.settings import refuse

MAX_UNFINISHED_HEAD_BYTES = 64 * 1024
HEAD_WITHIN_S = 20.0
# Longer than what stands before us keeps an idle connection (60 s is usual): else a request may
# meet the end of its connection, and nobody knows whether it was heard.
KEEP_ALIVE_S = 75
BACKLOG = 1024
MAX_HEADS = 8  # that a connection remembers
MAX_KEPT_HEAD_BYTES = 4096

_HEAD_END: Final = b"\r\n\r\n"

_PROBLEM = response_of(HeadTooLarge())
_TOO_LARGE = b"".join(
    [
        b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
        *(name + b": " + value + b"\r\n" for name, value in _PROBLEM.raw_headers),
        b"\r\n",
        _PROBLEM.body,
    ]
)


class Express(Protocol):
    """What may answer a request without a task of its own; `web.hot.HotPath` is one."""

    def enter(self, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Any | None:
        """Say who comes in by POST; None leaves the request to the ASGI app."""

    def again(self, entered: Any) -> Any | None:
        """Say the same of one who comes again with the same head, as `enter` would say it now."""

    def begin(self, entered: Any, raw: bytes, write: Callable[[int, bytes], None]) -> bool:
        """Begin to work on a whole body; False, before anything was done, leaves it to the app.

        Args:
            entered: What `enter` said.
            raw: The body.
            write: To be called once, later, with the status and all that follows the server's own
                headers.
        """


class _Cycle:
    """A request that is answered without a task, as uvicorn looks at it."""

    __slots__ = ("_protocol", "disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self, protocol: "BoundedProtocol") -> None:
        self._protocol = protocol
        self.disconnected = False
        self.keep_alive = True
        self.message_event = _NOBODY
        self.response_complete = False

    def write(self, status: int, rest: bytes) -> None:
        self.response_complete = True
        if not self.disconnected:
            self._protocol.answer(status, rest, self.keep_alive)


class _Known(NamedTuple):
    """A head that `express` let in, and the size of a request that it begins."""

    head: bytes
    size: int
    entered: Any


class _Nobody:
    """Nobody waits for the rest of a body that is whole."""

    def set(self) -> None:
        pass


_NOBODY: Final = _Nobody()


class _Lines:
    """The server's own headers, among them the date, as they are written; made anew when it is."""

    def __init__(self) -> None:
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._lines = b""

    def of(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:  # uvicorn makes a new list each second
            self._lines = b"".join([b"%b: %b\r\n" % header for header in headers])
            self._headers = headers
        return self._lines


_LINES: Final = _Lines()


class BoundedProtocol(HttpToolsProtocol):
    """httptools collects a head without end and waits for it for ever; this one does neither.

    A head that is complete but too large is answered by `limits.HeadLimit`.

    A request that came whole, in one piece, and that the app's `express` takes, never becomes an
    ASGI call: that alone costs more than to take an event. The next one on the connection that
    begins with the very same head says the same: it is not parsed again.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._express: Express | None = getattr(config.loaded_app, "express", None)
        self._entered: Any | None = None
        self._pieces: list[bytes] = []
        self._between = True  # no part of a request is in the parser
        self._piece: bytes | None = None  # that began between two requests
        self._heads: list[_Known] = []  # whom `express` let in, the last one first
        self._is_usual = False  # `express` has left this piece
        self._idle_since = 0.0  # the loop's time

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn types it so
        super().connection_made(transport)
        self._in_head = True
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_in()
        self._entered = None
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._heads and self._between and self._repeats(data):
            return
        before = self._in_head
        self._piece = data if self._between else None
        super().data_received(data)
        self._piece = None
        self._is_usual = False
        if self._entered is not None:
            self._hand_over()  # its body comes in pieces
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)
        # In the chunk that also ends an earlier request, the head's share is unknown: let it pass.
        self._head_bytes += len(data) if before else 0
        if self._head_bytes > MAX_UNFINISHED_HEAD_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        # Its time runs from the end of this piece: most heads are whole by then, and need no timer.
        self._in_head = True
        self._between = False

    @override
    def on_headers_complete(self) -> None:
        self._head_is_in()
        if self._express is not None and not self._is_usual and self._is_simple():
            self._entered = self._express.enter(self.url, self.headers)
            if self._entered is not None:
                self._pieces = []
                return
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        if self._entered is not None:
            self._pieces.append(body)
        else:
            super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._between = True
        entered = self._entered
        if entered is not None:
            raw = b"".join(self._pieces)
            if self._begin(entered, raw):
                self._entered = None
                self._note_head(entered, raw)
                return
            self._hand_over()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None or self.pipeline or self.transport.is_closing():
            super().on_response_complete()
        else:  # the timer of an earlier answer will look how long nothing came
            self.server_state.total_requests += 1
            self.flow.resume_reading()

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if not self._is_answered():
            return  # the answer sets a new timer
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self.timeout_keep_alive_task = self.loop.call_later(
                left_s, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def answer(self, status: int, rest: bytes, keep_alive: bool) -> None:
        """Write a whole answer: *rest* begins with headers of its own."""
        ours = _LINES.of(self.server_state.default_headers)
        closing = b"" if keep_alive else b"connection: close\r\n"
        self.transport.write(b"%b%b%b%b" % (STATUS_LINE[status], ours, closing, rest))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _is_simple(self) -> bool:
        return (
            self._is_free()
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not (self.expect_100_continue or self.root_path)
        )

    def _is_free(self) -> bool:
        return self._is_answered() and not self.flow.write_paused

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _note_head(self, entered: Any, raw: bytes) -> None:
        """Remember the head of a request that came in one piece, and alone.

        The parser would read the same again from the same bytes. It takes no line that ends
        without CR, so the first empty line is where the head ends.
        """
        piece = self._piece
        if piece is None:
            return
        head = piece[: piece.find(_HEAD_END) + len(_HEAD_END)]
        # In chunks the piece would be longer.
        if len(head) + len(raw) == len(piece) and len(head) <= MAX_KEPT_HEAD_BYTES:
            self._heads = [_Known(head, len(piece), entered), *self._heads[: MAX_HEADS - 1]]

    def _repeats(self, data: bytes) -> bool:
        """Begin to work on *data* if it is a whole request with a head that we know."""
        size = len(data)
        for known in self._heads:
            if size == known.size and data.startswith(known.head):
                break
        else:
            return False
        if self._express is None or not self._is_free():
            return False
        entered = self._express.again(known.entered)
        self._is_usual = entered is None or not self._begin(entered, data[len(known.head) :])
        return not self._is_usual

    def _begin(self, entered: Any, raw: bytes) -> bool:
        cycle = _Cycle(self)
        if self._express is None or not self._express.begin(entered, raw, cycle.write):
            return False
        self.cycle = cycle  # type: ignore[assignment]  # all that uvicorn asks of one
        return True

    def _hand_over(self) -> None:
        """Go the usual way with what came."""
        self._entered = None
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        for piece in self._pieces:
            super().on_body(piece)

    def _head_is_in(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """A server that leaves the signals alone, and whose address is a setting that can be wrong."""

    def __init__(self, app: ASGIApp, setting: str, *, grace_s: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(grace_s)),
            )
        )
        self.address = ""
        self._setting = setting
        self._socket: socket.socket | None = None

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def bind(self, host: str, port: int) -> None:
        """Take the address without listening: who connects now is refused, not kept waiting.

        An address that cannot be had ends the process with exit code 2, naming the setting.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            refuse("HUILIU_HOST", f"{host} is no address of this machine")
        family, _, _, _, address = found[0]
        self.address = f"{host}:{port}"
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        try:
            self._socket.bind(address)
        except OSError as error:
            self._refuse(error)
        self.address = f"{host}:{self._socket.getsockname()[1]}"

    def listen(self) -> None:
        """Listen. Of two that were bound at once, the second is found out only here."""
        try:
            self._bound().listen(BACKLOG)
        except OSError as error:
            self._refuse(error)

    async def run_until_told(self) -> None:
        """Serve until `should_exit`; then answer what is open, and close."""
        await self.serve([self._bound()])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _bound(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("bind() comes first")
        return self._socket

    def _refuse(self, error: OSError) -> NoReturn:
        if error.errno == errno.EADDRINUSE:
            refuse(
                self._setting, f"{self.address} is taken; stop what listens there or set another"
            )
        refuse(self._setting, f"cannot listen on {self.address}: {os.strerror(error.errno or 0)}")
