"""Which message an order is credited to: the last that touched the buyer, and only one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Touch:
    """A message that reached somebody and may earn an order.

    `is_reminder` messages earn the order that they remind of; marketing earns orders that were
    placed after it. What is neither (a shipment notice) earns nothing.
    """

    message_id: str
    rule_id: str
    customer_id: str
    sent_at: datetime
    window: timedelta
    priority: int
    is_reminder: bool
    is_marketing: bool
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as of now. `is_counted`: paid in full, kept, and net above zero.

    `is_unpaid`: open, or closed for want of payment; not one that its buyer called off.
    """

    order_id: str
    customer_id: str
    placed_at: datetime | None
    paid_at: datetime | None
    is_counted: bool
    is_unpaid: bool
    net_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Touches:
    """Touches, found by what they may earn."""

    by_order: Mapping[str, list[Touch]]
    by_customer: Mapping[str, list[Touch]]

    def for_order(self, order: Order) -> list[Touch]:
        reminders = self.by_order.get(order.order_id, [])
        return reminders + self.by_customer.get(order.customer_id, [])


def index(touches: Iterable[Touch]) -> Touches:
    by_order: dict[str, list[Touch]] = defaultdict(list)
    by_customer: dict[str, list[Touch]] = defaultdict(list)
    for touch in touches:
        if touch.is_reminder:
            if touch.order_id is not None:
                by_order[touch.order_id].append(touch)
        elif touch.is_marketing:
            by_customer[touch.customer_id].append(touch)
    return Touches(by_order, by_customer)


def in_window(at: datetime | None, touch: Touch) -> bool:
    """Return whether *at* lies in [sent, sent + window)."""
    return at is not None and touch.sent_at <= at < touch.sent_at + touch.window


def is_creditable(order: Order, touch: Touch) -> bool:
    """Return whether *touch*, one of those found for *order*, may have earned it."""
    if not order.is_counted or not in_window(order.paid_at, touch):
        return False
    return touch.is_reminder or (order.placed_at is not None and order.placed_at >= touch.sent_at)


def credit(touches: Touches, orders: Iterable[Order]) -> dict[str, Touch]:
    """Return, by order id, the touch that each order is credited to; others have no entry.

    The last one gets it; of equal instants the higher priority, then the smaller message id.
    """
    credited = {}
    for order in orders:
        rivals = [one for one in touches.for_order(order) if is_creditable(order, one)]
        if rivals:
            credited[order.order_id] = min(rivals, key=_last_first)
    return credited


def _last_first(touch: Touch) -> tuple[float, int, str]:
    return -touch.sent_at.timestamp(), -touch.priority, touch.message_id
