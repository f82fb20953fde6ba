"""Lists come in pages: a bounded limit and an opaque cursor that says where the last page ended."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from web.problems import BadRequest

MAX_PAGE = 200
MAX_CURSOR_CHARS = 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


def encode_cursor(*parts: str | int) -> str:
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(text: str | None, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Return the parts of a cursor that `encode_cursor` made of these *kinds*; None stays None.

    A cursor is a place, not a right: whoever forges one still sees only the own shop's rows.
    """
    if text is None:
        return None
    parts = _parts(text) if len(text) <= MAX_CURSOR_CHARS else None
    if parts is None or [type(part) for part in parts] != list(kinds) or not _storable(parts):
        raise BadRequest("the cursor is not one of ours: begin again without it")
    return tuple(parts)


def micros_of(at: datetime) -> int:
    """Return *at* as a part for a cursor: UTC microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant_of(part: str | int) -> datetime:
    """Return the instant that a cursor's part made by `micros_of` names."""
    try:
        return _EPOCH + timedelta(microseconds=int(part))
    except (ValueError, OverflowError):
        raise BadRequest("the cursor is not one of ours: begin again without it") from None


def _parts(text: str) -> list[str | int] | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return parts if isinstance(parts, list) else None


def _storable(parts: list[str | int]) -> bool:
    """Tell whether Postgres can compare: bigint, and text without NUL or lone surrogates."""
    return all(
        -(2**63) <= part < 2**63
        if isinstance(part, int)
        else "\x00" not in part and part.encode(errors="ignore").decode() == part
        for part in parts
    )
