"""Douyin (抖音) open platform messages to facts.

The signature is SHA-1 over the secret and the body, so a payment is a hint, as Doudian's is; what
somebody appends to a signed body is no JSON. Who bought is not in a message: the order waits for
what names its customer. Times are Unix seconds, amounts are cents of CNY.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from contracts.events import OrderFacts
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.push import Reading, cents
from ingest.domain.reading import Unmappable

CURRENCY: Final = "CNY"
HANDSHAKE: Final = "verify_webhook"
ORDERS: Final = "life_trade_order_notify"


def challenge(body: Any) -> int | str | None:
    """Return what the platform wants to read back when it looks whether we are there."""
    if not isinstance(body, dict) or body.get("event") != HANDSHAKE:
        return None
    value = reading.object_of(body, "content").get("challenge")
    is_value = isinstance(value, int | str) and not isinstance(value, bool)
    return value if is_value else None


def read(body: Any, shop_id: str, client_key: str) -> Reading:
    """Return the facts of a body, parsed.

    Args:
        body: The message.
        shop_id: Ours.
        client_key: The app's, which the message must be of.

    Raises:
        Unmappable: Another app's, an event that we do not know, an order without id or time.
    """
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    if body.get("client_key") != client_key:
        raise Unmappable("it is of another app")
    if body.get("event") != ORDERS:
        raise Unmappable("no event that we know")
    notes: Counter[str] = Counter()
    order = _order(reading.object_of(reading.parsed(body, "content"), "order"), shop_id, notes)
    return Reading((ByOrder(order.order_id, order),), notes=notes)


def identity(body: Any) -> str | None:
    """Return what tells one message from another: `log_id` may change when it comes again."""
    return reading.texts(body, "event", "content")


def _order(order: Mapping[str, Any], shop_id: str, notes: Counter[str]) -> OrderFacts:
    placed_at = reading.maybe_epoch(order, "create_time")
    paid_at = reading.maybe_epoch(order, "pay_time")
    known = [at for at in (placed_at, paid_at) if at is not None]
    if not known:
        raise Unmappable("it has no time")
    total, before = cents(order, "pay_amount", notes), cents(order, "original_amount", notes)
    return OrderFacts(
        shop_id,
        UNKNOWN,
        reading.needed_id(order, "order_id"),
        reading.micros(max(known)),
        placed_at=placed_at,
        paid_hint_at=paid_at,
        currency=CURRENCY,
        total_minor=total,
        discount_minor=None if total is None or before is None else max(0, before - total),
    )
