"""Somebody else's JSON to events of the native API, by a description without code.

What comes out is read by the native API's own strict reader: nothing is checked twice here.
Places in a body are JSON Pointers (RFC 6901).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from ingest.domain import reading
from ingest.domain.money import BadAmount
from ingest.domain.push import minor
from ingest.domain.reading import Unmappable

Json: TypeAlias = Any
Kind: TypeAlias = Literal["id", "text", "count", "flag", "money", "time"]
Steps: TypeAlias = tuple[str, ...]

MOST_EVENTS: Final = 500  # of one body: as many as a batch of the native API
_THOUSAND: Final = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Field:
    """Where one value comes from, and what it is.

    Args:
        path: In the body, or in the element; None with *value*.
        value: Stands for itself.
        kind: What the text or number there means.
        format: Of a time: `rfc3339`, `epoch_s`, `epoch_ms`, or a text for `strptime`.
        zone: Of a time that names none.
        in_minor: Of money: it is in minor units already.
        words: The sender's words to ours; any other says nothing.
    """

    path: Steps | None
    value: Json = None
    kind: Kind = "text"
    format: str = "rfc3339"
    zone: tzinfo | None = None
    in_minor: bool = False
    words: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A list in the event, made of the elements of one in the body."""

    path: Steps
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of event, made of bodies in which each of *when* holds."""

    when: tuple[tuple[Steps, tuple[Json, ...]], ...]
    each: Steps | None
    kind: str
    fields: Mapping[str, Field | Listed]  # a dot parts an object's name from its field's

    @property
    def names_money(self) -> bool:
        listed = (one for field in self.fields.values() for one in _fields_of(field))
        return any(one.kind == "money" for one in listed)


def _fields_of(field: Field | Listed) -> Iterator[Field]:
    if isinstance(field, Listed):
        yield from field.fields.values()
    else:
        yield field


@dataclass(frozen=True, slots=True)
class Translation:
    check: tuple[tuple[Steps, Json], ...]
    rules: tuple[Rule, ...]


def steps(pointer: str) -> Steps:
    """Return the names in a JSON Pointer; ValueError if it is none."""
    if pointer and not pointer.startswith("/"):
        raise ValueError("a JSON Pointer begins with /")
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:])


def translate(
    body: Json, how: Translation, currency: str, notes: Counter[str]
) -> list[dict[str, Json]]:
    """Return the events that *body* is, as the native API would be sent them.

    Args:
        body: Strictly parsed.
        how: Checked when it was saved.
        currency: Of an event that names none.
        notes: Counts amounts that were rounded.

    Raises:
        Unmappable: It is another's, no rule fits, or a value is not what it was said to be.
    """
    for path, expected in how.check:
        if not _same(_at(body, path), expected):
            raise Unmappable(f"it is not the one that {_pointer(path)} should name")
    found: list[dict[str, Json]] = []
    for rule in how.rules:
        if all(any(_same(_at(body, path), one) for one in known) for path, known in rule.when):
            found += [_event(one, rule, currency, notes) for one in _elements(body, rule.each)]
            if len(found) > MOST_EVENTS:
                raise Unmappable(f"more than {MOST_EVENTS} events in one body")
    if not found:
        raise Unmappable("no rule fits")
    return found


def digest_of(body: Json, places: Sequence[Steps]) -> bytes | None:
    """Return what tells one body from another by these *places*; None when one is not there."""
    values = [_at(body, path) for path in places]
    if any(isinstance(one, dict | list) or one is None for one in values):
        return None
    return "\x00".join(map(str, values)).encode()


def _event(body: Json, rule: Rule, currency: str, notes: Counter[str]) -> dict[str, Json]:
    event: dict[str, Json] = {"kind": rule.kind}
    named = rule.fields.get("currency")
    if isinstance(named, Field):
        told = _value(body, named, "currency", currency, notes)
        currency = told if isinstance(told, str) else currency
    for name, field in rule.fields.items():
        if isinstance(field, Listed):
            listed = _elements(body, field.path)
            made = [_object(one, field.fields, currency, notes) for one in listed]
            _put(event, name, made or None)  # a list that is not there says nothing
        else:
            _put(event, name, _value(body, field, name, currency, notes))
    if rule.names_money:
        event.setdefault("currency", currency)
    return event


def _object(
    body: Json, fields: Mapping[str, Field], currency: str, notes: Counter[str]
) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for name, field in fields.items():
        _put(made, name, _value(body, field, name, currency, notes))
    return made


def _put(into: dict[str, Json], name: str, value: Json) -> None:
    if value is None:
        return
    outer, dot, inner = name.partition(".")
    if dot:
        into.setdefault(outer, {})[inner] = value
    else:
        into[name] = value


def _value(body: Json, field: Field, name: str, currency: str, notes: Counter[str]) -> Json:
    if field.path is None:
        return field.value
    value = _at(body, field.path)
    if value is None:
        return None
    if field.words is not None:
        return field.words.get(_text(value, name))
    if field.kind == "money" and not field.in_minor:
        try:
            return minor(value, currency, notes)
        except BadAmount as error:
            raise Unmappable(f"{name}: {error}") from None
    return _READERS[field.kind](value, field, name)


def _count(value: Json, _: Field, name: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unmappable(f"{name} is no whole number")
    return value


def _time(value: Json, field: Field, name: str) -> str:
    if field.format in ("epoch_s", "epoch_ms"):
        at = _since_epoch(value, field.format == "epoch_ms", name)
    else:
        at = _printed(_text(value, name), field, name)
    return reading.possible(at, name).isoformat()


def _since_epoch(value: Json, in_ms: bool, name: str) -> datetime:
    try:
        number = Decimal(value) if isinstance(value, int | str | Decimal) else None
        if number is None or isinstance(value, bool):
            raise Unmappable(f"{name} is no time")
        return datetime.fromtimestamp(float(number / _THOUSAND if in_ms else number), UTC)
    except (ArithmeticError, ValueError, OSError):
        raise Unmappable(f"{name} is no time") from None


def _printed(text: str, field: Field, name: str) -> datetime:
    try:
        at = (
            datetime.fromisoformat(text)
            if field.format == "rfc3339"
            else datetime.strptime(text, field.format)  # noqa: DTZ007 - the zone comes below
        )
    except ValueError:
        raise Unmappable(f"{name} is no time") from None
    if at.tzinfo is None:
        if field.zone is None:
            raise Unmappable(f"{name} is a time without a zone")
        at = at.replace(tzinfo=field.zone)
    return at


def _text(value: Json, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unmappable(f"{name} is no text")
    return value.strip() if isinstance(value, str) else str(value)


def _maybe_text(value: Json, _: Field, name: str) -> str | None:
    return _text(value, name) or None  # an empty text is how many say that there is none


def _as_it_is(value: Json, _: Field, __: str) -> Json:
    return value


_READERS: Final[Mapping[Kind, Callable[[Json, Field, str], Json]]] = {
    "id": _maybe_text,
    "text": _maybe_text,
    "count": _count,
    "money": _count,
    "time": _time,
    "flag": _as_it_is,
}


def _at(body: Json, path: Steps) -> Json:
    """Return what is there, None when nothing is."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isascii() and step.isdigit() and len(step) < 6:
            number = int(step)
            body = body[number] if number < len(body) else None
        else:
            return None
    return body


def _elements(body: Json, path: Steps | None) -> Iterator[Json]:
    if path is None:
        yield body
        return
    found = _at(body, path)
    if found is None:
        return
    if not isinstance(found, list):
        raise Unmappable(f"{_pointer(path)} is no list")
    yield from found


def _same(found: Json, expected: Json) -> bool:
    """Tell whether two scalars are one: True is not 1, nor is "1"."""
    return type(found) is type(expected) and bool(found == expected)


def _pointer(path: Steps) -> str:
    return "".join("/" + one.replace("~", "~0").replace("/", "~1") for one in path)
