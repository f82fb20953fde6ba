"""One event of each type with every field set, always the same.

`python -m support.specimens` prints the golden file: bytes that later versions must still read.
"""

import dataclasses
import json
import sys
import types
import typing
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from contracts import codec
from contracts.topics import TOPICS

AT = datetime(2026, 11, 11, 9, 30, 0, 123456, tzinfo=UTC)
EVENT_TYPES = sorted({kind for topic in TOPICS for kind in topic.types}, key=lambda k: k.__name__)


def specimen(kind: type[Any], seed: int = 1) -> Any:
    """Return an event of *kind* whose every field differs from its default."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(**{name: _value(hints[name], name, seed + i) for i, name in enumerate(names)})


def _value(hint: Any, name: str, seed: int) -> Any:  # noqa: C901, PLR0911 - one line a type
    args = typing.get_args(hint)
    if typing.get_origin(hint) is types.UnionType:
        return _value(args[0], name, seed)
    if typing.get_origin(hint) is tuple:
        return (_value(args[0], name, seed), _value(args[0], name, seed + 1))
    if hint is str:
        return f"{name.replace('_', '-')}-{seed}"
    if hint is datetime:
        return AT + timedelta(minutes=seed)
    if hint is date:
        return AT.date() + timedelta(days=seed)
    if hint is bool:
        return True
    if hint is int:
        return seed % 28 + 1 if name in ("year", "month", "day") else 2**53 + seed
    if issubclass(hint, StrEnum):
        return list(hint)[seed % len(hint)]
    return specimen(hint, seed)


def golden() -> dict[str, Any]:
    """Return, by type, the bytes of its specimen and each field's value in its printed form."""
    found = {}
    for kind in EVENT_TYPES:
        event = specimen(kind)
        sent = codec.encode(event, source="test", at=AT)
        fields = {f.name: repr(getattr(event, f.name)) for f in dataclasses.fields(kind)}
        found[kind.__name__] = {
            "event_id": sent.event_id,
            "value": (sent.value or b"").hex(),
            "fields": fields,
        }
    return found


if __name__ == "__main__":
    json.dump(golden(), sys.stdout, ensure_ascii=False, indent=1, sort_keys=True)
    sys.stdout.write("\n")
