"""Whole columns as Postgres' array literals.

asyncpg looks into each item of a list to see whether it is a list itself, which takes longer than
all else that happens to a row here. A literal is one text: pass it as `cast(cast(:ids as text) as
text[])`.
"""

from collections.abc import Iterable


def texts(values: Iterable[str | None]) -> str:
    """Return *values* as a literal of text[]."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def plain(values: Iterable[object]) -> str:
    """Return numbers, dates, booleans or bare words as a literal of an array."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    if '"' in value or "\\" in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
