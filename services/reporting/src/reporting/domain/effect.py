"""The effect report: ten fields that say what messages cost and what they brought."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reporting.domain.attribution import Order, Touch, in_window, is_creditable
from reporting.domain.money import minor_to_micros, ratio

WEAK_REMINDER_PERCENT: Final = 20
WEAK_RETURN: Final = 5
GOOD_RETURN: Final = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a gateway took and bills; `is_reached` when it also counts as arrived."""

    touch: Touch
    is_reached: bool
    pieces: int
    price_micros: int
    currency: str | None
    is_sms: bool = True


@dataclass(frozen=True, slots=True)
class Effect:
    """The ten fields, and what is derived from them. Money is in minor units, cost in millionths.

    `roi` is revenue ÷ cost, so 14.00 is 1:14; `None` at no cost, for a price in a currency that is
    not the shop's (`foreign_micros`), and for service messages, which are not sent to sell.
    """

    paid_minor: int
    unpaid_minor: int
    paid_orders: int
    unpaid_orders: int
    paid_people: int
    unpaid_people: int
    people_reached: int
    pieces_sent: int
    cost_micros: int
    roi: str | None
    foreign_micros: Mapping[str, int]
    messages_sent: int
    messages_reached: int
    conversion: str | None  # paid people ÷ people reached
    order_conversion: str | None  # reminded orders paid in time ÷ reminded orders
    mark: str  # "weak", "good", or nothing to say


@dataclass(frozen=True, slots=True)
class Outcome:
    """The orders behind an effect."""

    paid: Mapping[str, Order]
    unpaid: Mapping[str, Order]
    reminded: frozenset[str]
    reminded_paid: frozenset[str]


class Orders:
    """Orders by id, and a customer's unpaid ones."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self.by_id: dict[str, Order] = {}
        self._unpaid: dict[str, list[Order]] = {}
        for order in orders:
            self.by_id[order.order_id] = order
            if order.is_unpaid:
                self._unpaid.setdefault(order.customer_id, []).append(order)

    def unpaid_by(self, touch: Touch) -> list[Order]:
        """Return the unpaid orders that *touch* is held to: the reminded one, or the window's."""
        if touch.is_reminder:
            reminded = self.by_id.get(touch.order_id or "")
            return [reminded] if reminded is not None and reminded.is_unpaid else []
        if not touch.is_marketing:
            return []
        owned = self._unpaid.get(touch.customer_id, [])
        return [order for order in owned if in_window(order.placed_at, touch)]


def outcome(sent: Sequence[Sent], orders: Orders, credited: Mapping[str, Touch]) -> Outcome:
    """Return what became of the orders that *sent* are held to.

    Args:
        sent: The messages of one rule, or of all.
        orders: At least those of the people reached.
        credited: Over all rules, so that an order is credited once.
    """
    touches = {one.touch.message_id: one.touch for one in sent if one.is_reached}
    paid = {
        order_id: orders.by_id[order_id]
        for order_id, touch in credited.items()
        if touch.message_id in touches
    }
    unpaid = {
        order.order_id: order for touch in touches.values() for order in orders.unpaid_by(touch)
    }
    reminders = [
        (touch, orders.by_id[touch.order_id])
        for touch in touches.values()
        if touch.is_reminder and touch.order_id in orders.by_id
    ]
    return Outcome(
        paid=paid,
        unpaid=unpaid,
        reminded=frozenset(order.order_id for _, order in reminders),
        reminded_paid=frozenset(
            order.order_id for touch, order in reminders if is_creditable(order, touch)
        ),
    )


def effect(sent: Sequence[Sent], found: Outcome, currency: str) -> Effect:
    """Return the report of *sent*, whose orders are *found*, for a shop of *currency*."""
    reached = [one for one in sent if one.is_reached]
    paid_people = {order.customer_id for order in found.paid.values()}
    unpaid_people = {order.customer_id for order in found.unpaid.values()}
    people = {one.touch.customer_id for one in reached}
    paid_minor = sum(order.net_minor for order in found.paid.values())
    cost_micros, foreign_micros = _cost(sent, currency)
    sells = any(one.touch.is_marketing or one.touch.is_reminder for one in sent)
    comparable = sells and not foreign_micros
    revenue_micros = minor_to_micros(paid_minor, currency)
    return Effect(
        paid_minor=paid_minor,
        unpaid_minor=sum(order.total_minor for order in found.unpaid.values()),
        paid_orders=len(found.paid),
        unpaid_orders=len(found.unpaid),
        paid_people=len(paid_people),
        unpaid_people=len(unpaid_people - paid_people),
        people_reached=len(people),
        pieces_sent=sum(one.pieces for one in sent),
        cost_micros=cost_micros,
        roi=ratio(revenue_micros, cost_micros, 2) if comparable else None,
        foreign_micros=foreign_micros,
        messages_sent=len(sent),
        messages_reached=len(reached),
        conversion=ratio(len(paid_people), len(people), 4),
        order_conversion=ratio(len(found.reminded_paid), len(found.reminded), 4),
        mark=_mark(sent, found, revenue_micros, cost_micros if comparable else 0),
    )


def _cost(sent: Sequence[Sent], currency: str) -> tuple[int, dict[str, int]]:
    own, foreign = 0, dict[str, int]()
    for one in sent:
        if one.currency is None or one.currency == currency:
            own += one.price_micros
        else:
            foreign[one.currency] = foreign.get(one.currency, 0) + one.price_micros
    return own, foreign


def _mark(sent: Sequence[Sent], found: Outcome, revenue_micros: int, cost_micros: int) -> str:
    """Judge reminders by what was paid, the rest by its return; no cost, no judgement."""
    if found.reminded:
        share = 100 * len(found.reminded_paid)
        return "weak" if share < WEAK_REMINDER_PERCENT * len(found.reminded) else ""
    if cost_micros == 0:
        return ""
    if revenue_micros >= GOOD_RETURN * cost_micros:
        return "good"
    is_sms = any(one.is_sms for one in sent)
    return "weak" if is_sms and revenue_micros < WEAK_RETURN * cost_micros else ""
