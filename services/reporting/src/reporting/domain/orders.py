"""What reports need of an order, derived from its merged facts."""

from dataclasses import dataclass
from datetime import datetime

from care.facts import OrderState


@dataclass(frozen=True, slots=True)
class Figures:
    """`counted_in` is the currency in which the order counts; `None` when it does not count."""

    placed_at: datetime | None
    paid_at: datetime | None
    counted_in: str | None
    currency: str | None
    net_minor: int
    total_minor: int
    refunded_minor: int
    is_unpaid: bool
    is_cancelled: bool


def figures(order: OrderState) -> Figures:
    currency = order.currency
    return Figures(
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        counted_in=currency if currency is not None and order.is_counted(currency) else None,
        currency=currency,
        net_minor=order.net_minor,
        total_minor=order.total_minor or 0,
        refunded_minor=order.refunded_minor,
        is_unpaid=is_unpaid(order),
        is_cancelled=order.cancelled,
    )


def is_unpaid(order: OrderState) -> bool:
    """Return whether a payment is missing: the order is open, or closed for want of it.

    An order that was cancelled before its time to pay had run out was called off by somebody; a
    platform that names no such time closes orders that nobody pays.
    """
    if order.placed_at is None or order.paid_at is not None:
        return False
    if order.is_test or order.pay_on_delivery:
        return False
    cancelled_at, closes_at = order.cancelled_at, order.closes_at
    if not order.cancelled or cancelled_at is None or closes_at is None:
        return True
    return cancelled_at >= closes_at
