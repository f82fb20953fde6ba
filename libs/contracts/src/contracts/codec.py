"""Bytes to events and back: the only place that knows protobuf.

On the wire a record is a protobuf message with CloudEvents 1.0 headers in binary mode
(https://github.com/cloudevents/spec, Kafka protocol binding 1.0.1) and a W3C `traceparent`.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec
from google.protobuf.message import DecodeError, Message

from contracts import events
from contracts.ids import derive, deriver
from contracts.mapping import Incomplete, Mapping
from contracts.topics import BY_NAME, TOPICS
from huiliu.v1 import (
    cart_pb2,
    catalog_pb2,
    customer_pb2,
    delivery_pb2,
    message_pb2,
    order_pb2,
    review_pb2,
    rule_pb2,
    segment_pb2,
    shipment_pb2,
    shop_pb2,
)

Header: TypeAlias = tuple[str, bytes]
Around: TypeAlias = tuple[tuple[Header, ...], tuple[Header, ...]]  # before an event's id, behind
CONTENT_TYPE: Final = b"application/protobuf"
PACKAGE: Final = "huiliu.v1."

_MESSAGES: Final[dict[type, type[Message]]] = {
    events.OrderFacts: order_pb2.OrderFacts,
    events.ShipmentFacts: shipment_pb2.ShipmentFacts,
    events.ReviewFacts: review_pb2.ReviewFacts,
    events.CartFacts: cart_pb2.CartFacts,
    events.WishFacts: cart_pb2.WishFacts,
    events.CustomerFacts: customer_pb2.CustomerFacts,
    events.CustomerErased: customer_pb2.CustomerErased,
    events.CustomerProfile: customer_pb2.CustomerProfile,
    events.CustomersMerged: customer_pb2.CustomersMerged,
    events.CustomersUnmerged: customer_pb2.CustomersUnmerged,
    events.Product: catalog_pb2.Product,
    events.Shop: shop_pb2.Shop,
    events.Rule: rule_pb2.Rule,
    events.SegmentChanged: segment_pb2.SegmentChanged,
    events.LevelChanged: segment_pb2.LevelChanged,
    events.PointsChanged: segment_pb2.PointsChanged,
    events.ChurnChanged: segment_pb2.ChurnChanged,
    events.AudienceChanged: segment_pb2.AudienceChanged,
    events.Traits: segment_pb2.Traits,
    events.MessagePlanned: message_pb2.MessagePlanned,
    events.MessageRecalled: message_pb2.MessageRecalled,
    events.Decision: message_pb2.Decision,
    events.Watermark: message_pb2.Watermark,
    events.DeliveryChanged: delivery_pb2.DeliveryChanged,
    events.LinkClicked: delivery_pb2.LinkClicked,
    events.ReplyReceived: delivery_pb2.ReplyReceived,
    events.OptOutChanged: delivery_pb2.OptOutChanged,
}
_MAPPINGS: Final = {kind: Mapping(kind, message) for kind, message in _MESSAGES.items()}
_BY_TYPE_NAME: Final = {
    (PACKAGE + kind.__name__).encode(): (message, _MAPPINGS[kind])
    for kind, message in _MESSAGES.items()
}
_HOME: Final = {kind: topic.name for topic in reversed(TOPICS) for kind in topic.types}


_Way: TypeAlias = tuple[
    Callable[[Any], Message], str, Callable[[Any], bytes] | None, Callable[[str], str]
]
Views: TypeAlias = dict[type, type]
Decode: TypeAlias = Callable[..., Any]  # (headers, value, key=None)


class Unreadable(ValueError):
    """The bytes are no event that we know; the text says why."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The record that erased *key* from a compacted topic."""

    key: bytes


class Encoded(msgspec.Struct, gc=False):
    """A record ready for its topic, but for the partition."""

    topic: str
    key: bytes | None
    event_id: str
    value: bytes | None
    headers: tuple[Header, ...]


def encode(
    event: Any,
    *,
    source: str,
    at: datetime,
    topic: str | None = None,
    traceparent: str = "",
) -> Encoded:
    """Return *event* as a record.

    The event id is derived from the content, so the same event encoded again, by any process and
    at any time, is the same event.

    Args:
        event: A value of `contracts.events`.
        source: The service that says it, such as "ingest".
        at: When it says so; travels as `ce_time` and is no part of the id.
        topic: Where it goes when its type travels on several topics; the first such by default.
        traceparent: W3C trace context to pass on; none when empty.
    """
    kind: type = type(event)
    return _encoded(
        event, _way(kind, topic or _HOME[kind]), _headers(kind.__name__, source, at, traceparent)
    )


def encode_all(
    events: Iterable[Any], *, source: str, at: datetime, traceparent: str = ""
) -> list[Encoded]:
    """Do what `encode` does for many, each to its type's first topic."""
    around: dict[type, Around] = {}
    records = []
    for event in events:
        kind: type = type(event)
        if kind not in around:
            around[kind] = _headers(kind.__name__, source, at, traceparent)
        records.append(_encoded(event, _way(kind, _HOME[kind]), around[kind]))
    return records


