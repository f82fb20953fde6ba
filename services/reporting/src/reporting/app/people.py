"""The people behind a rule's report: who paid, who did not."""

from collections.abc import Iterable
from dataclasses import dataclass

from reporting.app.effect_report import Span, Store, find
from reporting.domain.attribution import Order


@dataclass(frozen=True, slots=True)
class Person:
    customer_id: str
    orders: int
    amount_minor: int  # net of refunds for who paid, what is asked of who did not


async def people(store: Store, span: Span, rule_id: str, *, paid: bool) -> list[Person]:
    """Return the people of field 5, or of field 6, sorted by id."""
    _, found = (await find(store, span)).of(rule_id)
    if paid:
        return _people(found.paid.values(), paid=True)
    payers = {order.customer_id for order in found.paid.values()}
    debtors = [one for one in found.unpaid.values() if one.customer_id not in payers]
    return _people(debtors, paid=False)


def _people(orders: Iterable[Order], *, paid: bool) -> list[Person]:
    sums: dict[str, list[int]] = {}
    for order in orders:
        entry = sums.setdefault(order.customer_id, [])
        entry.append(order.net_minor if paid else order.total_minor)
    return [Person(one, len(amounts), sum(amounts)) for one, amounts in sorted(sums.items())]
