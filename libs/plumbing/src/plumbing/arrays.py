"""Whole columns as Postgres' array literals.

asyncpg looks into each item of a list to see whether it is a list itself, which takes longer than
all else that happens to a row here. A literal is one text: pass it as `cast(cast(:ids as text) as
text[])`.
"""

from collections.abc import Iterable, Sequence


def texts(values: Sequence[str]) -> str:
    """Return *values* as a literal of text[]."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') > 2 * (len(values) - 1):
        joined = '","'.join([_escaped(value) for value in values])
    return f'{{"{joined}"}}'


def some_texts(values: Iterable[str | None]) -> str:
    """Return texts, of which some may be missing, as a literal of text[]."""
    quoted = ["NULL" if value is None else f'"{_escaped(value)}"' for value in values]
    return "{" + ",".join(quoted) + "}"


def plain(values: Iterable[object]) -> str:
    """Return numbers, dates, booleans or bare words as a literal of an array."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
