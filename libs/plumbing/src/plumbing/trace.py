"""W3C trace context (https://www.w3.org/TR/trace-context/): taken in, kept, passed on."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from random import getrandbits
from typing import Final

HEADER: Final = "traceparent"
_NAMES: Final = frozenset({HEADER, HEADER.encode()})
_FORM: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)

_NO_ZEROS: Final = 1 << 64 | 1  # an id of zeros is none: one bit of each

_current: ContextVar[str] = ContextVar("traceparent", default="")


def current() -> str:
    """Return the traceparent to pass on; empty outside of any work."""
    return _current.get()


def trace_id() -> str:
    """Return the 32 hex digits that all logs of one flow share; empty outside of any work."""
    return _current.get()[3:35]


def new() -> str:
    """Return the traceparent of a flow that begins here."""
    # It names a flow, and guards nothing.
    digits = (getrandbits(192) | _NO_ZEROS).to_bytes(24, "big").hex()
    return f"00-{digits[:32]}-{digits[32:]}-01"


def child(parent: str) -> str:
    """Return the traceparent of a new span of *parent*, a valid one; of a new flow if empty."""
    return f"00-{parent[3:35]}-{getrandbits(64) or 1:016x}-{parent[53:55]}" if parent else new()


def parent_of(headers: Iterable[tuple[str | bytes, bytes]]) -> str:
    """Return the valid traceparent among *headers*; empty if there is none, or more than one."""
    found = [
        value for name, value in headers if len(name) == len(HEADER) and name.lower() in _NAMES
    ]
    if len(found) != 1:
        return ""
    text = found[0].decode("latin-1")
    return text if _FORM.fullmatch(text) else ""


class Span:
    """A piece of work of one flow: `with` makes it current."""

    __slots__ = ("_mine", "_token")

    def __init__(self, mine: str) -> None:
        self._mine = mine

    def __enter__(self) -> str:
        self._token = _current.set(self._mine)
        return self._mine

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def continued(headers: Iterable[tuple[str | bytes, bytes]]) -> Span:
    """Work under the trace that *headers* carry, as a new span, or under a new trace.

    Takes headers of HTTP (bytes) and of Kafka (text). Yields the new traceparent.
    """
    return following(parent_of(headers))


def following(parent: str) -> Span:
    """Work as a new span of *parent*, a valid traceparent; under a new trace when it is empty."""
    return Span(child(parent))


def common(parents: Iterable[str]) -> str:
    """Return the one trace that all *parents* share; empty when they differ."""
    distinct = {parent[3:35]: parent for parent in parents if parent}
    return next(iter(distinct.values())) if len(distinct) == 1 else ""
