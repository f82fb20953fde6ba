"""What is read swiftly is what the slow way reads, and nothing that it refuses."""

import json
from datetime import UTC, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import encode, encode_ready
from contracts.events import OrderFacts
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.reading import EARLIEST, micros
from ingest.edges import swift
from ingest.edges.events import strictly

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

LINE = {"sku": "S-1", "quantity": 1, "price": 9900}
INSTANTS = (
    *("placed_at", "deposit_paid_at", "paid_at", "signed_at", "confirmed_at", "cancelled_at"),
    *("restored_at", "closes_at", "balance_opens_at", "balance_closes_at", "ship_by"),
)
SEED = 20261127
PAID = {name: value for name, value in ORDER.items() if value is not None}


pytestmark = pytest.mark.skipif(
    not swift.COMPILED, reason="_swift.pyx is not compiled: install gcc, then rm .venv/.ok && make"
)


def spelled(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def agrees(raw: bytes) -> bool:
    """Tell whether *raw* was read swiftly, and check that the slow way makes the same of it."""
    swiftly = swift.plain(raw)
    if swiftly is None:
        return False
    slowly = strictly(raw)
    events = [one for one in slowly.events if not isinstance(one, tuple)]
    usual = [encode(one.item("north").said.fact, source="test", at=EARLIEST) for one in events]
    assert encode_ready(OrderFacts, swiftly.ready("north"), source="test", at=EARLIEST) == usual
    assert len(events) == len(slowly.events) == len(swiftly)
    assert swiftly.single == slowly.single
    assert swiftly.newest_us() == micros(max(one.newest() for one in events))
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
    assert swift.plain(raw) is None


def full_order(draw: Random) -> dict[str, Any]:
    """Return a right order with any of its fields, in any order."""

    def text(most: int) -> str:
        return "".join(draw.choices("aZ7 -_.茶é𐍈龍/:,", k=draw.randint(1, most)))

    def instant() -> str:
        at = EARLIEST + timedelta(seconds=draw.randrange(10**9), microseconds=draw.randrange(10**6))
        zone = timezone(timedelta(minutes=draw.randrange(-1439, 1440)))
        return at.astimezone(draw.choice([UTC, zone])).isoformat()

    def line() -> dict[str, Any]:
        whole = {"sku": text(128), "quantity": draw.randint(1, 10**6), "price": minor()}
        return whole | ({"name": text(200)} if draw.random() < 0.5 else {})

    def minor() -> int:
        return draw.choice([0, 1, 127, 128, 10**14, draw.randrange(10**9)])

    needed = {"kind": "order", "order_id": text(128), "customer_id": text(128)}
    optional: dict[str, Any] = {
        **{name: instant() for name in INSTANTS},
        **{name: minor() for name in ("total", "discount", "freight")},
        **{name: draw.random() < 0.5 for name in ("pay_on_delivery", "is_test", "is_presale")},
        "currency": draw.choice(sorted(MINOR_DIGITS)),
        "items": [line() for _ in range(draw.randrange(4))],
        "region": {"country": draw.choice(sorted(COUNTRIES)), "province": text(9), "city": ""},
    }
    names = [name for name in optional if draw.random() < 0.6]
    told = needed | {"version": instant()} | {name: optional[name] for name in names}
    told |= {name: None for name in optional if name not in names and draw.random() < 0.2}
    return dict(draw.sample(list(told.items()), len(told)))


def test_every_right_order_without_refunds_is_read_swiftly() -> None:
    draw = Random(SEED)  # noqa: S311 - the same orders each time

    for _ in range(300):
        order = full_order(draw)
        assert agrees(spelled(order)), (SEED, order)
        assert agrees(spelled({"events": [order, ORDER]})), (SEED, order)


def test_no_changed_byte_and_no_cut_makes_the_two_ways_differ() -> None:
    draw = Random(SEED)  # noqa: S311 - the same orders each time
    raw = spelled({"events": [ORDER, full_order(draw)]})

    for end in range(len(raw)):
        assert swift.plain(raw[:end]) is None
    for at in range(len(raw)):
        for byte in (0, draw.randrange(256), ord('"'), ord("}"), raw[at] ^ 1 << draw.randrange(8)):
            agrees(raw[:at] + bytes([byte]) + raw[at + 1 :])


@pytest.mark.parametrize(
    ("change", "swiftly"),
    [
        pytest.param({"order_id": "龍" * 128}, True, id="an id of 128 characters"),
        pytest.param({"order_id": "x" * 129}, False, id="an id of 129"),
        pytest.param({"items": [{**LINE, "name": "𐍈" * 200}]}, True, id="a name of 200"),
        pytest.param({"items": [{**LINE, "sku": "𐍈" * 128, "name": "𐍈" * 200}]}, True, id="both"),
        pytest.param({"items": [{**LINE, "name": "𐍈" * 201}]}, False, id="a name of 201"),
        pytest.param({"items": [LINE] * 500}, True, id="500 lines"),
        pytest.param({"items": [LINE] * 501}, False, id="501 lines"),
        pytest.param({"items": []}, True, id="no line"),
        pytest.param({"items": None}, True, id="lines that nobody knows"),
        pytest.param({"items": [{**LINE, "name": None}]}, False, id="a line's null"),
        pytest.param({"version": None}, False, id="no version"),
        pytest.param({"total": 10**14}, True, id="the most"),
        pytest.param({"total": 10**14 + 1}, False, id="more than that"),
        pytest.param({"total": -1}, False, id="less than nothing"),
        pytest.param({"paid_at": "2024-02-29T23:59:59.999999-23:59"}, True, id="a leap day"),
        pytest.param({"paid_at": "2025-02-29T00:00:00Z"}, False, id="none"),
        pytest.param({"paid_at": "1990-01-01T00:00:00+00:01"}, False, id="a minute too early"),
        pytest.param({"paid_at": "1989-12-31T23:59:00-00:01"}, True, id="the first minute"),
        pytest.param({"paid_at": "2199-12-31T23:59:00-00:01"}, False, id="the first too late"),
    ],
)
def test_bounds_are_those_of_the_slow_way(change: dict[str, Any], swiftly: bool) -> None:
    raw = spelled(ORDER | change)

    assert agrees(raw) is swiftly
    refused = any(isinstance(one, tuple) for one in strictly(raw).events)
    assert refused is not swiftly


def test_a_batch_holds_500_orders_at_most() -> None:
    assert agrees(spelled({"events": [ORDER] * 500}))
    assert swift.plain(spelled({"events": [ORDER] * 501})) is None


def test_an_order_without_its_kind_is_not_guessed() -> None:
    unnamed = {name: value for name, value in ORDER.items() if name != "kind"}

    assert swift.plain(spelled(unnamed)) is None
