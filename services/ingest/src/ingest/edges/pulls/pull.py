"""What a platform's API is to the puller: pages of bodies, as its webhooks would bring them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import httpx

from ingest.edges.outside import MAX_ANSWER_BYTES
from web.bodies import Strict
from webhooks import BadJson, strict_json

_WAITS: Final = frozenset({429, 503})
_CLOSED: Final = frozenset({401, 403})
_DIGITS: Final = re.compile(r"[0-9]{1,5}", re.ASCII)


Now: TypeAlias = Callable[[], datetime]


class PullFailed(Exception):
    """A platform did not answer, or otherwise than its documentation says. No word of a body.

    Args:
        reason: For the shop's staff: why, and what to do about it.
        wait_s: What it asks to wait, if it does.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Page:
    """Some bodies, oldest change first.

    Args:
        bodies: Each as the connector's kind reads it.
        newest: When the last of them changed, if the platform lists by changes.
        confirm: Tells the platform that they are durable, if it waits for that.
    """

    bodies: Sequence[Any]
    newest: datetime | None = None
    confirm: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How a platform is asked.

    Args:
        api: What must be known for it: addresses and credentials.
        every: Between two sweeps.
        pages: Yields all that changed since a time; it is given what tells the time.
        hook_is_off: Tells whether the platform has switched off its hook with such a path's end.
    """

    api: type[Strict]
    every: timedelta
    pages: Callable[[httpx.AsyncClient, Any, datetime, Now], AsyncIterator[Page]]
    hook_is_off: Callable[[httpx.AsyncClient, Any, str], Awaitable[bool]] | None = None


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> Any:
    """Return what the platform says, strictly parsed; `PullFailed` when it says no."""
    try:
        answer = await client.send(request, stream=True)
        try:
            raw = await _limited(answer)
        finally:
            await answer.aclose()
    except httpx.HTTPError as error:
        raise PullFailed(f"no answer: {type(error).__name__}") from None
    if answer.status_code in _WAITS:
        raise PullFailed(f"it answers {answer.status_code}", _seconds(answer))
    if answer.status_code in _CLOSED:
        raise PullFailed(f"it answers {answer.status_code}: look at the credentials")
    if answer.status_code != HTTPStatus.OK:
        raise PullFailed(f"it answers {answer.status_code}")
    try:
        return strict_json(raw)
    except BadJson:
        raise PullFailed("its answer is no JSON") from None


async def _limited(answer: httpx.Response) -> bytes:
    pieces, size = [], 0
    async for piece in answer.aiter_bytes():
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise PullFailed("its answer is too long")
        pieces.append(piece)
    return b"".join(pieces)


def _seconds(answer: httpx.Response) -> float | None:
    spelled = answer.headers.get("retry-after", "")
    return float(spelled) if _DIGITS.fullmatch(spelled) else None
