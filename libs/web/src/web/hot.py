"""Raw ASGI in front of an API, for the few routes that must be fast.

It takes what is plain: a known path, a body in one piece and of moderate size, usual headers. All
else goes the API's whole way, with what was read of it; so is what a hot route gives back unread.
What both ways share is the same code: the token's guard, the gate, the answers to errors.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plumbing import faults, trace
from web.app import away_problem
from web.bodies import in_time
from web.limits import MAX_HEAD_BYTES, Gate, crowded
from web.metrics import HttpMetrics
from web.problems import Problem, Unavailable, problem_response, response_of
from web.requests import DEFAULT_HEADERS

MAX_BYTES: Final = 128 * 1024  # more is parsed off the loop, by the API
TRUSTED_S: Final = 1.0  # a token that ran out works so much longer, on its connection

_TRACE: Final = trace.HEADER.encode()

log = logging.getLogger("web.access")

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]
Head: TypeAlias = Mapping[bytes, bytes]  # each name came once


class Answer(msgspec.Struct, gc=False):
    """A struct, and not a dataclass: there is one a post."""

    status: int
    content: bytes
    media_type: bytes = b"application/json"


class HotRoute(Protocol):
    """One POST route; `template` is the path as metrics and logs have it."""

    @property
    def template(self) -> str: ...

    def ticket(self, path: str, head: Head) -> Any | None:
        """Say who comes in, before the body is read; None when this way is not for it.

        Raises:
            Problem: Nobody that may come in.
        """

    async def take(self, ticket: Any, headers: RawHeaders, raw: bytes) -> Answer | None:
        """Do the work; None, before anything was done, hands the request to the API."""


Tell: TypeAlias = Callable[[Answer | Exception], None]


@runtime_checkable
class ExpressRoute(Protocol):
    """A hot route that can also work without waiting for anything."""

    def begin(self, ticket: Any, raw: bytes, traceparent: str, tell: Tell) -> bool:
        """Begin, as a span of its own; False, before anything was done, hands the request on.

        *tell* is called once, and not before this has returned.
        """


class HotPath:
    """The ASGI app to serve, and what the server may ask before it makes a request of it.

    Args:
        app: Made by `build_api`.
        routes: By the first part of their paths.
        gate: The API's, `app.state.gate`.
        metrics: The same as the API's.
        errors: Roots of the service's own error trees.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[HotRoute],
        *,
        gate: Gate,
        metrics: HttpMetrics,
        errors: Sequence[type[Exception]],
    ) -> None:
        self.app = app
        self._gate = gate
        self._routes = [_Lane(route, metrics) for route in routes]
        self._refusals: tuple[type[Exception], ...] = (Problem, *errors)
        self.express = self if any(lane.express for lane in self._routes) else None

    def enter(self, url: bytes, headers: RawHeaders) -> "_Entered | None":
        """Say who comes in by POST, if that is plain; see `web.server.Express`."""
        path = url.decode("ascii", "replace")
        for lane in self._routes:
            if lane.express is not None and path.startswith(lane.prefix):
                break
        else:
            return None
        head = _plain(headers)
        if head is None or b"upgrade" in head:
            return None
        try:
            ticket = lane.route.ticket(path, head)
        except self._refusals:
            return None  # the app says it
        return (
            None
            if ticket is None
            else _Entered(lane, path, head, ticket, head.get(_TRACE), time.monotonic())
        )

    def again(self, entered: "_Entered") -> "_Entered | None":
        """Say the same now of one with the same path and head; see `web.server.Express`.

        Who was let in less than `TRUSTED_S` ago is let in.
        """
        now = time.monotonic()
        if now - entered.checked_at < TRUSTED_S:
            return entered
        entered.checked_at = now
        try:
            entered.ticket = entered.lane.route.ticket(entered.path, entered.head)
        except self._refusals:
            return None
        return None if entered.ticket is None else entered

    def begin(self, entered: "_Entered", raw: bytes, write: Callable[[int, bytes], None]) -> bool:
        """Begin to work on a whole body, or to refuse it; see `web.server.Express`."""
        began = time.perf_counter()
        lane, gate = entered.lane, self._gate
        if lane.express is None or len(raw) > MAX_BYTES:
            return False
        if gate.free <= 0:
            asyncio.get_running_loop().call_soon(lane.refuse, write)
            return True

        def tell(said: Answer | Exception) -> None:
            gate.free += 1
            if isinstance(said, Answer):
                status = said.status
                write(status, _rest(said))
            else:
                refusal = self._refusal(lane, said)
                status = refusal.status_code
                write(status, _rest_of(refusal))
            if log.isEnabledFor(logging.INFO):
                with trace.following(current):
                    lane.note(status, time.perf_counter() - began)
            else:
                lane.note(status, time.perf_counter() - began)

        # Said, not made current: nothing is logged on the way.
        parent = entered.parent
        current = trace.child("" if parent is None else trace.parent_of([(_TRACE, parent)]))
        taken = lane.express.begin(entered.ticket, raw, current, tell)
        gate.free -= taken
        return taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = self._lane(scope)
        head = None if lane is None else _plain(scope["headers"])
        if lane is None or head is None or self._gate.free <= 0:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        parent = head.get(_TRACE)
        with trace.following("" if parent is None else trace.parent_of([(_TRACE, parent)])):
            status, message = await self._drive(lane, scope, head, receive, send)
            if status:
                lane.note(status, time.perf_counter() - began)
        if not status:
            await self.app(scope, _again(message, receive), send)

    def _lane(self, scope: Scope) -> "_Lane | None":
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            path: str = scope["path"]
            for lane in self._routes:
                if path.startswith(lane.prefix):
                    return lane
        return None

    async def _drive(
        self, lane: "_Lane", scope: Scope, head: Head, receive: Receive, send: Send
    ) -> tuple[int, Message | None]:
        """Return the status that was sent; 0 and what was read when the API is to answer."""
        self._gate.free -= 1
        try:
            answer, message = await self._answer(lane, scope, head, receive)
            if answer is None:
                return 0, message
            await _send(send, answer)
        except Exception as error:  # noqa: BLE001 - the last net of the process
            refusal = self._refusal(lane, error)
            await refusal(scope, receive, _with_defaults(send))
            return refusal.status_code, None
        else:
            return answer.status, None
        finally:
            self._gate.free += 1

    async def _answer(
        self, lane: "_Lane", scope: Scope, head: Head, receive: Receive
    ) -> tuple[Answer | None, Message | None]:
        ticket = lane.route.ticket(scope["path"], head)
        if ticket is None:
            return None, None
        message = await in_time(receive())
        if message["type"] != "http.request" or message.get("more_body", False):
            return None, message
        raw = message.get("body", b"")
        return await lane.route.take(ticket, scope["headers"], raw), message

    def _refusal(self, lane: "_Lane", error: Exception) -> Response:
        if isinstance(error, self._refusals):
            return response_of(error)
        away = away_problem(error)
        if away is not None:
            return response_of(away)
        fields = {"route": lane.route.template, **faults.describe(error)}
        log.error("request failed", extra=fields)
        return problem_response(500, "internal")


