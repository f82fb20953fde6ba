"""Shopify bodies to facts. The kind is read from the shape: topics are not signed.

`read` gets the parsed body; whoever calls it has checked the signature.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from contracts.events import (
    Channel,
    Consent,
    CustomerFacts,
    OrderFacts,
    OrderLine,
    Purpose,
    RefundFacts,
    Region,
)
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByOrder, Ready, Said
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import BadAmount
from ingest.domain.push import Context, Reading, buyer, minor, quantity
from ingest.domain.reading import Unmappable
from ingest.domain.shopify_parcels import parcels_of

PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
CONSENTS: Final = (
    ("email_marketing_consent", Channel.EMAIL),
    ("sms_marketing_consent", Channel.SMS),
)


def read(body: Any, context: Context) -> Reading:
    """Return the facts of *body*.

    Raises:
        Unmappable: A shape that we do not know, or one that lacks what its kind needs.
    """
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    if body.get("test") is True and not context.accept_test:
        return Reading(())
    notes: Counter[str] = Counter()
    for marks, reader in _SHAPES:
        if marks <= body.keys():
            try:
                return reader(body, context, notes)
            except BadAmount as error:
                raise Unmappable(str(error)) from None
    raise Unmappable("no shape that we know")


def _order(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    order_id = reading.gid(body)
    version = reading.instant(body, "updated_at")
    currency = reading.text(body, "currency")
    if currency not in MINOR_DIGITS:
        raise Unmappable("unknown currency")
    person = _person(body, order_id, context)
    order = OrderFacts(
        context.shop_id,
        person.customer_id,
        order_id,
        reading.micros(version),
        placed_at=reading.maybe_instant(body, "created_at"),
        paid_at=_paid_at(body, version),
        cancelled_at=reading.maybe_instant(body, "cancelled_at"),
        currency=currency,
        total_minor=minor(body.get("total_price"), currency, notes),
        discount_minor=minor(body.get("total_discounts"), currency, notes),
        freight_minor=_freight(body, currency, notes),
        is_test=body.get("test") if isinstance(body.get("test"), bool) else None,
        lines=tuple(_line(one, currency, notes) for one in reading.objects(body, "line_items")),
        region=person.region,
        refunds=tuple(
            _refund_facts(one, currency, notes) for one in reading.objects(body, "refunds")
        ),
    )
    said: list[Said] = [Ready(order), Ready(person)]
    for one in reading.objects(body, "fulfillments"):
        said += [
            Ready(fact) for fact in parcels_of(one, context.shop_id, order_id, person.customer_id)
        ]
    spelled = reading.maybe_id(body, "id")
    aliases = () if spelled in (None, order_id) else ((spelled, order_id, person.customer_id),)
    return Reading(tuple(said), aliases, notes)


def _refund(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Read a refund on its own: the order's currency is not in it, so the shop's stands in."""
    refund = _refund_facts(body, context.currency, notes)
    ref = reading.needed_id(body, "order_id")
    fact = OrderFacts(context.shop_id, UNKNOWN, ref, refund.version_us, refunds=(refund,))
    return Reading((ByOrder(ref, fact),), notes=notes)


