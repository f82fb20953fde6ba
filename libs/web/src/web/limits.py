"""Refuse early what would exhaust us: heads, bodies and crowds.

Pure ASGI, so that a cancelled request leaks nothing.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import (
    BadRequest,
    HeadTooLarge,
    Problem,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
    response_of,
)

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_HEAD_BYTES = 32 * 1024
MAX_REQUESTS = 256
NONE: Mapping[str, int] = MappingProxyType({})
# What is read and thrown away behind a refusal; who sends more is cut off.
LINGER_BYTES = 16 * MAX_BODY_BYTES
LINGER_S = 2.0


class BodyLimit:
    """Count the bytes that really come, whatever Content-Length says; refuse any content encoding.

    The inner app meets `TooLarge` when it reads past the limit.

    Args:
        app: The inner one.
        max_bytes: Of every body but
        uploads: those of POST to these path templates, which the app must read piece by piece.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, uploads: Mapping[str, int] = NONE
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._uploads = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", template)), most)
            for template, most in uploads.items()
        ]

    def _limit(self, scope: Scope) -> int:
        for path, most in self._uploads:
            if scope["method"] == "POST" and path.fullmatch(scope["path"]):
                return most
        return self._max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._limit(scope)
        refusal = _refusal(scope["headers"], max_bytes)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return

        counted = _Counted(receive, send, max_bytes)
        try:
            await self._app(scope, counted.receive, counted.send)
        except TooLarge as error:
            if counted.answered:
                raise
            await _refuse(error, scope, None if counted.whole else receive, send)


class _Counted:
    """One request, read by the inner app up to so many bytes."""

    __slots__ = ("_max_bytes", "_receive", "_received_bytes", "_send", "answered", "whole")

    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._received_bytes = 0
        self.answered = False
        self.whole = False  # all of it has come

    async def receive(self) -> Message:
        message = await self._receive()
        self.whole = not message.get("more_body", False)
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._max_bytes:
            raise TooLarge(f"the body is larger than {self._max_bytes} bytes")
        return message

    async def send(self, message: Message) -> None:
        self.answered = True
        too_large = self._received_bytes > self._max_bytes
        if too_large and not self.whole and _is_last(message):
            await _finish(message, self._receive, self._send)  # the app has caught `TooLarge`
        else:
            await self._send(message)


class HeadLimit:
    """Answer 431 to a request line with headers above *max_bytes*: httptools has no such limit.

    And 400 to a NUL in path or query: Postgres' text cannot hold it, a query with it is an error.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_HEAD_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _head_bytes(scope) > self._max_bytes:
            error = HeadTooLarge(f"request line and headers are over {self._max_bytes} bytes")
            await response_of(error)(scope, receive, send)
            return
        if scope["type"] == "http" and _holds_nul(scope):
            await response_of(BadRequest("the address holds a NUL"))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Gate:
    """How many more requests may come in; one for all ways into a process."""

    __slots__ = ("free",)

    def __init__(self, max_requests: int = MAX_REQUESTS) -> None:
        self.free = max_requests


class Admission:
    """Let in as many at once as *gate* has room for; the rest get 503 with Retry-After, unread."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._gate.free <= 0:
            await response_of(crowded())(scope, receive, send)
            return
        self._gate.free -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._gate.free += 1


def crowded() -> Unavailable:
    """Return what is told to whom the gate has no room for."""
    return Unavailable("too many requests at once")


async def _refuse(error: Problem, scope: Scope, receive: Receive | None, send: Send) -> None:
    """Answer; where that closes the connection, read on for a moment before it does.

    Closing on unread data would reset it, and the answer would be lost to who still sends.

    Args:
        error: What is answered.
        scope: The request's.
        receive: The rest of the body; None when all of it has come.
        send: Where the answer goes.
    """
    if receive is None or not isinstance(error, TooLarge):
        await response_of(error)(scope, _nothing, send)
        return

    async def lingering(message: Message) -> None:
        if _is_last(message):
            await _finish(message, receive, send)
        else:
            await send(message)

    await response_of(error)(scope, _nothing, lingering)


async def _finish(last: Message, receive: Receive, send: Send) -> None:
    """Send the *last* of an answer; end it when the rest of the request came, or too much of it."""
    await send({**last, "more_body": True})
    left_bytes = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left_bytes > 0:
                message = await receive()
                left_bytes -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _refusal(headers: Iterable[tuple[bytes, bytes]], max_bytes: int) -> Problem | None:
    """Judge the headers alone. A Content-Length may lie, but not one above the limit."""
    for name, value in headers:
        if name == b"content-encoding":
            return UnsupportedMedia("send the body without a content encoding")
        if name == b"content-length" and value.isdigit() and _exceeds(value, max_bytes):
            return TooLarge(f"the body is larger than {max_bytes} bytes")
    return None


def _exceeds(digits: bytes, limit: int) -> bool:
    # Digits are compared by length first: int() refuses numbers of thousands of digits.
    significant = digits.lstrip(b"0")
    return len(significant) > len(str(limit)) or int(significant or b"0") > limit


def _head_bytes(scope: Scope) -> int:
    line = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    return line + sum(len(name) + len(value) for name, value in scope["headers"])


def _holds_nul(scope: Scope) -> bool:
    return "\x00" in scope["path"] or b"%00" in scope.get("query_string", b"")
