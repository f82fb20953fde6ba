"""Which facts can be kept at all: bounds that keep sums and texts inside what Postgres holds."""

from collections.abc import Iterator
from typing import Final

from contracts.events import OrderFacts

MAX_AMOUNT_MINOR: Final = 10**15  # thousands of such orders still add up inside a bigint
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200


def unfit(fact: OrderFacts) -> str | None:
    """Return why *fact* cannot be kept; None when it can."""
    if any(abs(amount) > MAX_AMOUNT_MINOR for amount in _amounts(fact)):
        return "an amount is out of range"
    if fact.paid_at is not None and not FIRST_YEAR <= fact.paid_at.year <= LAST_YEAR:
        return "the time of payment is out of range"
    if any("\x00" in text for text in _texts(fact)):
        return "a text holds a NUL"
    return None


def _amounts(fact: OrderFacts) -> Iterator[int]:
    yield fact.total_minor or 0
    for refund in fact.refunds:
        yield refund.amount_minor or 0


def _texts(fact: OrderFacts) -> Iterator[str]:
    yield from (fact.shop_id, fact.customer_id, fact.order_id, fact.currency or "")
    for line in fact.lines or ():
        yield from (line.sku, line.name)
    if fact.region is not None:
        yield from (fact.region.country, fact.region.province, fact.region.city)
    for refund in fact.refunds:
        yield refund.refund_id