def _fulfilment(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    ref = reading.needed_id(body, "order_id")
    parcels = parcels_of(body, context.shop_id, ref, UNKNOWN)
    return Reading(tuple(ByOrder(ref, fact) for fact in parcels), notes=notes)


def _transaction(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Read money that came in: an authorisation, or one that failed, is no payment."""
    at = _payment_at(body)
    if at is None:
        return Reading((), notes=notes)
    ref = reading.needed_id(body, "order_id")
    fact = OrderFacts(context.shop_id, UNKNOWN, ref, reading.micros(at), paid_at=at)
    return Reading((ByOrder(ref, fact),), notes=notes)


def _customer(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    address = reading.object_of(body, "default_address")
    version = reading.instant(body, "updated_at")
    region = _region(address)
    country = region.country if region else context.country
    fact = CustomerFacts(
        context.shop_id,
        reading.gid(body),
        reading.micros(version),
        name=_name(body),
        phone=context.phone(reading.maybe_text(body, "phone") or "", country),
        email=reading.maybe_text(body, "email"),
        region=region,
        address=_street(address),
        consents=tuple(_consents(body, version)),
        joined_at=reading.maybe_instant(body, "created_at"),
    )
    return Reading((Ready(fact),), notes=notes)


def _erasure(_body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    raise Unmappable("erasing a customer needs an operator's yes")


_SHAPES: Final = (
    (frozenset({"financial_status", "line_items"}), _order),
    (frozenset({"order_id", "refund_line_items"}), _refund),
    (frozenset({"order_id", "tracking_numbers"}), _fulfilment),
    (frozenset({"order_id", "kind"}), _transaction),
    (frozenset({"orders_to_redact"}), _erasure),
    (frozenset({"email_marketing_consent", "created_at", "updated_at"}), _customer),
    (frozenset({"email_marketing_consent", "admin_graphql_api_id"}), _erasure),
)


def _person(body: Mapping[str, Any], order_id: str, context: Context) -> CustomerFacts:
    """Return what the order says of who bought: it fills gaps of the profile."""
    person = reading.object_of(body, "customer")
    address = reading.object_of(body, "shipping_address")
    region = _region(address)
    version = reading.instant(body, "updated_at")
    typed = (
        reading.maybe_text(person, "phone")
        or reading.maybe_text(body, "phone")
        or reading.maybe_text(address, "phone")
    )
    phone = context.phone(typed or "", region.country if region else context.country)
    email = reading.maybe_text(person, "email") or reading.maybe_text(body, "email")
    said = CustomerFacts(
        context.shop_id,
        UNKNOWN,
        reading.micros(version),
        name=_name(person) or _name(address),
        phone=phone,
        email=email,
        region=region,
        address=_street(address),
        consents=tuple(_consents(person, version)),
    )
    known = reading.gid(person) if person else None
    return buyer(said, known, order_id, context)


def _paid_at(body: Mapping[str, Any], version: datetime) -> datetime | None:
    """Return the earliest known: no field says it, so the first paid snapshot's time may serve."""
    known = [_payment_at(one) for one in reading.objects(body, "transactions")]
    if body.get("financial_status") in PAID:
        known.append(version)
    return min((at for at in known if at is not None), default=None)


def _payment_at(transaction: Mapping[str, Any]) -> datetime | None:
    is_payment = (
        transaction.get("kind") in ("sale", "capture")
        and transaction.get("status") == "success"
        and transaction.get("test") is not True
    )
    return _processed_at(transaction) if is_payment else None


def _processed_at(body: Mapping[str, Any]) -> datetime:
    return reading.maybe_instant(body, "processed_at") or reading.instant(body, "created_at")


def _refund_facts(body: Mapping[str, Any], fallback: str, notes: Counter[str]) -> RefundFacts:
    """Return the money that went back: what the lines add up to was never all paid out."""
    at = _processed_at(body)
    amounts = [
        minor(one.get("amount"), _currency_of(one, fallback), notes) or 0
        for one in reading.objects(body, "transactions")
        if one.get("kind") == "refund" and one.get("status") == "success"
    ]
    return RefundFacts(
        reading.gid(body),
        reading.micros(at),
        amount_minor=sum(amounts) if amounts else None,
        opened_at=reading.maybe_instant(body, "created_at"),
        completed_at=at if amounts else None,
    )


def _currency_of(transaction: Mapping[str, Any], fallback: str) -> str:
    named = transaction.get("currency")
    return named if isinstance(named, str) and named in MINOR_DIGITS else fallback


def _freight(body: Mapping[str, Any], currency: str, notes: Counter[str]) -> int | None:
    in_shop_money = reading.object_of(
        reading.object_of(body, "total_shipping_price_set"), "shop_money"
    )
    if in_shop_money:
        return minor(in_shop_money.get("amount"), currency, notes)
    prices = [
        minor(one.get("price"), currency, notes) or 0
        for one in reading.objects(body, "shipping_lines")
    ]
    return sum(prices) if prices else None


def _line(item: Mapping[str, Any], currency: str, notes: Counter[str]) -> OrderLine:
    ids = (reading.maybe_id(item, name) for name in ("variant_id", "product_id", "id"))
    return OrderLine(
        reading.maybe_text(item, "sku") or next((one for one in ids if one), ""),
        reading.maybe_text(item, "title") or reading.maybe_text(item, "name") or "",
        quantity(item),
        minor(item.get("price"), currency, notes) or 0,
    )


def _region(address: Mapping[str, Any]) -> Region | None:
    country = reading.maybe_text(address, "country_code") or reading.maybe_text(address, "country")
    if country not in COUNTRIES:
        return None
    province = reading.maybe_text(address, "province_code")
    return Region(
        country,
        province or reading.maybe_text(address, "province") or "",
        reading.maybe_text(address, "city") or "",
    )


def _street(address: Mapping[str, Any]) -> str | None:
    return reading.joined(address, ("address1", "address2", "city", "zip"), ", ")


def _name(body: Mapping[str, Any]) -> str | None:
    return reading.joined(body, ("first_name", "last_name"), " ")


def _consents(body: Mapping[str, Any], version: datetime) -> Iterator[Consent]:
    """Only `subscribed` is a yes; a missing consent says nothing."""
    for name, channel in CONSENTS:
        stated = reading.object_of(body, name)
        state = reading.maybe_text(stated, "state")
        if state is not None:
            at = reading.maybe_instant(stated, "consent_updated_at") or version
            yield Consent(channel, Purpose.MARKETING, state == "subscribed", at, "shopify")