def encode_ready(
    kind: type,
    ready: Iterable[tuple[bytes, bytes]],
    *,
    source: str,
    at: datetime,
    traceparent: str = "",
) -> list[Encoded]:
    """Do what `encode` does for events of one *kind* whose key and message are bytes already.

    These bytes must be what `encode` would have made of them: the ids come from them.
    """
    name, topic = kind.__name__, _HOME[kind]
    id_of = deriver("event", name)
    records = []
    around = _headers(name, source, at, traceparent)
    for key, value in ready:
        event_id = id_of(hashlib.sha256(value).hexdigest())
        records.append(Encoded(topic, key, event_id, value, _with_id(event_id, around)))
    return records


def begun(kind: type, **fields: str) -> bytes:
    """Return the bytes of a message's first *fields*; those of the others may follow."""
    return _MESSAGES[kind](**fields).SerializeToString(deterministic=True)


def numbers(kind: type, *path: str) -> dict[str, int]:
    """Return the wire's number of each field of *kind*, or of the message at *path* inside it."""
    message: Any = _MESSAGES[kind].DESCRIPTOR
    for step in path:
        message = message.fields_by_name[step].message_type
    return {one.name.removesuffix("_us"): one.number for one in message.fields}


def tombstone(topic: str, key: bytes, *, source: str, at: datetime) -> Encoded:
    """Return the record that erases *key* from a compacted topic."""
    event_id = derive("tombstone", topic, key.decode())
    return Encoded(
        topic, key, event_id, None, _with_id(event_id, _headers("Tombstone", source, at, ""))
    )


def decoder(views: Views) -> Decode:
    """Return a `decode` that reads no more of an event than its view has.

    Args:
        views: By type of event, a dataclass with some of its fields.
    """
    table = {
        **_BY_TYPE_NAME,
        **{
            (PACKAGE + kind.__name__).encode(): (
                _MESSAGES[kind],
                Mapping(view, _MESSAGES[kind], view=True),
            )
            for kind, view in views.items()
        },
    }

    def decode(headers: Iterable[Header], value: bytes | None, key: bytes | None = None) -> Any:
        """Return the event that a record holds, or the `Tombstone` of *key* for one without value.

        Raises:
            Unreadable: Unknown type or version, bytes that are no such message, a missing field.
        """
        if value is None and key is not None:
            return Tombstone(key)
        name = header(headers, "ce_type")
        known = table.get(name)
        if known is None:
            raise Unreadable(f"unknown event type {name.decode('utf-8', 'replace')[:80]!r}")
        if value is None:
            raise Unreadable(f"{name.decode()} without a value")
        message, mapping = known
        try:
            return mapping.from_wire(message.FromString(value))
        except (DecodeError, Incomplete) as error:
            raise Unreadable(f"{name.decode()}: {error}") from error

    return decode


def header(headers: Iterable[Header], name: str) -> bytes:
    """Return the first header called *name*, empty if there is none."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def customer_key(shop_id: str, customer_id: str) -> bytes:
    return f"{shop_id}:{customer_id}".encode()


def split_key(key: bytes) -> tuple[str, str]:
    """Return (shop_id, the rest) of a record's key; a slug holds no colon, the rest may."""
    shop_id, _, rest = key.decode().partition(":")
    return shop_id, rest


@cache
def _key_of(kind: type, topic: str) -> Callable[[Any], bytes] | None:
    """Return what makes a record's key; None for a watermark, which belongs to a partition."""
    names = BY_NAME[topic].key
    if not {one.name for one in dataclasses.fields(kind)}.issuperset(names):
        return None
    parts: Callable[[Any], Any] = attrgetter(*names)  # a tuple only of two and more
    if len(names) == 1:
        return lambda event: str(parts(event)).encode()
    return lambda event: ":".join(parts(event)).encode()


@cache
def _constant(type_name: str, source: str) -> tuple[Header, Header, Header, Header]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", (PACKAGE + type_name).encode()),
        ("ce_source", f"/huiliu/{source}".encode()),
        ("content-type", CONTENT_TYPE),
    )


@cache
def _way(kind: type, topic: str) -> _Way:
    """Return what encodes events of one *kind* for *topic*."""
    to_wire, id_of = _MAPPINGS[kind].to_wire, deriver("event", kind.__name__)
    return to_wire, topic, _key_of(kind, topic), id_of


def _encoded(event: Any, way: _Way, around: Around) -> Encoded:
    to_wire, topic, key, id_of = way
    value = to_wire(event).SerializeToString(deterministic=True)
    event_id = id_of(hashlib.sha256(value).hexdigest())
    return Encoded(topic, key and key(event), event_id, value, _with_id(event_id, around))


def _headers(type_name: str, source: str, at: datetime, traceparent: str) -> Around:
    """Return what stands before an event's id, and what behind."""
    version, kind, of, end = _constant(type_name, source)
    # RFC 3339 in quotes, in an eighth of the time that isoformat() takes.
    time = ("ce_time", msgspec.json.encode(at if at.tzinfo is UTC else at.astimezone(UTC))[1:-1])
    if not traceparent:
        return (version, kind, of), (time, end)
    return (version, kind, of), (time, end, ("traceparent", traceparent.encode()))


def _with_id(event_id: str, around: Around) -> tuple[Header, ...]:
    before, after = around
    return (*before, ("ce_id", event_id.encode()), *after)


decode: Final = decoder({})
