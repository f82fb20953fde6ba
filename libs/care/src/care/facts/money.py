"""Orders as they are stored by who keeps no more of them than `MONEY`."""

from typing import Any

from care.facts.orders import MONEY, OrderState, merge_order, order_from_json, order_to_json
from care.facts.registers import Json, to_us, value_of
from contracts.events import OrderFacts, OrderMoney


def money_to_json(order: OrderState | OrderFacts | OrderMoney) -> Json | list[Any]:
    """Return an order of the `MONEY` fields as JSON, without the ids of shop and order.

    One that might have come as a single fact, never cancelled nor refunded, is a short list:
    these are nearly all, and they are written by the thousand. Like the order itself, the JSON
    depends on the facts alone, not on how they came.
    """
    if not isinstance(order, OrderState):
        if order.refunds or order.cancelled_at is not None or order.restored_at is not None:
            order = merge_order(None, order, MONEY)
        else:
            paid_us = None if order.paid_at is None else to_us(order.paid_at)
            who = order.customer_id
            return [
                order.version_us,
                paid_us,
                who,
                order.currency,
                order.total_minor,
                order.is_test,
            ]
    held = order.registers
    versions = {version_us for version_us, _ in held.values()}
    if len(versions) == 1 and not order.refunds_by_id and order.instants.keys() <= {"paid_at"}:
        plain = [value_of(held, name) for name in MONEY.plain]
        return [versions.pop(), order.instants.get("paid_at"), *plain]
    found = order_to_json(order)
    del found["shop"], found["order"]
    return found


def money_from_json(shop_id: str, order_id: str, stored: Json | list[Any]) -> OrderState:
    if isinstance(stored, dict):
        return order_from_json({**stored, "shop": shop_id, "order": order_id})
    version_us, paid_us, *plain = stored
    registers = {
        name: (version_us, value)
        for name, value in zip(MONEY.plain, plain, strict=True)
        if value is not None
    }
    instants = {} if paid_us is None else {"paid_at": paid_us}
    return OrderState(shop_id, order_id, instants, registers, {})
