"""What shops and couriers say: facts that merge, whatever their order and number.

A field that is `None`, or an empty set, says nothing. Money is in minor units of the order's
currency, instants are aware UTC, `version_us` is the source's time of change in microseconds.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Region:
    """Where something goes to: ISO 3166-1 country, province and city as the source spells them."""

    country: str
    province: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    sku: str
    name: str
    quantity: int
    price_minor: int  # one piece, before discounts


@dataclass(frozen=True, slots=True)
class RefundFacts:
    refund_id: str
    version_us: int
    amount_minor: int | None = None
    opened_at: datetime | None = None
    agreed_at: datetime | None = None
    goods_due_at: datetime | None = None
    refused_at: datetime | None = None
    withdrawn_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    shop_id: str
    customer_id: str
    order_id: str
    version_us: int
    # earliest known wins
    placed_at: datetime | None = None
    deposit_paid_at: datetime | None = None
    paid_at: datetime | None = None
    signed_at: datetime | None = None
    confirmed_at: datetime | None = None
    # latest known wins; of the two, the later holds
    cancelled_at: datetime | None = None
    restored_at: datetime | None = None
    # unconfirmed: holds reminders, counts nothing
    paid_hint_at: datetime | None = None
    # registers: the highest (version, sha256 of the value) wins, field by field
    currency: str | None = None
    total_minor: int | None = None
    discount_minor: int | None = None
    freight_minor: int | None = None
    pay_on_delivery: bool | None = None
    is_test: bool | None = None
    is_presale: bool | None = None
    closes_at: datetime | None = None
    balance_opens_at: datetime | None = None
    balance_closes_at: datetime | None = None
    ship_by: datetime | None = None
    lines: tuple[OrderLine, ...] | None = None
    region: Region | None = None
    # a set by refund_id
    refunds: tuple[RefundFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """Of an `OrderFacts`, what decides whose money it is, how much, and since when.

    A view: it travels as `OrderFacts`, and who needs no more decodes no more.
    """

    shop_id: str
    customer_id: str
    order_id: str
    version_us: int
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    restored_at: datetime | None = None
    currency: str | None = None
    total_minor: int | None = None
    is_test: bool | None = None
    refunds: tuple[RefundFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderHome:
    """Of an `OrderFacts`, whose it is and where its receiver lives. A view, as `OrderMoney` is."""

    shop_id: str
    customer_id: str
    order_id: str
    version_us: int
    region: Region | None = None


class ShipmentState(StrEnum):
    LABEL = "label"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    ARRIVED_IN_CITY = "arrived_in_city"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AWAITING_PICKUP = "awaiting_pickup"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    CUSTOMS = "customs"
    CANCELLED = "cancelled"


class ShipmentProblem(StrEnum):
    NONE = "none"
    OTHER = "other"
    OVERDUE_UNSIGNED = "overdue_unsigned"
    STALE = "stale"
    REFUSED = "refused"
    FAILED_ATTEMPT = "failed_attempt"
    PICKUP_OVERDUE = "pickup_overdue"
    UNREACHABLE = "unreachable"
    OUT_OF_AREA = "out_of_area"
    HELD = "held"
    DAMAGED = "damaged"
    WITHDRAWN = "withdrawn"
    CUSTOMS = "customs"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    at: datetime
    state: ShipmentState


@dataclass(frozen=True, slots=True)
class ShipmentFacts:
    shop_id: str
    customer_id: str
    order_id: str
    parcel_id: str  # the normalised waybill number, or the source's own reference
    version_us: int
    # registers
    carrier: str | None = None
    number: str | None = None
    parcels_in_order: int | None = None
    estimated_day: date | None = None
    problem: ShipmentProblem | None = None
    # earliest known wins
    handed_over_at: datetime | None = None
    arrived_in_city_at: datetime | None = None
    out_for_delivery_at: datetime | None = None
    signed_at: datetime | None = None
    returned_at: datetime | None = None
    refused_at: datetime | None = None
    watch_ended_at: datetime | None = None
    # a set by (at, state)
    checkpoints: tuple[Checkpoint, ...] = ()
    source_ref: str | None = None  # a register: what the source calls the parcel's fulfilment


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    shop_id: str
    customer_id: str
    review_id: str
    version_us: int
    reviewed_at: datetime | None = None  # earliest known wins
    withdrawn_at: datetime | None = None  # latest known wins
    order_id: str | None = None
    sku: str | None = None
    rating: int | None = None  # 1..5: 4 and 5 praise, 3 is medium, 1 and 2 are bad


@dataclass(frozen=True, slots=True)
class CartFacts:
    shop_id: str
    customer_id: str
    cart_id: str
    version_us: int
    currency: str | None = None
    lines: tuple[OrderLine, ...] | None = None
    changed_at: datetime | None = None
    ordered_at: datetime | None = None
    emptied_at: datetime | None = None


class WishKind(StrEnum):
    FAVOURITE = "favourite"
    BACK_IN_STOCK = "back_in_stock"


@dataclass(frozen=True, slots=True)
class WishFacts:
    shop_id: str
    customer_id: str
    sku: str
    kind: WishKind
    version_us: int
    wished_at: datetime | None = None
    withdrawn_at: datetime | None = None