@dataclass(slots=True, eq=False)
class _Entered:
    lane: "_Lane"
    path: str
    head: Head
    ticket: Any
    parent: bytes | None
    checked_at: float


class _Lane:
    """A route and what is asked of it for each request, looked up once."""

    def __init__(self, route: HotRoute, metrics: HttpMetrics) -> None:
        self.route = route
        self.express = route if isinstance(route, ExpressRoute) else None
        self.template = route.template
        self.prefix = self.template.partition("{")[0]
        self._metrics = metrics

    def refuse(self, write: Callable[[int, bytes], None]) -> None:
        """Answer one of a crowd: counted, not logged, or refusing would cost what taking does."""
        write(Unavailable.status, random.choice(_CROWDED))  # noqa: S311 - spreads load
        self._metrics.note(self.template, "POST", Unavailable.status, 0.0)

    def note(self, status: int, took_s: float) -> None:
        self._metrics.note(self.template, "POST", status, took_s)
        if log.isEnabledFor(logging.INFO):
            ms = round(took_s * 1000, 1)
            fields = {"method": "POST", "route": self.template, "status": status, "ms": ms}
            log.info("request", extra=fields)


def _plain(headers: RawHeaders) -> Head | None:
    """Return the headers by name, if no middleware of the API would have a word on them."""
    head = dict(headers)
    if len(head) < len(headers) or b"content-encoding" in head:
        return None
    length = head.get(b"content-length")
    if length is not None and not (length.isdigit() and _fits(length)):
        return None
    size = sum(map(len, head)) + sum(map(len, head.values()))
    return head if size < MAX_HEAD_BYTES // 2 else None


def _fits(length: bytes) -> bool:
    return len(length) < 8 and int(length) <= MAX_BYTES


def _again(message: Message | None, receive: Receive) -> Receive:
    left = [] if message is None else [message]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _lines(headers: RawHeaders) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


_DEFAULTS: Final = _lines(DEFAULT_HEADERS)


def _rest(answer: Answer) -> bytes:
    return _lead(len(answer.content), answer.media_type) + answer.content


@lru_cache(maxsize=256)
def _lead(length: int, media_type: bytes) -> bytes:
    return b"content-length: %d\r\ncontent-type: %b\r\n%b\r\n" % (length, media_type, _DEFAULTS)


def _rest_of(response: Response) -> bytes:
    return b"%b%b\r\n%b" % (_lines(response.raw_headers), _DEFAULTS, bytes(response.body))


# Made once; each bids the caller to come again after another time.
_CROWDED: Final = [_rest_of(response_of(crowded())) for _ in range(64)]


async def _send(send: Send, answer: Answer) -> None:
    headers = [*DEFAULT_HEADERS]
    if answer.status != 204:  # which must not name a length: RFC 9110, section 8.6
        length = str(len(answer.content)).encode()
        headers[:0] = [(b"content-length", length), (b"content-type", answer.media_type)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})


def _with_defaults(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *DEFAULT_HEADERS]
        await send(message)

    return answer
