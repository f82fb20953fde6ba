from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbing.records import (
    Headers,
    header,
    murmur2,
    pack_headers,
    partition_of,
    place,
    unpack_headers,
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # The vectors of Kafka's own UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_hash_as_in_kafka(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(st.binary(max_size=60), st.integers(1, 64))
def test_a_key_has_the_partition_that_the_client_library_would_choose(
    key: bytes, partitions: int
) -> None:
    from aiokafka.partitioner import DefaultPartitioner  # noqa: PLC0415 - the oracle of this test

    numbers = list(range(partitions))

    assert partition_of(key, partitions) == DefaultPartitioner()(key, numbers, numbers)


def test_without_a_key_the_partition_is_the_first() -> None:
    assert partition_of(None, 32) == 0


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.binary())))
def test_headers_of_any_bytes_come_back_from_the_table(headers: list[tuple[str, bytes]]) -> None:
    packed = pack_headers(tuple(headers))

    assert unpack_headers(packed) == tuple(headers)
    assert b"\x00" not in packed


@dataclass(frozen=True)
class Event:
    topic: str = "orders.v1"
    key: bytes | None = b"21"
    event_id: str = "e1"
    value: bytes | None = b"v"
    headers: Headers = (("ce_id", b"e1"),)


def test_an_event_is_placed_by_its_key_or_where_it_is_told() -> None:
    assert place(Event(), 4).part == partition_of(b"21", 4)
    assert place(Event(), 4, part=2).part == 2
    assert place(Event(), 4).headers == Event().headers


def test_the_first_header_of_a_name_counts() -> None:
    headers = (("a", b"1"), ("b", b"2"), ("a", b"3"))

    assert (header(headers, "a"), header(headers, "c")) == (b"1", b"")
