"""Pinduoduo messages by the shop's bridge: a refund that was asked for goes to its order."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import OrderFacts, RefundFacts
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.pinduoduo import identity, read
from ingest.domain.reading import Unmappable
from support.bodies import changed

CONTENT: dict[str, Any] = {
    "mall_id": 171504183,
    "refund_fee": 1990,
    "modified": 1_767_578_400_016,
    "refund_id": 7381745730,
    "tid": "260105-339507978993455",
}


def message(**changes: Any) -> dict[str, Any]:
    content = changed(CONTENT, changes)
    kind = "pdd_refund_RefundCreated"
    return {"type": kind, "mallID": 171504183, "content": json.dumps(content)}


def order_of(body: Any) -> OrderFacts:
    [waiting] = read(body, "s", "171504183").said
    assert isinstance(waiting, ByOrder)
    assert isinstance(waiting.fact, OrderFacts)
    assert waiting.ref == waiting.fact.order_id
    return waiting.fact


def test_a_refund_was_asked_for_and_nothing_was_paid_back() -> None:
    version_us = 1_767_578_400_016_000
    at = datetime(2026, 1, 5, 2, 0, 0, 16_000, tzinfo=UTC)

    assert order_of(message()) == OrderFacts(
        "s",
        UNKNOWN,
        "260105-339507978993455",
        version_us,
        refunds=(RefundFacts("7381745730", version_us, amount_minor=1990, opened_at=at),),
    )


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {**message(), "mallID": 1},
        {**message(), "type": "pdd_trade_TradeConfirmed"},
        {**message(), "content": CONTENT},
        message(mall_id=1),
        message(tid=None),
        message(refund_id=None),
        message(modified=None),
        message(modified="1767578400016"),
        message(modified=True),
        message(modified=-1),
        message(modified=1_767_578_400),
        message(modified=10**15),
    ],
)
def test_what_is_no_refund_of_the_mall_is_refused(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, "s", "171504183")


def test_a_message_is_known_by_its_type_and_content() -> None:
    assert identity(message()) == identity({**message(), "mallID": 1})
    assert identity(message()) != identity(message(refund_fee=1))


@pytest.mark.parametrize("body", [[], {}, {"type": "t"}, {"content": "c"}])
def test_without_them_it_is_known_by_all_of_it(body: Any) -> None:
    assert identity(body) is None
