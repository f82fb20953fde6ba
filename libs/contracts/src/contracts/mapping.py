"""Values to protobuf messages and back, by the names and types that both sides declare.

The converters are built once, when this module's user is imported, and a difference between
a dataclass and its message stops the import. The rules: fields pair by name; an instant is
`<name>_us`, UTC microseconds; a day is a `Date`; an enumeration pairs by member name; a tuple is
a repeated field, and one that may be `None` is a message whose only field is repeated `items`.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeAlias

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from huiliu.v1.common_pb2 import Date as WireDate

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Convert: TypeAlias = Callable[[Any], Any]


class Mismatch(TypeError):
    """A dataclass and its protobuf message do not say the same."""


class Incomplete(ValueError):
    """A message lacks what its type requires, or holds a value that nobody knows."""


def to_us(at: datetime) -> int:
    """Return UTC microseconds since 1970, exactly; *at* must be aware."""
    return (at - EPOCH) // MICROSECOND


def from_us(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    wire: str
    put: Callable[..., Any]
    get: Convert
    inside: bool  # a message: `put` writes into it
    plain: bool  # the message has the very value
    many: bool
    optional: bool
    presence: bool
    items: type[Message] | None  # the wrapper of a tuple that may be None


class Mapping:
    """One dataclass and its message class; a *view* may leave out fields of the message."""

    def __init__(self, event: type[Any], wire: type[Message], *, view: bool = False) -> None:
        self._wire = wire
        hints = typing.get_type_hints(event)
        self._fields = [
            _field(field.name, hints[field.name], wire) for field in dataclasses.fields(event)
        ]
        known = {field.wire for field in self._fields}
        strange = {field.name for field in wire.DESCRIPTOR.fields} - known
        if strange and not view:
            raise Mismatch(f"{event.__name__} lacks {sorted(strange)} of {wire.DESCRIPTOR.name}")
        self.fill = _filling(self._fields)
        self.from_wire = _reading(event, self._fields)

    def to_wire(self, event: Any) -> Message:
        wire = self._wire()
        self.fill(wire, event)
        return wire


def _filling(fields: Sequence[_Field]) -> Callable[[Message, Any], None]:
    """Return the function that writes an event, or what has its fields, into an empty message.

    Its source is written out field by field, as `dataclasses` does it: it runs for every event.
    """
    lines = ["def fill(wire, event):"]
    names: dict[str, Any] = {"EPOCH": EPOCH}
    for number, field in enumerate(fields):
        names[f"put{number}"] = field.put
        lines += [f" v = event.{field.name}", f" if {_is_set(field)}:"]
        lines += [f"  {line}" for line in _written(field, number)]
    exec("\n".join(lines), names)  # noqa: S102 - of names in our own dataclasses
    fill: Callable[[Message, Any], None] = names["fill"]
    return fill


def _is_set(field: _Field) -> str:
    return "v" if field.many and not field.items else "v is not None"


def _written(field: _Field, number: int) -> list[str]:
    """Return the statements that write `v`; what is a message is there even if it stays empty."""
    if field.many:
        lines, into = [], f"wire.{field.wire}"
        if field.items:
            lines, into = [f"{into}.SetInParent()"], f"{into}.items"
        if field.inside:
            return [*lines, f"add = {into}.add", "for one in v:", f" put{number}(add(), one)"]
        if field.put is _same:
            return [*lines, f"{into}.extend(v)"]
        return [*lines, f"{into}.extend([put{number}(one) for one in v])"]
    if field.inside:
        return [f"w = wire.{field.wire}", "w.SetInParent()", f"put{number}(w, v)"]
    return [f"wire.{field.wire} = {_value(field, number)}"]


def _value(field: _Field, number: int) -> str:
    if field.put is _same:
        return "v"
    if field.put is to_us:
        return "((d := v - EPOCH).days * 86400 + d.seconds) * 1000000 + d.microseconds"
    return f"put{number}(v)"


def _reading(event: type[Any], fields: Sequence[_Field]) -> Convert:
    """Return the function that makes an *event* of a message, written out as `_filling` is."""
    names: dict[str, Any] = {"event": event}
    names |= {f"read{number}": _reader(field) for number, field in enumerate(fields)}
    values = ", ".join(_read(field, number) for number, field in enumerate(fields))
    exec(f"def read(wire): return event({values})", names)  # noqa: S102 - as in `_filling`
    read: Convert = names["read"]
    return read


def _read(field: _Field, number: int) -> str:
    if field.many or not field.plain or (field.presence and not field.optional):
        return f"read{number}(wire)"
    if field.presence:
        return f"wire.{field.wire} if wire.HasField({field.wire!r}) else None"
    # What must not be empty and is, `read` complains about.
    return f"wire.{field.wire}" + ("" if _may_be_empty(field) else f" or read{number}(wire)")


def _reader(field: _Field) -> Convert:
    """Return what reads *field* of a message: one closure, for it runs for every field read."""
    if field.many:
        return _many_reader(field)
    name, of = field.wire, attrgetter(field.wire)
    convert = of if field.plain and _may_be_empty(field) else _converting(field)
    if not field.presence:
        return convert

    def required(wire: Any) -> Any:
        if not wire.HasField(name):
            raise Incomplete(f"{name} is missing")
        return convert(wire)

    def optional(wire: Any) -> Any:
        return convert(wire) if wire.HasField(name) else None

    return optional if field.optional else required


def _may_be_empty(field: _Field) -> bool:
    return field.optional or not field.name.endswith("_id")


def _converting(field: _Field) -> Convert:
    name, get, of = field.wire, field.get, attrgetter(field.wire)
    may_be_empty = _may_be_empty(field)

    def convert(wire: Any) -> Any:
        value = of(wire)
        if value == "" and not may_be_empty:
            raise Incomplete(f"{name} is empty")
        try:
            return get(value)
        except (ValueError, OverflowError, KeyError) as error:
            raise Incomplete(f"{name}: {error}") from error

    return convert


def _many_reader(field: _Field) -> Convert:
    name, get, of = field.wire, field.get, attrgetter(field.wire)

    def maybe(wire: Any) -> Any:
        return tuple(map(get, of(wire).items)) if wire.HasField(name) else None

    def many(wire: Any) -> Any:
        return tuple(map(get, of(wire)))

    return maybe if field.items else many


def _field(name: str, hint: Any, wire: type[Message]) -> _Field:
    kind, optional = _without_none(hint)
    many = typing.get_origin(kind) is tuple
    one = typing.get_args(kind)[0] if many else kind
    wire_name = f"{name}_us" if one is datetime else name
    described = wire.DESCRIPTOR.fields_by_name.get(wire_name)
    if described is None:
        raise Mismatch(f"{wire.DESCRIPTOR.name} has no field {wire_name}")
    items = None
    inner = described
    if many and optional:
        items = _class_of(described)
        inner = items.DESCRIPTOR.fields_by_name["items"]
    put, get = _converters(one, inner)
    return _Field(
        name=name,
        wire=wire_name,
        put=put,
        get=get,
        inside=inner.message_type is not None,
        plain=get is _same,
        many=many,
        optional=optional,
        presence=described.has_presence,
        items=items,
    )


def _class_of(described: Any) -> type[Message]:
    return GetMessageClass(described.message_type)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        rest = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return rest[0], True
    return hint, False


def _converters(kind: Any, described: Any) -> tuple[Callable[..., Any], Convert]:
    if kind is datetime:
        return to_us, from_us
    if kind is date:
        return _day_to_wire, _day_from_wire
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum_converters(kind, described.enum_type)
    if dataclasses.is_dataclass(kind):
        nested = Mapping(typing.cast("type[Any]", kind), _class_of(described))
        return nested.fill, nested.from_wire
    if kind in (str, int, bool):
        return _same, _same
    raise Mismatch(f"{described.full_name}: no conversion for {kind}")


def _same(value: Any) -> Any:
    return value


def _day_to_wire(wire: WireDate, day: date) -> None:
    wire.year, wire.month, wire.day = day.year, day.month, day.day


def _day_from_wire(wire: WireDate) -> date:
    return date(wire.year, wire.month, wire.day)


def _enum_converters(kind: type[StrEnum], described: EnumDescriptor) -> tuple[Convert, Convert]:
    prefix = "".join(f"_{c}" if c.isupper() else c for c in described.name).lstrip("_").upper()
    numbers = {value.name: value.number for value in described.values if value.number != 0}
    if {f"{prefix}_{member.name}" for member in kind} != set(numbers):
        raise Mismatch(f"{kind.__name__} and {described.full_name} name different members")
    out = {member: numbers[f"{prefix}_{member.name}"] for member in kind}
    back = {number: member for member, number in out.items()}

    def get(number: int) -> StrEnum:
        if number not in back:
            raise Incomplete(f"{number} is no {kind.__name__} that we know")
        return back[number]

    return out.__getitem__, get
