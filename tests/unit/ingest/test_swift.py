"""What is read swiftly is what the slow way reads, and nothing that it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import encode
from contracts.events import OrderFacts
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.reading import EARLIEST
from ingest.edges import swift
from ingest.edges.events import Posted, quickly, strictly

ORDER: dict[str, Any] = {
    "kind": "order",
    "order_id": "A-1",
    "customer_id": "c-7",
    "version": "2026-01-05T10:00:00.25+08:00",
    "placed_at": "2026-01-05T09:58:00+08:00",
    "ship_by": "2026-01-07T00:00:00Z",
    "cancelled_at": None,
    "pay_on_delivery": False,
    "currency": "CNY",
    "total": 8900,
    "items": [{"sku": "S-1", "name": "茶", "quantity": 1, "price": 9900}],
    "region": {"country": "CN", "province": "北京市", "city": "北京市"},
}

PAID = {name: value for name, value in ORDER.items() if value is not None}


def spelled(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def values(posted: Posted) -> list[bytes | None]:
    """Return the facts as they would go to their topic; a refused event is empty."""
    return [
        None
        if isinstance(one, tuple)
        else encode(one.item("north").said.fact, source="test", at=EARLIEST).value
        for one in posted.events
    ]


def agrees(raw: bytes) -> bool:
    """Tell whether *raw* was read swiftly, having checked that the slow way reads the same."""
    swiftly = quickly(raw)
    if swiftly is None:
        return False
    slowly = strictly(raw)
    assert values(swiftly) == values(slowly)
    assert swiftly.single == slowly.single
    for one, other in zip(swiftly.events, slowly.events, strict=True):
        assert not isinstance(one, tuple)
        assert not isinstance(other, tuple)
        assert list(one.instants()) == list(other.instants())
        assert one.newest() == other.newest()
        if isinstance(one, swift.Order):
            fields = encode(one.fields("north"), kind=OrderFacts, source="test", at=EARLIEST)
            assert fields == encode(one.item("north").said.fact, source="test", at=EARLIEST)
    return True


@pytest.mark.parametrize("shape", ["one", "batch"])
def test_a_plain_order_is_read_swiftly(shape: str) -> None:
    other = {**ORDER, "order_id": "A-2026"}

    assert agrees(spelled(ORDER if shape == "one" else {"events": [ORDER, other]}))


def test_blanks_between_are_read_swiftly() -> None:
    assert agrees(json.dumps(PAID, ensure_ascii=False).encode())
    assert agrees(json.dumps({"events": [PAID, PAID]}, ensure_ascii=False).encode())


texts = st.text(st.characters(codec="utf-8"), max_size=130) | st.sampled_from(["", "x" * 128, "茶"])
numbers = st.integers(-1, 10**14 + 1) | st.sampled_from([0, 1, 10**14, 2**63, 2**64, 1.0, 1e3])
days = st.sampled_from(["2026-01-05", "1989-12-31", "2199-12-31", "2200-01-01", "2026-02-30"])
times = st.sampled_from(["10:00:00", "23:59:60", "24:00:00", "10:00", "00:00:00"])
fractions = st.sampled_from(["", ".1", ".123456", ".1234567", ".999999999", ".1234567891", "."])
zones = st.sampled_from(["Z", "z", "+08:00", "-00:00", "+0800", "-0800", "+08", "", "+24:00"])
instants = st.one_of(
    st.builds(lambda *parts: "".join(parts), days, st.sampled_from("Tt "), times, fractions, zones),
    st.sampled_from([None, 5, "soon"]),
)
anything = st.one_of(texts, numbers, instants, st.booleans(), st.none(), st.just([]), st.just({}))
fields: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(["order", "cart", None]),
    "order_id": texts,
    "customer_id": texts,
    **dict.fromkeys(("version", "placed_at", "paid_at", "closes_at", "restored_at"), instants),
    "currency": st.sampled_from([*sorted(MINOR_DIGITS)[:3], "XXZ", "cny", ""]),
    **dict.fromkeys(("total", "discount", "freight"), numbers),
    "is_test": st.booleans(),
    "region": st.fixed_dictionaries(
        {"country": st.sampled_from([*sorted(COUNTRIES)[:3], "ZZ", ""])}, optional={"city": texts}
    ),
    "items": st.lists(
        st.fixed_dictionaries({"sku": texts, "quantity": numbers, "price": numbers}), max_size=2
    ),
    "refunds": st.just([]),
    "strange": anything,
}
changes = st.sampled_from(sorted(fields)).flatmap(
    lambda name: st.tuples(st.just(name), fields[name] | anything)
)


@given(st.lists(changes, max_size=3), st.sets(st.sampled_from(sorted(ORDER)), max_size=2))
def test_whatever_is_read_swiftly_the_slow_way_reads_alike(
    changed: list[tuple[str, Any]], without: set[str]
) -> None:
    order = {name: value for name, value in ORDER.items() if name not in without} | dict(changed)

    agrees(spelled(order))
    agrees(spelled({"events": [ORDER, order]}))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(spelled(ORDER)[:-1] + b',"total":1}', id="a key twice"),
        pytest.param(spelled(ORDER)[:-1] + b',"total" :1}', id="a key twice, once apart"),
        pytest.param(spelled(PAID)[:-1] + b',"total" :1}', id="a key twice, once apart, no null"),
        pytest.param(spelled(PAID)[:-1] + b',"total"\n:1}', id="a key twice, once on its line"),
        pytest.param(spelled(PAID)[:-1] + b',"total":1}', id="a key twice, no null"),
        pytest.param(spelled(ORDER).replace(b'"total":8900', b'"total":8900.0'), id="a fraction"),
        pytest.param(spelled(ORDER).replace(b"A-1", b"A\\u0031"), id="an escape"),
        pytest.param(spelled(ORDER).replace(b"A-1", b"A\x7f"), id="a control character"),
        pytest.param(spelled(ORDER).replace(b"A-1", b"A\xff"), id="not UTF-8"),
        pytest.param(json.dumps(ORDER).encode(), id="escapes"),
        pytest.param(spelled({**ORDER, "version": "2026-01-05 10:00:00Z"}), id="a blank in a time"),
        pytest.param(spelled({**ORDER, "version": "2026-01-05T10:00:00+0800"}), id="no colon"),
        pytest.param(spelled({**ORDER, "version": "2026-01-05T10:00:00.5-0800"}), id="nor west"),
        pytest.param(spelled({**ORDER, "version": "2026-01-05T10:00:00.1234567Z"}), id="ns"),
        pytest.param(spelled({**ORDER, "version": "2026-01-05T10:00:00"}), id="no offset"),
        pytest.param(spelled({**ORDER, "currency": "ZZZ"}), id="an unknown currency"),
        pytest.param(spelled({**ORDER, "refunds": []}), id="a field that is read slowly"),
        pytest.param(spelled({"events": []}), id="an empty batch"),
        pytest.param(spelled({"events": [ORDER], "more": 1}), id="more than a batch"),
        pytest.param(spelled([ORDER]), id="a list"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_needs_care_is_left_to_the_slow_way(raw: bytes) -> None:
    assert quickly(raw) is None


def test_an_order_without_its_kind_is_not_guessed() -> None:
    unnamed = {name: value for name, value in ORDER.items() if name != "kind"}

    assert swift.order(spelled(unnamed)) is None
