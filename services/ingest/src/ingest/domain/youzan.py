"""Youzan (有赞) messages to facts, by their shape.

The signature is MD5, so that a payment is a hint: it holds reminders and counts nothing, until the
shop's API or another source confirms it. Times are of Asia/Shanghai and name no zone.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from contracts.events import CustomerFacts, OrderFacts, OrderLine, Region
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, Ready
from ingest.domain.money import BadAmount
from ingest.domain.push import Context, Reading, buyer, minor, quantity
from ingest.domain.reading import Unmappable

CURRENCY: Final = "CNY"
COUNTRY: Final = "CN"


def read(message: Any, context: Context) -> Reading:
    """Return the facts of a `msg`, decoded and parsed.

    Raises:
        Unmappable: A shape that we do not know, or one that lacks what its kind needs.
    """
    if not isinstance(message, dict):
        raise Unmappable("not an object")
    if isinstance(message.get("full_order_info"), dict):
        notes: Counter[str] = Counter()
        try:
            return _order(message["full_order_info"], context, notes)
        except BadAmount as error:
            raise Unmappable(str(error)) from None
    if "close_type" in message and "tid" in message:
        # Unconfirmed, and nothing like a hint is known of an end: `closes_at` of the order serves.
        return Reading(notes={"unconfirmed_close": 1})
    raise Unmappable("no shape that we know")


def _order(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    info, money = reading.object_of(body, "order_info"), reading.object_of(body, "pay_info")
    order_id = reading.needed_id(info, "tid")
    version = reading.maybe_china(info, "update_time")
    if version is None:
        raise Unmappable("update_time is missing")
    lines = list(reading.objects(body, "orders"))
    total = minor(money.get("payment"), CURRENCY, notes)
    freight = minor(money.get("post_fee"), CURRENCY, notes)
    goods = sum(_price(one, notes) * quantity(one, "num") for one in lines)
    person = _buyer(body, order_id, version, context)
    order = OrderFacts(
        context.shop_id,
        person.customer_id,
        order_id,
        reading.micros(version),
        placed_at=reading.maybe_china(info, "created"),
        confirmed_at=reading.maybe_china(info, "success_time"),
        paid_hint_at=reading.maybe_china(info, "pay_time"),
        closes_at=reading.maybe_china(info, "expired_time"),
        currency=CURRENCY,
        total_minor=total,
        discount_minor=None if total is None else max(0, goods + (freight or 0) - total),
        freight_minor=freight,
        lines=tuple(_line(one, notes) for one in lines),
        region=person.region,
    )
    return Reading((Ready(order), Ready(person)), notes=notes)


def _buyer(
    body: Mapping[str, Any], order_id: str, version: datetime, context: Context
) -> CustomerFacts:
    """Return what the order says of who bought: it fills gaps of the profile."""
    person = reading.object_of(body, "buyer_info")
    address = reading.object_of(body, "address_info")
    typed = reading.maybe_text(person, "buyer_phone") or reading.maybe_text(address, "receiver_tel")
    phone = context.phone(typed or "", COUNTRY)
    said = CustomerFacts(
        context.shop_id,
        UNKNOWN,
        reading.micros(version),
        name=reading.maybe_text(address, "receiver_name"),
        phone=phone,
        region=_region(address),
        address=reading.joined(address, ("delivery_district", "delivery_address"), " "),
    )
    return buyer(said, _account(person), order_id, context)


def _account(buyer: Mapping[str, Any]) -> str | None:
    """Return the buyer's id in this shop; nicknames are personal data, and change."""
    known = reading.maybe_id(buyer, "yz_open_id") or reading.maybe_id(buyer, "buyer_id")
    if known not in (None, "0"):
        return known
    fan = reading.maybe_id(buyer, "fans_id")
    return None if fan in (None, "0") else f"fans:{reading.maybe_id(buyer, 'fans_type')}:{fan}"


def _region(address: Mapping[str, Any]) -> Region | None:
    province = reading.maybe_text(address, "delivery_province")
    city = reading.maybe_text(address, "delivery_city")
    return Region(COUNTRY, province or "", city or "") if province or city else None


def _line(item: Mapping[str, Any], notes: Counter[str]) -> OrderLine:
    return OrderLine(
        reading.maybe_text(item, "outer_sku_id") or reading.maybe_id(item, "sku_id") or "",
        reading.maybe_text(item, "title") or "",
        quantity(item, "num"),
        _price(item, notes),
    )


def _price(item: Mapping[str, Any], notes: Counter[str]) -> int:
    return minor(item.get("price"), CURRENCY, notes) or 0
