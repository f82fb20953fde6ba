"""Doudian (抖店) messages to facts: a list, of which each item has a tag, an id and its data.

The signature is MD5, so a payment is a hint: it holds reminders and counts nothing, until another
source confirms it; an end is not even that. Who bought is not in a message: the order waits for
what names its customer. Times are Unix seconds, amounts are cents of CNY.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from contracts.events import OrderFacts
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.push import Reading, cents, each
from ingest.domain.reading import Unmappable

CURRENCY: Final = "CNY"
PROBE: Final = "0"
ORDER_TAGS: Final = frozenset({"100", "101"})  # created, paid
ON_DELIVERY: Final = "0"


def read(messages: Any, shop_id: str, their_shop: str) -> Reading:
    """Return the facts of a body, parsed.

    Args:
        messages: The body.
        shop_id: Ours.
        their_shop: Doudian's id of the shop, which all that is told must be of.

    Raises:
        Unmappable: No list, or one of which nothing is known to us.
    """
    notes: Counter[str] = Counter()

    def read_one(message: Mapping[str, Any]) -> ByOrder | None:
        tag = reading.maybe_id(message, "tag")
        if tag == PROBE:
            return None
        if tag not in ORDER_TAGS:
            raise Unmappable("no tag that we know")
        return _order(_data(message), shop_id, their_shop, notes)

    return each(messages, read_one, notes)


def identity(messages: Any) -> str | None:
    """Return the ids of a list's items: what tells one push from another; None without them."""
    if not isinstance(messages, list):
        return None
    ids = [reading.maybe_id(one, "msg_id") if isinstance(one, dict) else None for one in messages]
    return None if None in ids else "\x1f".join(filter(None, ids)) or None


def _data(message: Mapping[str, Any]) -> Mapping[str, Any]:
    data = message.get("data")
    return data if isinstance(data, dict) else reading.parsed(message, "data")


def _order(data: Mapping[str, Any], shop_id: str, their_shop: str, notes: Counter[str]) -> ByOrder:
    if reading.maybe_id(data, "shop_id") != their_shop:
        raise Unmappable("it is of another shop")
    order_id = reading.needed_id(data, "p_id")
    placed_at, paid_at = (
        reading.maybe_epoch(data, "create_time"),
        reading.maybe_epoch(data, "pay_time"),
    )
    cancelled_at = reading.maybe_epoch(data, "cancel_time")
    known = [at for at in (placed_at, paid_at, cancelled_at) if at is not None]
    if not known:
        raise Unmappable("it has no time")
    on_delivery = reading.maybe_id(data, "pay_type") == ON_DELIVERY
    notes["unconfirmed_cancel"] += cancelled_at is not None
    fact = OrderFacts(
        shop_id,
        UNKNOWN,
        order_id,
        reading.micros(max(known)),
        placed_at=placed_at,
        # Of goods that are paid at the door it says when the order was confirmed.
        paid_hint_at=None if on_delivery else paid_at,
        currency=CURRENCY,
        total_minor=cents(data, "pay_amount", notes),
        pay_on_delivery=True if on_delivery else None,
    )
    return ByOrder(order_id, fact)
