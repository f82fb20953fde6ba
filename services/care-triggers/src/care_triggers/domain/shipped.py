"""Tell that a parcel was handed over (发货提醒): one message a parcel."""

from datetime import datetime, timedelta
from typing import Final

from care.facts import OrderState, ParcelState
from care_triggers.domain import wording
from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Due, Idle, Send, Snooze, Start, Stop, Verdict, Wish

KIND: Final = "shipped"
UNLESS: Final = ("signed", "returned", "refunded")
VARIABLES: Final = ("courier", "waybill", "date", "part", "tail")
NUMBER_WITHIN: Final = timedelta(hours=2)  # so long it waits for the waybill number
LOOK_AGAIN: Final = timedelta(minutes=5)


def wish(parcel: ParcelState, order: OrderState | None, rule: Rule) -> Wish:
    for name in rule.unless:
        if _happened(name, parcel, order):
            return Stop(name)
    if parcel.handed_over_at is None:
        return Idle()
    due_at = parcel.handed_over_at + rule.wait
    return Start(parcel.parcel_id, due_at, due_at + rule.expires)


def on_due(due: Due, parcel: ParcelState, now: datetime) -> Verdict:
    """Send now; without a number wait for it, two hours at most."""
    handed_over_at = parcel.handed_over_at or due.timer.due_at
    if not parcel.number and now < handed_over_at + NUMBER_WITHIN:
        return Snooze(min(now + LOOK_AGAIN, handed_over_at + NUMBER_WITHIN), "no_number")
    locale = due.shop.locale
    return Send(
        due.timer.expires_at,
        {
            "courier": wording.courier(parcel.carrier, locale),
            "waybill": parcel.number or "",
            "date": wording.day_of_month(parcel.estimated_day, locale),
            "part": _part(due, parcel),
            "tail": wording.tail(parcel.order_id),
        },
    )


def _happened(name: str, parcel: ParcelState, order: OrderState | None) -> bool:
    match name:
        case "signed":
            return parcel.signed_at is not None
        case "returned":
            return parcel.returned_at is not None or parcel.refused_at is not None
        case _:
            return order is not None and order.is_fully_refunded


def _part(due: Due, parcel: ParcelState) -> str:
    """Return "2/3" for the second of three parcels, nothing for an only one."""
    known = sorted(
        (one for one in due.siblings if one.handed_over_at is not None),
        key=lambda one: (one.handed_over_at, one.parcel_id),
    )
    places = [one.parcel_id for one in known]
    count = max(len(places), parcel.parcels_in_order or 0)
    if count < 2 or parcel.parcel_id not in places:
        return ""
    return f"{places.index(parcel.parcel_id) + 1}/{count}"
