"""What several kinds of Shopify bodies are made of: people, addresses, lines, consents."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from contracts.events import Channel, Consent, CustomerFacts, OrderLine, Purpose, Region
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN
from ingest.domain.iso import COUNTRIES
from ingest.domain.push import Context, minor, quantity

CONSENTS: Final = (
    ("email_marketing_consent", Channel.EMAIL),
    ("sms_marketing_consent", Channel.SMS),
)


def buyer_said(body: Mapping[str, Any], context: Context) -> CustomerFacts:
    """Return what an order or a checkout says of who buys; it fills gaps of the profile."""
    person = reading.object_of(body, "customer")
    address = reading.object_of(body, "shipping_address")
    region = region_of(address)
    version = reading.instant(body, "updated_at")
    typed = (
        reading.maybe_text(person, "phone")
        or reading.maybe_text(body, "phone")
        or reading.maybe_text(address, "phone")
    )
    phone = context.phone(typed or "", region.country if region else context.country)
    return CustomerFacts(
        context.shop_id,
        UNKNOWN,
        reading.micros(version),
        name=name_of(person) or name_of(address),
        phone=phone,
        email=reading.maybe_text(person, "email") or reading.maybe_text(body, "email"),
        region=region,
        address=street_of(address),
        consents=tuple(consents_of(person, version)),
    )


def account_of(body: Mapping[str, Any]) -> str | None:
    """Return the platform's id of who buys; None of a guest."""
    person = reading.object_of(body, "customer")
    return reading.gid(person) if person else None


def line_of(item: Mapping[str, Any], currency: str, notes: Counter[str]) -> OrderLine:
    ids = (reading.maybe_id(item, name) for name in ("variant_id", "product_id", "id"))
    return OrderLine(
        reading.maybe_text(item, "sku") or next((one for one in ids if one), ""),
        reading.maybe_text(item, "title") or reading.maybe_text(item, "name") or "",
        quantity(item),
        minor(item.get("price"), currency, notes) or 0,
    )


def region_of(address: Mapping[str, Any]) -> Region | None:
    country = reading.maybe_text(address, "country_code") or reading.maybe_text(address, "country")
    if country not in COUNTRIES:
        return None
    province = reading.maybe_text(address, "province_code")
    return Region(
        country,
        province or reading.maybe_text(address, "province") or "",
        reading.maybe_text(address, "city") or "",
    )


def street_of(address: Mapping[str, Any]) -> str | None:
    return reading.joined(address, ("address1", "address2", "city", "zip"), ", ")


def name_of(body: Mapping[str, Any]) -> str | None:
    return reading.joined(body, ("first_name", "last_name"), " ")


def consents_of(body: Mapping[str, Any], version: datetime) -> Iterator[Consent]:
    """Only `subscribed` is a yes; a missing consent says nothing."""
    for name, channel in CONSENTS:
        stated = reading.object_of(body, name)
        state = reading.maybe_text(stated, "state")
        if state is not None:
            at = reading.maybe_instant(stated, "consent_updated_at") or version
            yield Consent(channel, Purpose.MARKETING, state == "subscribed", at, "shopify")
