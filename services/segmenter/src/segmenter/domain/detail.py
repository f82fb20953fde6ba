"""What is kept of orders beyond their money: what was bought, what went back, when what happened.

Nothing here depends on the shop: instants stay instants, and an order counts in its own currency.
So a shop that changes its zone or its currency leaves all of it true; who reads asks for the
orders in the shop's currency, and turns instants into the days of its zone.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from care.facts import OrderState, ParcelState, RefundState
from care.facts.orders import Fields
from contracts.events import OrderFacts, Product, ReviewFacts, ShipmentFacts
from segmenter.domain.fitness import FIRST_YEAR, LAST_YEAR, MAX_AMOUNT_MINOR, unfit

# The fields of an order that are merged; lines and region too.
KEPT: Final = Fields(
    ("placed_at", "paid_at", "signed_at", "confirmed_at"),
    ("cancelled_at", "restored_at"),
    ("customer_id", "currency", "total_minor", "is_test"),
    wide=True,
)
MAX_QUANTITY: Final = 10**9
MAX_ID_BYTES: Final = 600  # four of them fit a page's share of an index
_MOMENTS: Final = ("placed_at", "paid_at", "signed_at", "confirmed_at")


class Item(NamedTuple):
    """What one order has of one article, all its lines together."""

    sku: str
    quantity: int
    price_minor: int  # of one piece, before discounts; of several lines the highest


class Claim(NamedTuple):
    """A refund of an order."""

    refund_id: str
    amount_minor: int
    opened_at: datetime | None
    taken_at: datetime | None  # when it was agreed; None while it takes no money


class Detail(NamedTuple):
    """What is read of an order. Without `paid_at` and `net_minor` it does not count."""

    customer_id: str
    currency: str
    placed_at: datetime | None
    paid_at: datetime | None
    net_minor: int | None
    signed_at: datetime | None
    confirmed_at: datetime | None
    items: tuple[Item, ...]
    claims: tuple[Claim, ...]


def detail_of(order: OrderState) -> Detail:
    counted = order.counts_for(order.currency or "")
    return Detail(
        order.customer_id,
        order.currency or "",
        order.placed_at,
        None if counted is None else order.paid_at,
        None if counted is None else counted[1],
        order.signed_at,
        order.confirmed_at,
        items_of(order),
        tuple(_claim(refund) for refund in order.refunds),
    )


def items_of(order: OrderState) -> tuple[Item, ...]:
    """Return the articles of *order*, by sku."""
    found: dict[str, Item] = {}
    for line in order.lines:
        held = found.get(line.sku)
        quantity = line.quantity + (0 if held is None else held.quantity)
        price_minor = max(line.price_minor, line.price_minor if held is None else held.price_minor)
        found[line.sku] = Item(line.sku, quantity, price_minor)
    return tuple(item for _, item in sorted(found.items()) if item.sku and item.quantity > 0)


def arrived_at(order: OrderState, parcels: Iterable[ParcelState]) -> datetime | None:
    """Return when the buyer had all of *order*; None if not yet, as far as is known.

    The order may say so itself; else the last of its parcels does, once all that are known, and as
    many as there should be, are signed for.
    """
    if order.signed_at is not None:
        return order.signed_at
    held = list(parcels)
    signed = [one.signed_at for one in held if one.signed_at is not None]
    expected = max((one.parcels_in_order or 1 for one in held), default=1)
    return max(signed) if len(signed) == len(held) >= expected else None


def unfit_detail(fact: OrderFacts) -> str | None:
    """Return why *fact* cannot be kept in full; None when it can."""
    lines = fact.lines or ()
    if any(
        abs(line.price_minor) > MAX_AMOUNT_MINOR or abs(line.quantity) > MAX_QUANTITY
        for line in lines
    ):
        return "an amount is out of range"
    moments = [getattr(fact, name) for name in _MOMENTS]
    moments += [
        at for one in fact.refunds for at in (one.opened_at, one.agreed_at, one.completed_at)
    ]
    texts = [text for line in lines for text in (line.sku, line.name)]
    if fact.region is not None:
        texts += [fact.region.country, fact.region.province, fact.region.city]
    names = [fact.customer_id, fact.order_id, *(line.sku for line in lines)]
    names += [one.refund_id for one in fact.refunds]
    return unfit(fact) or _unfit(moments, texts, names)


def unfit_review(fact: ReviewFacts) -> str | None:
    names = [fact.customer_id, fact.review_id, fact.order_id or "", fact.sku or ""]
    return _unfit([fact.reviewed_at, fact.withdrawn_at], names, names)


def unfit_parcel(fact: ShipmentFacts) -> str | None:
    names = [fact.customer_id, fact.order_id, fact.parcel_id]
    texts = [*names, fact.carrier or "", fact.number or ""]
    return _unfit([fact.signed_at], texts, names)


def unfit_product(product: Product) -> str | None:
    described = [product.title, product.category, product.season, product.style, product.currency]
    names = [product.sku, *product.pairs_with, product.category or ""]
    return _unfit([], [*names, *(one or "" for one in described)], names)


def _unfit(
    moments: Iterable[datetime | None], texts: Iterable[str], names: Iterable[str]
) -> str | None:
    if any(at is not None and not FIRST_YEAR <= at.year <= LAST_YEAR for at in moments):
        return "a time is out of range"
    if any("\x00" in text for text in texts):
        return "a text holds a NUL"
    if any(len(name.encode()) > MAX_ID_BYTES for name in names):
        return "an id is too long"
    return None


def _claim(refund: RefundState) -> Claim:
    told = [at for at in (refund.agreed_at, refund.completed_at) if at is not None]
    return Claim(
        refund.refund_id,
        refund.amount_minor or 0,
        refund.opened_at,
        min(told) if refund.takes_money else None,
    )
