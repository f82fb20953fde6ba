"""What a shop notes of its customers: values of types that it has defined, and how they travel."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from contracts.events import AttributeType, OwnAttribute

MOST: Final = 100  # of a shop

Value: TypeAlias = str | bool | int | Decimal | list[str] | None


def printed(value: Value) -> str:
    """Return how *value* travels and rests; an empty text takes away what was there.

    A number has neither exponent nor needless zeros, several choices are a JSON list.
    """
    match value:
        case None | []:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return _digits(value)
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def faults(
    defined: Iterable[OwnAttribute], values: Iterable[tuple[str, Value]]
) -> Iterator[tuple[int, str, str]]:
    """Yield which of *values* does not fit: its place, a code, and what would be right."""
    known = {one.name: one for one in defined}
    for place, (name, value) in enumerate(values):
        own = known.get(name)
        if own is None:
            yield place, "unknown", "an attribute that the shop has defined is expected"
        elif printed(value) and not _fits(own, value):
            yield place, "type", _WANTED[own.type]


_WANTED: Final = {
    AttributeType.TEXT: "a text is expected",
    AttributeType.NUMBER: "a number is expected",
    AttributeType.DATE: "a day is expected, as 2026-11-11",
    AttributeType.BOOLEAN: "true or false is expected",
    AttributeType.CHOICE: "one of the attribute's choices is expected",
    AttributeType.CHOICES: "a list of some of the attribute's choices is expected",
}


def _fits(own: OwnAttribute, value: Value) -> bool:
    match own.type:
        case AttributeType.TEXT:
            return isinstance(value, str)
        case AttributeType.NUMBER:
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case AttributeType.DATE:
            return isinstance(value, str) and _is_day(value)
        case AttributeType.BOOLEAN:
            return isinstance(value, bool)
        case AttributeType.CHOICE:
            return isinstance(value, str) and value in own.choices
        case _:  # several
            return (
                isinstance(value, list)
                and set(value) <= set(own.choices)
                and len(set(value)) == len(value)
            )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _digits(value: int | Decimal) -> str:
    text = format(Decimal(value), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
