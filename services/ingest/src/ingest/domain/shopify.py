"""Shopify bodies to facts. The kind is read from the shape: topics are not signed.

`read` gets the parsed body; whoever calls it has checked the signature.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from contracts.events import CustomerFacts, OrderFacts, OrderLine, RefundFacts
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByFulfilment, ByOrder, Ready, Said
from ingest.domain.iso import MINOR_DIGITS
from ingest.domain.money import BadAmount
from ingest.domain.push import Context, Reading, Task, buyer, minor
from ingest.domain.reading import Unmappable
from ingest.domain.shopify_carts import cart_of, checkout_of
from ingest.domain.shopify_parcels import parcels_of, step_of
from ingest.domain.shopify_parts import (
    account_of,
    buyer_said,
    consents_of,
    line_of,
    name_of,
    region_of,
    street_of,
)

PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
# What the platform answers when it is asked comes in an object of one of these names.
WRAPS: Final = frozenset(
    {
        *("order", "orders", "refund", "refunds", "transaction", "transactions"),
        *("fulfillment", "fulfillments", "fulfillment_event", "fulfillment_events"),
        *("customer", "customers", "cart", "carts", "checkout", "checkouts", "order_edit"),
    }
)


def read(body: Any, context: Context) -> Reading:
    """Return the facts of *body*.

    Raises:
        Unmappable: A shape that we do not know, or one that lacks what its kind needs.
    """
    if isinstance(body, dict) and len(body) == 1 and body.keys() <= WRAPS:
        [body] = body.values()
    if isinstance(body, list) and body:
        return _together([_read_one(one, context) for one in body])
    return _read_one(body, context)


def _read_one(body: Any, context: Context) -> Reading:
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
    if body.keys() == {"id"}:  # the topic tells what was deleted, and is not signed
        return Reading(task=Task("deleted_order", reading.needed_id(body, "id")))
    raise Unmappable("no shape that we know")


def _together(readings: Sequence[Reading]) -> Reading:
    said: list[Said] = []
    aliases: list[tuple[str, str, str]] = []
    notes: Counter[str] = Counter()
    for one in readings:
        said += one.said
        aliases += one.aliases
        notes.update(one.notes or {})
    task = next((one.task for one in readings if one.task is not None), None)
    return Reading(tuple(said), tuple(aliases), notes, task=task)


def _order(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    order_id = reading.gid(body)
    version = reading.instant(body, "updated_at")
    currency = reading.text(body, "currency")
    if currency not in MINOR_DIGITS:
        raise Unmappable("unknown currency")
    person = buyer(buyer_said(body, context), account_of(body), order_id, context)
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
        lines=_lines(body, currency, notes),
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
    region = region_of(address)
    country = region.country if region else context.country
    fact = CustomerFacts(
        context.shop_id,
        reading.gid(body),
        reading.micros(version),
        name=name_of(body),
        phone=context.phone(reading.maybe_text(body, "phone") or "", country),
        email=reading.maybe_text(body, "email"),
        region=region,
        address=street_of(address),
        consents=tuple(consents_of(body, version)),
        joined_at=reading.maybe_instant(body, "created_at"),
    )
    return Reading((Ready(fact),), notes=notes)


def _step(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Read what became of a fulfilment's parcels: their numbers are not in it."""
    fact = step_of(body, context.shop_id, notes)
    ref = reading.needed_id(body, "fulfillment_id")
    return Reading(() if fact is None else (ByFulfilment(ref, fact),), notes=notes)


def _consent(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Read a consent by itself. A yes counts from the time that it names, never from now."""
    said = list(consents_of(body, context.now))
    consents = tuple(one for one in said if not one.given or one.at != context.now)
    notes["consent_without_time"] += len(said) - len(consents)
    if not consents:
        return Reading((), notes=notes)
    version_us = reading.micros(max(one.at for one in consents))
    customer_id = reading.needed_id(body, "customer_id")
    fact = CustomerFacts(context.shop_id, customer_id, version_us, consents=consents)
    return Reading((Ready(fact),), notes=notes)


def _nothing(_body: Mapping[str, Any], _context: Context, notes: Counter[str]) -> Reading:
    return Reading((), notes=notes)


def _deleted(body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    return Reading(task=Task("erase_customer", reading.gid(body)))


def _redact(body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    customer = reading.object_of(body, "customer")
    return Reading(task=Task("erase_customer", reading.needed_id(customer, "id")))


def _data_request(body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    customer = reading.object_of(body, "customer")
    return Reading(task=Task("tell_customer", reading.needed_id(customer, "id")))


def _redact_shop(_body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    return Reading(task=Task("erase_shop"))


def _dispute(body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    return Reading(task=Task("dispute", reading.needed_id(body, "order_id")))


def _uninstalled(_body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    return Reading(task=Task("app_removed"))


_SHAPES: Final = (
    (frozenset({"financial_status", "total_price"}), _order),
    (frozenset({"order_id", "refund_line_items"}), _refund),
    (frozenset({"order_id", "tracking_numbers"}), _fulfilment),
    (frozenset({"fulfillment_id", "happened_at"}), _step),
    (frozenset({"order_id", "evidence_due_by"}), _dispute),
    (frozenset({"order_id", "kind"}), _transaction),
    (frozenset({"order_id", "staff_note"}), _nothing),  # an edit: `orders/updated` follows
    (frozenset({"orders_to_redact"}), _redact),
    (frozenset({"orders_requested"}), _data_request),
    (frozenset({"customer_id", "email_marketing_consent"}), _consent),
    (frozenset({"customer_id", "sms_marketing_consent"}), _consent),
    (frozenset({"email_marketing_consent", "created_at", "updated_at"}), _customer),
    (frozenset({"addresses", "created_at", "updated_at"}), _customer),  # before consents had times
    (frozenset({"email_marketing_consent", "admin_graphql_api_id"}), _deleted),
    (frozenset({"abandoned_checkout_url"}), checkout_of),
    (frozenset({"cart_token", "subtotal_price"}), _nothing),  # a checkout that is deleted
    (frozenset({"token", "line_items"}), cart_of),
    (frozenset({"myshopify_domain", "shop_owner"}), _uninstalled),
    (frozenset({"shop_id", "shop_domain"}), _redact_shop),
)


def _lines(
    body: Mapping[str, Any], currency: str, notes: Counter[str]
) -> tuple[OrderLine, ...] | None:
    """Return what was bought; None, which says nothing, when only some fields were asked for."""
    if "line_items" not in body:
        return None
    return tuple(line_of(one, currency, notes) for one in reading.objects(body, "line_items"))


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
