"""Pinduoduo (拼多多) messages to facts, as the shop's bridge has got them from its connection.

A message about a refund says that it was asked for, not that it was paid, and names no buyer: it
goes to its order. Times are Unix milliseconds, amounts are cents of CNY.
"""

from collections import Counter
from typing import Any, Final

from contracts.events import OrderFacts, RefundFacts
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.push import Reading, cents
from ingest.domain.reading import Unmappable

REFUND: Final = "pdd_refund_RefundCreated"


def read(body: Any, shop_id: str, mall: str) -> Reading:
    """Return the facts of a message, parsed.

    Args:
        body: The message.
        shop_id: Ours.
        mall: Pinduoduo's id of the shop, which the message must be of.

    Raises:
        Unmappable: Another's, a type that we do not know, a refund without id, order or time.
    """
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    if reading.maybe_id(body, "mallID") != mall:
        raise Unmappable("it is of another mall")
    if body.get("type") != REFUND:
        raise Unmappable("no type that we know")
    content = reading.parsed(body, "content")
    if reading.maybe_id(content, "mall_id") != mall:
        raise Unmappable("its content is of another mall")
    notes: Counter[str] = Counter()
    opened_at = reading.from_ms(content, "modified")
    version_us = reading.micros(opened_at)
    refund = RefundFacts(
        reading.needed_id(content, "refund_id"),
        version_us,
        amount_minor=cents(content, "refund_fee", notes),
        opened_at=opened_at,
    )
    order_id = reading.needed_id(content, "tid")
    order = OrderFacts(shop_id, UNKNOWN, order_id, version_us, refunds=(refund,))
    return Reading((ByOrder(order_id, order),), notes=notes)


def identity(body: Any) -> str | None:
    """Return what tells one message from another; None when it is none."""
    return reading.texts(body, "type", "content")
