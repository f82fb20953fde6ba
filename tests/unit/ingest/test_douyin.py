"""Douyin messages: a challenge to answer, payments that are hints, orders that wait."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import OrderFacts
from ingest.domain.douyin import challenge, identity, read
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.reading import Unmappable
from support.bodies import changed

ORDER: dict[str, Any] = {
    "order_id": "800000000000000001",
    "create_time": 1_767_578_280,
    "pay_time": 1_767_578_400,
    "pay_amount": 8900,
    "original_amount": 9900,
}


def message(**changes: Any) -> dict[str, Any]:
    order = changed(ORDER, changes)
    content = json.dumps({"action": "pay_success", "order": order})
    return {"event": "life_trade_order_notify", "client_key": "dk1", "content": content}


def order_of(body: Any) -> OrderFacts:
    [waiting] = read(body, "s", "dk1").said
    assert isinstance(waiting, ByOrder)
    assert isinstance(waiting.fact, OrderFacts)
    assert waiting.ref == waiting.fact.order_id
    return waiting.fact


def test_an_order_waits_for_its_customer_and_its_payment_is_a_hint() -> None:
    assert order_of(message()) == OrderFacts(
        "s",
        UNKNOWN,
        "800000000000000001",
        1_767_578_400_000_000,
        placed_at=datetime(2026, 1, 5, 1, 58, tzinfo=UTC),
        paid_hint_at=datetime(2026, 1, 5, 2, tzinfo=UTC),
        currency="CNY",
        total_minor=8900,
        discount_minor=1000,
    )


@pytest.mark.parametrize("name", ["pay_amount", "original_amount"])
def test_a_discount_needs_both_amounts(name: str) -> None:
    assert order_of(message(**{name: None})).discount_minor is None


def test_no_discount_is_below_nought() -> None:
    assert order_of(message(original_amount=1)).discount_minor == 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {**message(), "client_key": "dk2"},
        {**message(), "event": "im_receive_msg"},
        {**message(), "content": {"order": ORDER}},
        {**message(), "content": "{"},
        {**message(), "content": "[]"},
        message(order_id=None),
        message(create_time=None, pay_time=None),
    ],
)
def test_what_is_no_order_of_the_app_is_refused(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, "s", "dk1")


@pytest.mark.parametrize("value", [24680, "24680"])
def test_a_challenge_is_read_back_as_it_came(value: Any) -> None:
    asked = {"event": "verify_webhook", "client_key": "dk1", "content": {"challenge": value}}
    assert challenge(asked) == value
    assert type(challenge(asked)) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        [],
        message(),
        {"event": "verify_webhook"},
        {"event": "verify_webhook", "content": {"challenge": True}},
        {"event": "verify_webhook", "content": {"challenge": [1]}},
    ],
)
def test_without_a_challenge_there_is_nothing_to_read_back(body: Any) -> None:
    assert challenge(body) is None


def test_a_message_is_known_by_its_event_and_content() -> None:
    once, again = {**message(), "log_id": "1"}, {**message(), "log_id": "2"}
    assert identity(once) == identity(again)
    assert identity(once) != identity(message(pay_amount=1))


@pytest.mark.parametrize("body", [[], {}, {"event": "e"}, {"content": "c"}])
def test_without_them_it_is_known_by_all_of_it(body: Any) -> None:
    assert identity(body) is None
