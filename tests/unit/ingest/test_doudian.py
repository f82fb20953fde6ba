"""Doudian messages: a list whose payments are hints, and whose orders wait for their customers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import OrderFacts
from ingest.domain.doudian import identity, read
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable
from support.bodies import changed

CREATED_S, PAID_S, CANCELLED_S = 1_767_578_280, 1_767_578_400, 1_767_579_000
ORDER: dict[str, Any] = {
    "p_id": 4781320682406083640,
    "s_ids": [4781320682406083640],
    "shop_id": 4463798,
    "create_time": CREATED_S,
    "pay_time": PAID_S,
    "pay_type": 1,
    "pay_amount": 8900,
}
PROBE = {"tag": "0", "msg_id": "0", "data": "{}"}


def message(tag: Any = "101", msg_id: str = "m-1", **changes: Any) -> dict[str, Any]:
    data = changed(ORDER, changes)
    return {"tag": tag, "msg_id": msg_id, "data": json.dumps(data)}


def said(*messages: Any) -> Reading:
    return read(list(messages), "s", "4463798")


def order_of(reading: Reading) -> OrderFacts:
    [waiting] = reading.said
    assert isinstance(waiting, ByOrder)
    assert isinstance(waiting.fact, OrderFacts)
    assert waiting.ref == waiting.fact.order_id
    return waiting.fact


@pytest.mark.parametrize("tag", ["101", 101])
@pytest.mark.parametrize("is_text", [True, False])
def test_an_order_waits_for_its_customer_and_its_payment_is_a_hint(tag: Any, is_text: bool) -> None:
    one = message(tag)
    if not is_text:
        one["data"] = ORDER

    assert order_of(said(one)) == OrderFacts(
        "s",
        UNKNOWN,
        "4781320682406083640",
        PAID_S * 1_000_000,
        placed_at=datetime(2026, 1, 5, 1, 58, tzinfo=UTC),
        paid_hint_at=datetime(2026, 1, 5, 2, tzinfo=UTC),
        currency="CNY",
        total_minor=8900,
    )


def test_with_payment_at_the_door_the_pay_time_only_confirms() -> None:
    order = order_of(said(message(pay_type=0)))

    assert (order.pay_on_delivery, order.paid_hint_at) == (True, None)
    assert order.version_us == PAID_S * 1_000_000


def test_an_end_is_not_confirmed_but_its_version_counts() -> None:
    reading = said(message(cancel_time=CANCELLED_S, pay_time=0))
    order = order_of(reading)

    assert (order.cancelled_at, order.paid_hint_at) == (None, None)
    assert order.version_us == CANCELLED_S * 1_000_000
    assert (reading.notes or {})["unconfirmed_cancel"] == 1


def test_a_probe_says_nothing() -> None:
    assert said(PROBE) == Reading(notes={})


def test_of_a_list_the_good_ones_count_and_the_rest_is_told() -> None:
    reading = said(message(), message("999"), PROBE, "odd", message(shop_id=1))

    assert order_of(reading).order_id == "4781320682406083640"
    assert reading.refused == ("1: no tag that we know, 3: not an object, 4: it is of another shop")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        ["odd"],
        [{"tag": "101", "data": "{"}],
        [{"tag": "101", "data": "[]"}],
        [{"tag": "101"}],
        [message(p_id=None)],
        [message(shop_id=None)],
        [message(create_time=None, pay_time="")],
        [message(pay_time="yesterday")],
        [message(pay_time=1)],
        [message(pay_time=-5)],
    ],
)
def test_what_is_no_order_of_the_shop_is_refused(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, "s", "4463798")


@pytest.mark.parametrize("amount", ["8900", 89.5, -1, True, 10**16])
def test_an_amount_that_is_none_costs_the_amount_alone(amount: Any) -> None:
    reading = said(message(pay_amount=amount))

    assert order_of(reading).total_minor is None
    assert (reading.notes or {})["strange_amount"] == 1


def test_an_order_without_an_amount_has_no_total() -> None:
    assert order_of(said(message(pay_amount=None))).total_minor is None


def test_a_list_is_known_by_the_ids_of_its_items() -> None:
    assert identity([message(msg_id="a"), message(msg_id="b")]) == "a\x1fb"


@pytest.mark.parametrize("body", [{}, [], ["odd"], [message(msg_id="a"), {"tag": "1"}]])
def test_without_them_it_is_known_by_all_of_it(body: Any) -> None:
    assert identity(body) is None
