"""Whom a rule speaks to: one condition over flat, typed values; and who is held out."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from care.conditions import Condition, compile_condition
from care.facts import OrderState, ParcelState, ReviewState
from care_triggers.domain.values import Due, Person
from contracts.events import Shop

Values: TypeAlias = dict[str, object]
Types: TypeAlias = Mapping[str, type]

SHOP: Final[Types] = {"shop.country": str, "shop.currency": str}
CUSTOMER: Final[Types] = {
    "customer.cell": str,
    "customer.gender": str,
    "customer.class": str,
    "customer.country": str,
    "customer.province": str,
    "customer.city": str,
}
ORDER: Final[Types] = {
    "order.amount_minor": int,
    "order.currency": str,
    "order.items": int,
    "order.country": str,
    "order.province": str,
    "order.city": str,
}
PARCEL: Final[Types] = {"parcel.carrier": str, "parcel.count": int}
REVIEW: Final[Types] = {"review.rating": int, "review.sku": str}

# What the log of decisions keeps of the values; the rest says something of the person.
LOGGED: Final = frozenset({*SHOP, *PARCEL, *REVIEW, "customer.cell"}) | {
    "order.amount_minor",
    "order.currency",
    "order.items",
}


@lru_cache(maxsize=1024)
def condition(text: str, kind_types: tuple[tuple[str, type], ...]) -> Condition:
    """Compile *text*; `care.conditions.BadCondition` if it is not boolean or names the unknown."""
    return compile_condition(text, dict(kind_types))


def holds(text: str, types: Types, values: Mapping[str, object]) -> bool:
    """Tell whether the audience takes this instance in; an empty condition takes everybody."""
    if not text:
        return True
    return condition(text, tuple(types.items())).holds({name: values[name] for name in types})


def values_of(due: Due) -> Values:
    """Return the values of everything known; what is unknown is empty or 0."""
    values = {**_shop(due.shop), **_person(due.person)}
    if due.order is not None:
        values |= _order(due.order)
    if due.parcel is not None:
        values |= _parcel(due.parcel)
    if due.review is not None:
        values |= _review(due.review)
    return values


def held_out(shop_id: str, customer_id: str, rule_id: str, share: float) -> bool:
    """Tell whether the person is in the rule's control group: by hash, the same on every pod."""
    seed = "\x1f".join((shop_id, customer_id, f"control:{rule_id}")).encode()
    return int.from_bytes(hashlib.sha256(seed).digest()[:8]) < share * 2**64


def _shop(shop: Shop) -> Values:
    return {"shop.country": shop.country, "shop.currency": shop.currency}


def _person(person: Person) -> Values:
    return {
        "customer.cell": person.cell,
        "customer.gender": person.gender,
        "customer.class": person.customer_class,
        "customer.country": person.country,
        "customer.province": person.province,
        "customer.city": person.city,
    }


def _order(order: OrderState) -> Values:
    region = order.region
    return {
        "order.amount_minor": order.total_minor or 0,
        "order.currency": order.currency or "",
        "order.items": sum(line.quantity for line in order.lines),
        "order.country": region.country if region else "",
        "order.province": region.province if region else "",
        "order.city": region.city if region else "",
    }


def _parcel(parcel: ParcelState) -> Values:
    return {
        "parcel.carrier": parcel.carrier or "",
        "parcel.count": parcel.parcels_in_order or 0,
    }


def _review(review: ReviewState) -> Values:
    return {"review.rating": review.rating or 0, "review.sku": review.sku or ""}
