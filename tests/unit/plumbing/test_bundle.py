"""Rows of the outbox: what goes in comes out, in order, and no row is too large."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from plumbing.bundle import FEWEST, MOST, MOST_BYTES, Item, items_of, rows_of
from plumbing.records import OutRecord


def record(number: int, part: int, size: int = 8) -> OutRecord:
    headers = (("ce_id", b"%d" % number), ("odd", b"\x00\xff"))
    return OutRecord("t", part, b"k%d" % number, f"id-{number}", b"x" * size, headers)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 8, 300_000])), max_size=200))
def test_each_partition_has_its_records_again_in_their_order(
    drawn: list[tuple[int, int]],
) -> None:
    records = [record(number, part, size) for number, (part, size) in enumerate(drawn)]
    put: dict[tuple[str, int], list[Item]] = defaultdict(list)
    found: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for one in records:
        put[one.topic, one.part].append(Item(one.key, one.value, one.headers))

    rows = rows_of(records)
    for row in rows:
        items = items_of(row)
        assert len(items) == row.records
        assert row.records == 1 or sum(len(one.value or b"") for one in items) <= MOST_BYTES
        found[row.topic, row.part] += items

    assert found == put


def test_few_records_have_a_row_each_and_many_share_some() -> None:
    few = [record(number, number % 2) for number in range(2 * FEWEST - 2)]
    many = [record(number, 0) for number in range(2 * MOST + 1)]

    assert [row.event_id for row in rows_of(few[: FEWEST - 1])] == [
        one.event_id for one in few[: FEWEST - 1]
    ]
    assert all(row.records == 1 for row in rows_of(few))
    assert [row.records for row in rows_of(many)] == [MOST, MOST, 1]


def test_a_record_without_value_stays_without() -> None:
    erased = [OutRecord("t", 0, b"k", "id", None, ())] * FEWEST

    [row] = rows_of(erased)
    assert items_of(row) == [Item(b"k", None, ())] * FEWEST
