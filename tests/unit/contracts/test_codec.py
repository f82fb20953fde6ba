"""The codec: whatever is encoded comes back; whatever is no event is refused with a reason."""

import dataclasses
import types
import typing
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec, events
from contracts.mapping import EPOCH
from contracts.topics import TOPICS

AT = datetime(2026, 11, 11, tzinfo=UTC)
SLUGS = st.text("abcxyz0189-", min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
INTS = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(lambda us: EPOCH + timedelta(microseconds=us))
EVENT_TYPES = sorted({kind for topic in TOPICS for kind in topic.types}, key=lambda k: k.__name__)


def of_type(hint: Any, name: str = "") -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911 - one line a type
    args = typing.get_args(hint)
    if typing.get_origin(hint) is types.UnionType:
        return st.none() | of_type(args[0], name)
    if typing.get_origin(hint) is tuple:
        return st.lists(of_type(args[0]), max_size=2).map(tuple)
    if hint is str:
        return SLUGS if name.endswith("_id") else TEXTS
    if hint is datetime:
        return INSTANTS
    if hint is date:
        return st.dates()
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(1, 28) if name in ("year", "month", "day") else INTS
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return record(hint)


def record(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {f.name: of_type(hints[f.name], f.name) for f in dataclasses.fields(kind)}
    return st.builds(kind, **fields)


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_as_it_went(kind: type[Any]) -> None:
    @given(record(kind))
    def comes_back(event: Any) -> None:
        sent = codec.encode(event, source="test", at=AT)
        assert codec.decode(sent.headers, sent.value, sent.key) == event

    comes_back()


@given(record(events.OrderFacts))
def test_the_id_of_an_event_is_its_content_whoever_sends_it_and_when(event: Any) -> None:
    one = codec.encode(event, source="ingest", at=AT)
    other = codec.encode(event, source="elsewhere", at=AT + timedelta(days=1))
    changed = dataclasses.replace(event, order_id=event.order_id + "x")

    assert one.event_id == other.event_id
    assert codec.encode(changed, source="ingest", at=AT).event_id != one.event_id


def test_the_key_names_shop_and_customer_and_a_watermark_has_none() -> None:
    fact = events.OrderFacts("corner", "c:1", "o1", 1)

    key = codec.encode(fact, source="test", at=AT).key

    assert key == codec.customer_key("corner", "c:1")
    assert codec.split_key(b"corner:c:1") == ("corner", "c:1")
    assert codec.encode(events.Watermark(AT), source="test", at=AT).key is None


def test_headers_are_cloudevents_in_binary_mode() -> None:
    sent = codec.encode(events.Watermark(AT), source="ingest", at=AT, traceparent="00-ab-cd-01")

    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_type": b"huiliu.v1.Watermark",
        "ce_source": b"/huiliu/ingest",
        "ce_id": sent.event_id.encode(),
        "ce_time": b"2026-11-11T00:00:00Z",
        "content-type": b"application/protobuf",
        "traceparent": b"00-ab-cd-01",
    }


def test_a_record_without_a_value_is_the_tombstone_of_its_key() -> None:
    sent = codec.tombstone("customers.v1", b"corner:c1", source="ingest", at=AT)

    assert codec.decode(sent.headers, sent.value, sent.key) == codec.Tombstone(b"corner:c1")


def headers(kind: str) -> tuple[codec.Header, ...]:
    return (("ce_type", f"huiliu.v1.{kind}".encode()),)


@pytest.mark.parametrize(
    ("given_headers", "value", "reason"),
    [
        pytest.param((), b"", "unknown event type ''", id="no type"),
        pytest.param(headers("Sonnet"), b"", "unknown event type", id="a type nobody knows"),
        pytest.param(headers("OrderFacts"), b"\xff\xff", "OrderFacts", id="no such message"),
        pytest.param(headers("OrderFacts"), b"", "is empty", id="a message without its ids"),
        pytest.param(headers("Watermark"), b"", "at_us is missing", id="an instant is missing"),
        pytest.param(headers("Watermark"), None, "without a value", id="neither value nor key"),
    ],
)
def test_what_is_no_event_is_refused_with_a_reason(
    given_headers: tuple[codec.Header, ...], value: bytes | None, reason: str
) -> None:
    with pytest.raises(codec.Unreadable, match=reason):
        codec.decode(given_headers, value)
