"""Taobao (淘宝) messages to facts: a list, as the shop's bridge has got it from the queue.

A message about a payment has no time of payment: that of its publication stands for it. Its own id
is above 2^53, and the order's may be: none passes through a float.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from contracts.events import OrderFacts
from ingest.domain import reading
from ingest.domain.facts import Ready
from ingest.domain.identity import of_nick
from ingest.domain.push import Context, Reading, each, minor
from ingest.domain.reading import Unmappable

CURRENCY: Final = "CNY"
PAID: Final = "taobao_trade_TradeBuyerPay"


def read(messages: Any, seller: str, context: Context) -> Reading:
    """Return the facts of a body, parsed.

    Args:
        messages: The body.
        seller: Taobao's user id of the shop, which all that is told must be of.
        context: The connector's.

    Raises:
        Unmappable: No list, or one of which nothing is known to us.
    """
    notes: Counter[str] = Counter()

    def read_one(message: Mapping[str, Any]) -> Ready:
        if reading.maybe_id(message, "user_id") != seller:
            raise Unmappable("it is of another seller")
        if message.get("topic") != PAID:
            raise Unmappable("no topic that we know")
        return Ready(_payment(message, context, notes))

    return each(messages, read_one, notes)


def identity(messages: Any) -> str | None:
    """Return topics and ids of a list's messages: what tells one push from another."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return None
    ids = [(one.get("topic"), reading.maybe_id(one, "id")) for one in messages]
    if not ids or any(number is None for _, number in ids):
        return None
    return "\x1f".join(f"{topic}:{number}" for topic, number in ids)


def _payment(message: Mapping[str, Any], context: Context, notes: Counter[str]) -> OrderFacts:
    content = reading.parsed(message, "content")
    paid_at = reading.maybe_china(message, "pub_time")
    if paid_at is None:
        raise Unmappable("pub_time is missing")
    return OrderFacts(
        context.shop_id,
        _customer(content, context),
        reading.needed_id(content, "tid"),
        reading.micros(paid_at),
        paid_at=paid_at,
        currency=CURRENCY,
        total_minor=minor(content.get("payment"), CURRENCY, notes),
    )


def _customer(content: Mapping[str, Any], context: Context) -> str:
    known = reading.maybe_id(content, "buyer_open_uid")
    return known or of_nick(reading.text(content, "buyer_nick"), context.keyed)
