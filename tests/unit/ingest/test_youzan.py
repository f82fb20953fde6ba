"""Youzan messages: a payment is a hint, times are of Shanghai, who bought is known by id."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import CustomerFacts, OrderFacts, OrderLine, Region
from ingest.domain.push import Context, Reading
from ingest.domain.reading import Unmappable
from ingest.domain.youzan import read
from support.bodies import keyed, phone

ORDER: dict[str, Any] = {
    "order_info": {
        "tid": "E20260105095800000000001",
        "created": "2026-01-05 09:58:00",
        "pay_time": "2026-01-05 10:00:00",
        "update_time": "2026-01-05 10:00:02",
        "expired_time": "2026-01-05 10:18:00",
        "success_time": "",
    },
    "pay_info": {"payment": "95.00", "post_fee": "6.00"},
    "buyer_info": {"buyer_id": 109, "fans_type": 1, "fans_id": 52, "buyer_phone": "13800000001"},
    "address_info": {
        "receiver_name": "李芳",
        "receiver_tel": "13800000002",
        "delivery_province": "北京市",
        "delivery_city": "北京市",
        "delivery_district": "海淀区",
        "delivery_address": "某路1号",
    },
    "orders": [
        {"outer_sku_id": "S-1", "sku_id": 36, "title": "茶", "num": 2, "price": "45.00"},
        {"outer_sku_id": "", "sku_id": 37, "title": "杯", "num": 1, "price": "9.00"},
    ],
}
VERSION_US = 1_767_578_402_000_000


NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
CONTEXT = Context("s", "CNY", "CN", False, keyed, phone, NOW)


def said(**changes: Any) -> Reading:
    return read({"full_order_info": {**ORDER, **changes}}, CONTEXT)


def order_of(reading: Reading) -> OrderFacts:
    [fact] = [one.fact for one in reading.said if isinstance(one.fact, OrderFacts)]
    return fact


def person_of(reading: Reading) -> CustomerFacts:
    [fact] = [one.fact for one in reading.said if isinstance(one.fact, CustomerFacts)]
    return fact


def test_an_order_becomes_facts_and_its_payment_is_a_hint() -> None:
    assert order_of(said()) == OrderFacts(
        "s",
        "109",
        "E20260105095800000000001",
        VERSION_US,
        placed_at=datetime(2026, 1, 5, 1, 58, tzinfo=UTC),
        paid_hint_at=datetime(2026, 1, 5, 2, tzinfo=UTC),
        closes_at=datetime(2026, 1, 5, 2, 18, tzinfo=UTC),
        currency="CNY",
        total_minor=9_500,
        discount_minor=1_000,
        freight_minor=600,
        lines=(OrderLine("S-1", "茶", 2, 4_500), OrderLine("37", "杯", 1, 900)),
        region=Region("CN", "北京市", "北京市"),
    )


def test_who_bought_is_known_as_far_as_the_order_says() -> None:
    assert person_of(said()) == CustomerFacts(
        "s",
        "109",
        VERSION_US,
        name="李芳",
        phone="CN:13800000001",
        region=Region("CN", "北京市", "北京市"),
        address="海淀区 某路1号",
        from_order=True,
    )


@pytest.mark.parametrize(
    ("buyer", "known"),
    [
        ({"yz_open_id": "open-1", "buyer_id": 109}, "open-1"),
        ({"buyer_id": 0, "fans_type": 1, "fans_id": 5208806293}, "fans:1:5208806293"),
    ],
)
def test_a_buyer_has_the_first_id_that_says_something(buyer: Any, known: str) -> None:
    assert person_of(said(buyer_info=buyer)).customer_id == known


def test_a_guest_is_known_by_number_else_by_the_order() -> None:
    guest = {"buyer_id": 0, "fans_id": 0}
    assert person_of(said(buyer_info=guest)).customer_id.startswith("g_")
    nobody = person_of(said(buyer_info=guest, address_info={}))
    assert (nobody.customer_id, nobody.region) == ("o_E20260105095800000000001", None)


def test_a_total_without_goods_has_no_discount_below_zero() -> None:
    order = order_of(said(orders=[]))
    assert (order.lines, order.discount_minor) == ((), 0)
    assert order_of(said(pay_info={})).discount_minor is None


def test_an_unconfirmed_end_of_an_order_is_noted_and_no_fact() -> None:
    closed = {"tid": "E1", "close_type": 1, "update_time": "2026-01-05 10:00:00"}
    reading = read(closed, CONTEXT)
    assert (reading.said, reading.notes) == ((), {"unconfirmed_close": 1})


@pytest.mark.parametrize(
    "message",
    [
        pytest.param([], id="a list"),
        pytest.param({"hello": 1}, id="another shape"),
        pytest.param({"full_order_info": {**ORDER, "order_info": {}}}, id="no order id"),
        pytest.param({"full_order_info": {"order_info": {"tid": "E1"}}}, id="no time of change"),
        pytest.param(
            {"full_order_info": {"order_info": {"tid": "E1", "update_time": "soon"}}}, id="no time"
        ),
        pytest.param(
            {"full_order_info": {**ORDER, "pay_info": {"payment": "much"}}}, id="no amount"
        ),
        pytest.param({"full_order_info": {**ORDER, "orders": [{"num": -1}]}}, id="no number"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(message: Any) -> None:
    with pytest.raises(Unmappable):
        read(message, CONTEXT)
