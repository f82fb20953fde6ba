"""Which facts can be kept at all: bounds that keep sums and texts inside what Postgres holds."""

from collections.abc import Iterable
from typing import Final

from contracts.events import (
    CustomersMerged,
    CustomersUnmerged,
    OrderFacts,
    OrderMoney,
    RefundFacts,
)

MAX_AMOUNT_MINOR: Final = 10**15  # thousands of such orders still add up inside a bigint
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200


def unfit(fact: OrderMoney | OrderFacts) -> str | None:
    """Return why *fact* cannot be kept; None when it can. What is not kept is not looked at."""
    refunds, paid_at = fact.refunds, fact.paid_at
    if _is_huge(fact.total_minor) or (refunds and any(_is_huge(r.amount_minor) for r in refunds)):
        return "an amount is out of range"
    if paid_at is not None and not FIRST_YEAR <= paid_at.year <= LAST_YEAR:
        return "the time of payment is out of range"
    texts = f"{fact.shop_id}{fact.customer_id}{fact.order_id}{fact.currency}"
    if "\x00" in texts or (refunds and _has_nul(refunds)):
        return "a text holds a NUL"
    return None


def unfit_pair(word: CustomersMerged | CustomersUnmerged) -> str | None:
    """Return why *word* can be said of no two customers; None when it can."""
    if word.alias_id == word.survivor_id:
        return "nobody is merged with themselves"
    if "\x00" in f"{word.shop_id}{word.alias_id}{word.survivor_id}":
        return "a text holds a NUL"
    return None


def _is_huge(amount_minor: int | None) -> bool:
    return amount_minor is not None and abs(amount_minor) > MAX_AMOUNT_MINOR


def _has_nul(refunds: Iterable[RefundFacts]) -> bool:
    return any("\x00" in refund.refund_id for refund in refunds)
