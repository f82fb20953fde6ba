"""WooCommerce bodies to facts, by their shape: the topic's header is not signed.

The bodies are those of its REST API, version 3 (https://woocommerce.github.io/woocommerce-rest-api-docs/).
Only the `*_gmt` times are read; the others are in the shop's zone, which no body names. Parcels are
not in the core: plug-ins have their own fields, so the shop pushes them by the native API.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from contracts.events import CustomerFacts, OrderFacts, OrderLine, Product, RefundFacts, Region
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, Ready
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import BadAmount
from ingest.domain.push import Context, Reading, buyer, minor, quantity
from ingest.domain.reading import Unmappable

# A failed payment may be tried again, so `failed` ends nothing; what was refunded, refunds say.
CANCELLED: Final = frozenset({"cancelled", "trash"})
# The shop ends an order that is not paid in time; who pays late has it again.
ALIVE: Final = frozenset({"processing", "completed"})
DRAFTS: Final = frozenset({"auto-draft", "checkout-draft", "draft", "new"})  # a visit, no order
BUYERS: Final = frozenset({"customer", "subscriber"})  # others are staff
ON_DELIVERY: Final = "cod"
_FINEST: Final = Decimal(1).scaleb(-10)
# Refunds say no time: the first snapshot that has one stands in. Registers keep the highest
# version, so these versions count down from here.
_COUNT_DOWN_US: Final = reading.micros(reading.LATEST)


def read(body: Any, context: Context) -> Reading:
    """Return the facts of *body*.

    Raises:
        Unmappable: A shape that we do not know, or one that lacks what its kind needs.
    """
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    notes: Counter[str] = Counter()
    for marks, reader in _SHAPES:
        if marks <= body.keys():
            try:
                return reader(body, context, notes)
            except BadAmount as error:
                raise Unmappable(str(error)) from None
    if body.keys() == {"id"}:
        raise Unmappable("a deletion that does not say of what")
    raise Unmappable("no shape that we know")


def _order(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    status = reading.text(body, "status")
    if status in DRAFTS:
        return Reading((), notes={"draft": 1})
    order_id = reading.needed_id(body, "id")
    version = reading.utc(body, "date_modified_gmt")
    currency = reading.text(body, "currency")
    if currency not in MINOR_DIGITS:
        raise Unmappable("unknown currency")
    person = _buyer(body, order_id, version, context)
    method = reading.maybe_text(body, "payment_method")
    order = OrderFacts(
        context.shop_id,
        person.customer_id,
        order_id,
        reading.micros(version),
        placed_at=reading.maybe_utc(body, "date_created_gmt"),
        paid_at=reading.maybe_utc(body, "date_paid_gmt"),
        cancelled_at=version if status in CANCELLED else None,
        restored_at=version if status in ALIVE else None,
        currency=currency,
        total_minor=minor(body.get("total"), currency, notes),
        discount_minor=minor(body.get("discount_total"), currency, notes),
        freight_minor=_freight(body, currency, notes),
        pay_on_delivery=None if method is None else method == ON_DELIVERY,
        lines=tuple(_line(one, currency, notes) for one in reading.objects(body, "line_items")),
        region=person.region,
        refunds=tuple(
            _refund(one, version, currency, notes) for one in reading.objects(body, "refunds")
        ),
    )
    return Reading((Ready(order), Ready(person)), notes=notes)


def _customer(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    if body.get("role") not in BUYERS:
        return Reading((), notes={"staff": 1})
    version = reading.maybe_utc(body, "date_modified_gmt")
    joined_at = reading.maybe_utc(body, "date_created_gmt")
    at = version or joined_at  # who was never changed has no time of change
    if at is None:
        raise Unmappable("date_modified_gmt is missing")
    billing, address = _addresses(body)
    region = _region(address)
    fact = CustomerFacts(
        context.shop_id,
        reading.needed_id(body, "id"),
        reading.micros(at),
        name=_name(body) or _name(billing),
        phone=_phone(billing, context),
        email=reading.maybe_text(body, "email") or reading.maybe_text(billing, "email"),
        region=region,
        address=_street(address),
        joined_at=joined_at,
    )
    return Reading((Ready(fact),), notes=notes)


def _product(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    version = reading.utc(body, "date_modified_gmt")
    stock = body.get("stock_quantity")  # null: the shop does not count it
    fact = Product(
        context.shop_id,
        _sku(body, reading.needed_id(body, "id"), "0"),
        reading.micros(version),
        title=reading.maybe_text(body, "name"),
        currency=context.currency,
        price_minor=minor(body.get("price") or None, context.currency, notes),
        stock=max(0, stock) if isinstance(stock, int) and not isinstance(stock, bool) else None,
    )
    return Reading((Ready(fact),), notes=notes)


def _coupon(_body: Mapping[str, Any], _context: Context, _notes: Counter[str]) -> Reading:
    return Reading((), notes={"coupon": 1})


_SHAPES: Final = (
    (frozenset({"id", "status", "currency", "line_items"}), _order),
    (frozenset({"id", "role", "billing"}), _customer),
    (frozenset({"id", "sku", "price", "stock_quantity"}), _product),
    (frozenset({"id", "code", "discount_type"}), _coupon),
)


def _buyer(
    body: Mapping[str, Any], order_id: str, version: datetime, context: Context
) -> CustomerFacts:
    """Return what the order says of who bought: it fills gaps of the profile."""
    billing, address = _addresses(body)
    account = reading.maybe_id(body, "customer_id")
    said = CustomerFacts(
        context.shop_id,
        UNKNOWN,
        reading.micros(version),
        name=_name(billing) or _name(address),
        phone=_phone(billing, context),
        email=reading.maybe_text(billing, "email"),
        region=_region(address),
        address=_street(address),
    )
    known = None if account == "0" else account
    return buyer(said, known, order_id, context)


def _addresses(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return whom the bill goes to, and where the goods go: who left that out has them at home."""
    billing, shipping = reading.object_of(body, "billing"), reading.object_of(body, "shipping")
    return billing, shipping if reading.maybe_text(shipping, "country") else billing


