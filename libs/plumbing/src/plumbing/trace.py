"""W3C trace context (https://www.w3.org/TR/trace-context/): taken in, kept, passed on."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

HEADER: Final = "traceparent"
_FORM: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)

_current: ContextVar[str] = ContextVar("traceparent", default="")


def current() -> str:
    """Return the traceparent to pass on; empty outside of any work."""
    return _current.get()


def trace_id() -> str:
    """Return the 32 hex digits that all logs of one flow share; empty outside of any work."""
    return _current.get()[3:35]


def new() -> str:
    """Return the traceparent of a flow that begins here."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def parent_of(headers: Iterable[tuple[str | bytes, bytes]]) -> str:
    """Return the valid traceparent among *headers*; empty if there is none, or more than one."""
    found = [value for name, value in headers if len(name) == len(HEADER) and _is_ours(name)]
    if len(found) != 1:
        return ""
    text = found[0].decode("latin-1")
    return text if _FORM.fullmatch(text) else ""


@contextmanager
def continued(headers: Iterable[tuple[str | bytes, bytes]]) -> Iterator[str]:
    """Work under the trace that *headers* carry, as a new span, or under a new trace.

    Takes headers of HTTP (bytes) and of Kafka (text). Yields the new traceparent.
    """
    with following(parent_of(headers)) as mine:
        yield mine


@contextmanager
def following(parent: str) -> Iterator[str]:
    """Work as a new span of *parent*, a valid traceparent; under a new trace when it is empty."""
    mine = f"00-{parent[3:35]}-{os.urandom(8).hex()}-{parent[53:55]}" if parent else new()
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)


def common(parents: Iterable[str]) -> str:
    """Return the one trace that all *parents* share; empty when they differ."""
    distinct = {parent[3:35]: parent for parent in parents if parent}
    return next(iter(distinct.values())) if len(distinct) == 1 else ""


def _is_ours(name: str | bytes) -> bool:
    plain = name.decode("latin-1") if isinstance(name, bytes) else name
    return plain.lower() == HEADER
