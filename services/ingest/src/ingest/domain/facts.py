"""What one push says, with or without knowing whose it is.

A refund, a fulfilment or a courier's push names only an order or a parcel, but the topic's key
needs the customer. Such a fact carries `UNKNOWN` until a registry, or a later push, tells.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from contracts.events import (
    CartFacts,
    CustomerErased,
    CustomerFacts,
    OrderFacts,
    Product,
    ReviewFacts,
    ShipmentFacts,
)
from ingest.domain.parcels import trim

UNKNOWN: Final = "?"
REUSED_AFTER: Final = timedelta(days=180)  # couriers give old numbers to new parcels
ROUTE_BEFORE: Final = timedelta(days=7)

Fact: TypeAlias = (
    OrderFacts | ShipmentFacts | ReviewFacts | CartFacts | CustomerFacts | CustomerErased | Product
)
Ownerless: TypeAlias = OrderFacts | ShipmentFacts | ReviewFacts


@dataclass(frozen=True, slots=True)
class Ready:
    fact: Fact


@dataclass(frozen=True, slots=True)
class ByOrder:
    """A fact of the order that some source calls *ref*; its customer is not known."""

    ref: str
    fact: Ownerless

    @property
    def wait_key(self) -> str:
        return f"order:{self.ref}"


@dataclass(frozen=True, slots=True)
class ByParcel:
    """A courier's word on a number; the customer is not known.

    Some couriers name an order too, which may be the shop's: it is tried when nobody has told of
    the number.
    """

    number: str
    fact: ShipmentFacts

    @property
    def ref(self) -> str | None:
        return None if self.fact.order_id == UNKNOWN else self.fact.order_id

    @property
    def wait_key(self) -> str:
        return f"parcel:{self.number}"


@dataclass(frozen=True, slots=True)
class ByFulfilment:
    """Word on the parcels of a fulfilment, which the platform names instead of their numbers."""

    ref: str
    fact: ShipmentFacts

    @property
    def wait_key(self) -> str:
        return f"fulfilment:{self.ref}"


@dataclass(frozen=True, slots=True)
class ByCart:
    """What lies in the cart of a visitor who has not said who they are."""

    token: str
    fact: CartFacts

    @property
    def wait_key(self) -> str:
        return f"cart:{self.token}"


Waiting: TypeAlias = ByOrder | ByParcel | ByFulfilment | ByCart
Said: TypeAlias = Ready | Waiting


@dataclass(frozen=True, slots=True)
class Item:
    """One thing said, with the words of a review, which no topic carries."""

    said: Said
    review_text: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRef:
    order_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class ParcelRef:
    order_id: str
    customer_id: str
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class FulfilledParcel:
    """A parcel of a fulfilment."""

    parcel_id: str
    order_id: str
    customer_id: str


def normal_number(number: str) -> str:
    """Return a waybill number as all sources would spell it; empty when nothing is left."""
    folded = unicodedata.normalize("NFKC", number).upper()
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Pd")


def of_order(fact: Ownerless, refs: Sequence[OrderRef]) -> Ownerless | None:
    """Return *fact* with its owner; None when the spelling fits no order, or more than one."""
    owners = {(ref.order_id, ref.customer_id) for ref in refs}
    if len({order_id for order_id, _ in owners}) != 1:
        return None
    order_id, customer_id = min(owners)
    return replace(fact, order_id=order_id, customer_id=customer_id)


def of_parcel(fact: ShipmentFacts, refs: Sequence[ParcelRef]) -> list[ShipmentFacts]:
    """Return *fact* for each order that the number serves now.

    A registration yields to one that is 180 days younger; what the courier says of days before the
    parcel was registered belongs to an earlier parcel of that number.
    """
    if not refs:
        return []
    newest = max(ref.registered_at for ref in refs)
    return [
        replace(
            trim(fact, ref.registered_at - ROUTE_BEFORE),
            order_id=ref.order_id,
            customer_id=ref.customer_id,
        )
        for ref in sorted(refs, key=lambda ref: ref.order_id)
        if newest - ref.registered_at < REUSED_AFTER
    ]


def of_fulfilment(fact: ShipmentFacts, parcels: Sequence[FulfilledParcel]) -> list[ShipmentFacts]:
    """Return *fact* for each parcel that its fulfilment is known to have."""
    return [
        replace(fact, parcel_id=one.parcel_id, order_id=one.order_id, customer_id=one.customer_id)
        for one in sorted(parcels, key=lambda one: (one.order_id, one.parcel_id))
    ]
