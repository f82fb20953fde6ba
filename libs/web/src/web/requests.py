"""Around every request: trace, one log line, metrics, headers of the answer, the last net.

Pure ASGI and outermost, so that the status it logs is the one that was sent.
"""

import logging
import time
from collections.abc import Iterable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plumbing import faults, trace
from web.metrics import HttpMetrics
from web.problems import problem_response

CLIENT_GONE = 499  # as nginx has it: nobody was there to answer

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DEFAULT_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)

log = logging.getLogger("web.access")


class RequestScope:
    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = CLIENT_GONE
        started = False
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                message["headers"] = _with_defaults(message.get("headers", ()))
            await send(message)

        with trace.continued(scope["headers"]):
            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                status = CLIENT_GONE
            except Exception as error:
                log.error(  # noqa: TRY400 - the text of an error may quote personal data
                    "request failed", extra={"route": _route(scope), **faults.describe(error)}
                )
                if started:
                    raise  # too late for an answer: the server cuts the connection
                await problem_response(500, "internal")(scope, receive, answer)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, took_s: float) -> None:
        """Log no query string and no id: both may be personal."""
        route = _route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.note(route, method, status, took_s)
        ms = round(took_s * 1000, 1)
        log.info("request", extra={"method": method, "route": route, "status": status, "ms": ms})


def _route(scope: Scope) -> str:
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return template or "unmatched"


def _with_defaults(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    names = {name.lower() for name, _ in given}
    return given + [one for one in DEFAULT_HEADERS if one[0] not in names]
