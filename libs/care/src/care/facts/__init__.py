"""Facts that merge: one state for an order, a parcel, a review, whatever arrived first."""

from care.facts.money import money_from_json, money_to_json
from care.facts.orders import (
    MONEY,
    OrderState,
    RefundState,
    empty_order,
    merge_order,
    order_from_json,
    order_to_json,
)
from care.facts.parcels import ParcelState, merge_shipment, parcel_from_json, parcel_to_json
from care.facts.registers import Register, digest, earliest, latest, merge_register
from care.facts.reviews import ReviewState, merge_review, review_from_json, review_to_json

__all__ = [
    "MONEY",
    "OrderState",
    "ParcelState",
    "RefundState",
    "Register",
    "ReviewState",
    "digest",
    "earliest",
    "empty_order",
    "latest",
    "merge_order",
    "merge_register",
    "merge_review",
    "merge_shipment",
    "money_from_json",
    "money_to_json",
    "order_from_json",
    "order_to_json",
    "parcel_from_json",
    "parcel_to_json",
    "review_from_json",
    "review_to_json",
]