def _phone(billing: Mapping[str, Any], context: Context) -> str | None:
    region = _region(billing)
    typed = reading.maybe_text(billing, "phone") or ""
    return context.phone(typed, region.country if region else context.country)


def _refund(
    one: Mapping[str, Any], version: datetime, currency: str, notes: Counter[str]
) -> RefundFacts:
    """Read money that went back; it stands there as a sum below zero."""
    amount = minor(one.get("total"), currency, notes)
    return RefundFacts(
        reading.needed_id(one, "id"),
        _COUNT_DOWN_US - reading.micros(version),
        amount_minor=None if amount is None else abs(amount),
        opened_at=version,
        completed_at=version,
    )


def _freight(body: Mapping[str, Any], currency: str, notes: Counter[str]) -> int | None:
    parts = [minor(body.get(name), currency, notes) for name in ("shipping_total", "shipping_tax")]
    return None if parts[0] is None else sum(part or 0 for part in parts)


def _line(item: Mapping[str, Any], currency: str, notes: Counter[str]) -> OrderLine:
    pieces = quantity(item)
    return OrderLine(
        _sku(item, reading.maybe_id(item, "product_id"), reading.maybe_id(item, "variation_id")),
        reading.maybe_text(item, "name") or "",
        pieces,
        _price(item, pieces, currency, notes),
    )


def _price(item: Mapping[str, Any], pieces: int, currency: str, notes: Counter[str]) -> int:
    """Return what one piece cost before discounts: `price` is after them, `subtotal` before."""
    before = reading.amount(item.get("subtotal"))
    if before is None or pieces == 0:
        return minor(_short(reading.amount(item.get("price"))), currency, notes) or 0
    whole = minor(before, currency, notes) or 0
    return int((Decimal(whole) / pieces).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _short(amount: str | int | Decimal | None) -> str | int | Decimal | None:
    """Cut a float's tail: PHP prints a third with 16 digits."""
    return amount.quantize(_FINEST) if isinstance(amount, Decimal) else amount


def _sku(item: Mapping[str, Any], product_id: str | None, variation_id: str | None) -> str:
    """Return the article's own code; many shops leave it empty."""
    sku = reading.maybe_text(item, "sku")
    return sku or (f"{product_id}:{variation_id or 0}" if product_id else "")


def _region(address: Mapping[str, Any]) -> Region | None:
    country = reading.maybe_text(address, "country")
    if country not in COUNTRIES:
        return None
    return Region(
        country,
        reading.maybe_text(address, "state") or "",
        reading.maybe_text(address, "city") or "",
    )


def _street(address: Mapping[str, Any]) -> str | None:
    return reading.joined(address, ("address_1", "address_2", "city", "postcode"), ", ")


def _name(body: Mapping[str, Any]) -> str | None:
    return reading.joined(body, ("first_name", "last_name"), " ")
