"""The product's fold for the peers of B3 and B4: plain Python on dictionaries.

An order is merged field by field, and once, whatever is pushed again.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

AVERAGE = (1_000, 45_000_000)
TODAY = date(2026, 3, 1).toordinal()
ZONE = timedelta(hours=8)
ZONE_S = 8 * 3600
EPOCH = date(1970, 1, 1).toordinal()
NOTHING = (0, None)


class State(Protocol):
    """What a peer keeps of one customer."""

    def get(self, name: str) -> Any: ...
    def set(self, name: str, value: Any) -> None: ...


def take(order: Mapping[str, Any], state: State) -> dict[str, Any] | None:
    """Merge *order*; return what to announce if its customer changed place on the grid.

    No order of the log is cancelled, so the last day needs no books of its own.
    """
    name = "o" + order["order_id"]
    held = state.get(name)
    if held is None:
        held, before = {"at": {}, "is": {}, "refunds": {}}, None
    else:
        before = counted(held)
    if not merge(held, order):
        return None
    state.set(name, held)
    after = counted(held)
    if after is None or before == after:
        return None
    orders, money, last, place, revision = state.get("t") or (0, 0, 0, "never_bought", 0)
    if before is None:
        orders, money, last = orders + 1, money + after[1], max(last, after[0])
    else:
        money += after[1] - before[1]
    now = cell(TODAY - last, orders, money)
    told = None
    if now != place:
        revision += 1
        told = {
            "shop_id": order["shop_id"],
            "customer_id": order["customer_id"],
            "revision": revision,
            "before": place,
            "after": now,
            "recency_days": TODAY - last,
            "frequency": orders,
            "monetary_minor": money,
        }
    state.set("t", [orders, money, last, now, revision])
    return told


def merge(held: dict[str, Any], order: Mapping[str, Any]) -> bool:
    at, version = held["at"], order["version_us"]
    changed = False
    new = order.get("paid_at")
    if new is not None and ("paid_at" not in at or new < at["paid_at"]):
        at["paid_at"] = new
        changed = True
    for field in ("cancelled_at", "restored_at"):
        new = order.get(field)
        if new is not None and (field not in at or new > at[field]):
            at[field] = new
            changed = True
    changed |= write(held["is"], version, order, ("currency", "total_minor", "is_test"))
    for refund in order.get("refunds", ()):
        claim = held["refunds"].setdefault(refund["refund_id"], {})
        fields = ("amount_minor", "agreed_at", "refused_at", "withdrawn_at", "completed_at")
        changed |= write(claim, refund["version_us"], refund, fields)
    return changed


def write(
    registers: dict[str, Any], version: int, said: Mapping[str, Any], fields: tuple[str, ...]
) -> bool:
    changed = False
    for field in fields:
        new = said.get(field)
        if new is not None:
            old = registers.get(field)
            if old is None or version > old[0]:
                registers[field] = [version, new]
                changed = True
    return changed


def counted(held: Mapping[str, Any]) -> tuple[int, int] | None:
    at, registers = held["at"], held["is"]
    if "paid_at" not in at:
        return None
    gone = at.get("cancelled_at")
    if gone is not None and ("restored_at" not in at or gone > at["restored_at"]):
        return None
    if registers.get("is_test", NOTHING)[1] or registers.get("currency", NOTHING)[1] != "CNY":
        return None
    net = registers["total_minor"][1]
    for claim in held["refunds"].values():
        if "agreed_at" in claim or "completed_at" in claim:
            net -= claim.get("amount_minor", NOTHING)[1] or 0
    return (day_of(at["paid_at"]), net) if net > 0 else None


def day_of(at: str | int) -> int:
    if isinstance(at, str):
        return (datetime.fromisoformat(at) + ZONE).toordinal()
    return (at // 1_000_000 + ZONE_S) // 86_400 + EPOCH


def cell(days: int, orders: int, money: int) -> str:
    if days <= 7:
        return "just_bought"
    if days > 365:
        return "lost"
    kind = (("new", "loyal") if days <= 90 else ("fading", "sleeping"))[orders > 1]
    return kind + ("_high" if money * AVERAGE[0] >= AVERAGE[1] else "_low")
