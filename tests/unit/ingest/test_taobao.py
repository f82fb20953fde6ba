"""Taobao messages by the shop's bridge: a payment, by a buyer whose nick is not kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import OrderFacts
from ingest.domain.facts import Ready
from ingest.domain.push import Context, Reading
from ingest.domain.reading import Unmappable
from ingest.domain.taobao import identity, read
from support.bodies import changed, keyed

CONTENT: dict[str, Any] = {
    "buyer_nick": "tb_buyer_7",
    "payment": "30.36",
    "tid": 4586070597376760123,
    "oid": 4586070597376760123,
}


NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
CONTEXT = Context("s", "CNY", "CN", False, keyed, lambda *_: None, NOW)


def message(topic: str = "taobao_trade_TradeBuyerPay", **changes: Any) -> dict[str, Any]:
    content = changed(CONTENT, changes)
    return {
        "topic": topic,
        "id": 6142200092063758446,
        "user_id": 174265168,
        "pub_time": "2026-01-05 10:00:00",
        "content": json.dumps(content),
    }


def said(*messages: Any) -> Reading:
    return read(list(messages), "174265168", CONTEXT)


def order_of(reading: Reading) -> OrderFacts:
    [ready] = reading.said
    assert isinstance(ready, Ready)
    assert isinstance(ready.fact, OrderFacts)
    return ready.fact


def test_a_payment_is_one_of_the_time_it_was_told() -> None:
    order = order_of(said(message(buyer_open_uid="AAFx")))

    assert order == OrderFacts(
        "s",
        "AAFx",
        "4586070597376760123",
        1_767_578_400_000_000,
        paid_at=datetime(2026, 1, 5, 2, tzinfo=UTC),
        currency="CNY",
        total_minor=3036,
    )


def test_a_buyer_with_a_nick_alone_has_an_id_that_does_not_tell_it() -> None:
    one, other = order_of(said(message())), order_of(said(message(buyer_nick="tb_buyer_8")))

    assert one.customer_id == order_of(said(message(tid=5))).customer_id
    assert one.customer_id != other.customer_id
    assert one.customer_id.startswith("g_")
    assert "tb_buyer" not in repr((one, other))


def test_of_a_list_the_good_ones_count_and_the_rest_is_told() -> None:
    other = {**message(), "user_id": 1}
    reading = said(message("taobao_trade_TradeClose"), message(), other)

    assert order_of(reading).order_id == "4586070597376760123"
    assert reading.refused == "0: no topic that we know, 2: it is of another seller"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        ["odd"],
        [{**message(), "user_id": None}],
        [{**message(), "content": CONTENT}],
        [{**message(), "content": "{"}],
        [{**message(), "content": "[]"}],
        [{**message(), "pub_time": ""}],
        [{**message(), "pub_time": "2026-01-05T10:00:00"}],
        [message(tid=None)],
        [message(buyer_nick=None)],
        [message(payment="much")],
    ],
)
def test_what_is_no_payment_of_the_seller_is_refused(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, "174265168", CONTEXT)


def test_a_list_is_known_by_topics_and_ids() -> None:
    once, again = message(), message(payment="31.00")
    assert identity([once]) == identity([again])
    assert identity([once]) != identity([message("other")])


@pytest.mark.parametrize("body", [{}, [], ["odd"], [{"topic": "t"}], [message(), {"topic": "t"}]])
def test_without_them_it_is_known_by_all_of_it(body: Any) -> None:
    assert identity(body) is None
