"""Remind of an order that waits for its payment (催付): once, only while it can be paid."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from care.facts import OrderState
from care_triggers.domain import wording
from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Drop, Due, Idle, Send, Start, Stop, Verdict, Wish
from contracts.events import Shop

KIND: Final = "unpaid_first"
UNLESS: Final = ("paid", "closed", "rebought")
VARIABLES: Final = ("item", "tail", "cutoff")


def wish(order: OrderState, rule: Rule, paid_later: Sequence[OrderState] = ()) -> Wish:
    """Say what the order asks for now.

    A payment that was heard of but not confirmed stops the reminder too: better none than one to
    somebody who has paid. So do orders that no reminder is for.
    """
    reason = _never(order) or next(
        (name for name in rule.unless if _happened(name, order, paid_later)), None
    )
    if reason is not None:
        return Stop(reason)
    if order.placed_at is None:
        return Idle()
    due_at = order.placed_at + rule.wait
    return Start(order.order_id, due_at, due_at + rule.expires)


def on_due(due: Due, order: OrderState, now: datetime) -> Verdict:
    """Decide, when the reminder falls due, whether to remind now or never."""
    if order.closes_at is not None and now >= order.closes_at:
        return Drop("closed")
    amount = order.total_minor
    foreign = order.currency is not None and order.currency != due.shop.currency
    if amount is None or amount <= due.shop.min_reminder_minor or foreign:
        return Drop("not_in_audience")
    ends = due.timer.expires_at
    return Send(
        ends if order.closes_at is None else min(ends, order.closes_at),
        {
            "item": wording.item(order),
            "tail": wording.tail(order.order_id),
            "cutoff": _cutoff(due.shop, now),
        },
    )


def _never(order: OrderState) -> str | None:
    if order.is_presale:
        return "presale"
    if order.pay_on_delivery:
        return "pay_on_delivery"
    return "test" if order.is_test else None


def _happened(name: str, order: OrderState, paid_later: Sequence[OrderState]) -> bool:
    match name:
        case "paid":
            return order.paid_at is not None or order.paid_hint_at is not None
        case "closed":
            return order.cancelled
        case _:
            return any(_covers(other, order) for other in paid_later)


def _covers(other: OrderState, order: OrderState) -> bool:
    """Tell whether *other*, placed later and paid, holds every item of *order*."""
    if other.order_id == order.order_id or other.paid_at is None or other.cancelled:
        return False
    if order.placed_at is None or other.placed_at is None or other.placed_at <= order.placed_at:
        return False
    wanted = {line.sku for line in order.lines}
    return bool(wanted) and wanted <= {line.sku for line in other.lines}


def _cutoff(shop: Shop, now: datetime) -> str:
    """Return the hour until which payment means dispatch today; nothing once it has passed."""
    local = now.astimezone(ZoneInfo(shop.zone)).strftime("%H:%M")
    return shop.same_day_cutoff if local < shop.same_day_cutoff else ""
