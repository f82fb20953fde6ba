"""Shopify carts and checkouts: a cart names nobody, a checkout of it may."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.events import CartFacts
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByCart, Ready
from ingest.domain.identity import customer_of
from ingest.domain.iso import MINOR_DIGITS
from ingest.domain.push import Context, Reading
from ingest.domain.reading import Unmappable
from ingest.domain.shopify_parts import account_of, buyer_said, line_of


def cart_of(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Return what lies in a cart; it waits for a checkout that names whose it is."""
    token = reading.needed_id(body, "token")
    return Reading((ByCart(token, _cart(body, token, context, notes)),), notes=notes)


def checkout_of(body: Mapping[str, Any], context: Context, notes: Counter[str]) -> Reading:
    """Return what lies in the cart of a checkout, and whose it is, if that is told.

    The address where it can be taken up again is a secret, and in no fact. What the visitor typed
    of themselves stays in the checkout: it makes no customer.
    """
    token = reading.maybe_id(body, "cart_token")
    if token is None:  # of no cart: a draft order's, or one that was made by an app
        return Reading((), notes=notes)
    fact = _cart(body, token, context, notes)
    customer_id = _buyer_of(body, context)
    if customer_id is None:
        return Reading((ByCart(token, fact),), notes=notes)
    return Reading((Ready(replace(fact, customer_id=customer_id)),), notes=notes)


def _cart(body: Mapping[str, Any], token: str, context: Context, notes: Counter[str]) -> CartFacts:
    changed_at = reading.instant(body, "updated_at")
    items = list(reading.objects(body, "line_items"))
    currency = _currency(body, items, context)
    return CartFacts(
        context.shop_id,
        UNKNOWN,
        token,
        reading.micros(changed_at),
        currency=currency,
        lines=tuple(line_of(one, currency, notes) for one in items),
        changed_at=changed_at,
        ordered_at=reading.maybe_instant(body, "completed_at"),
        emptied_at=None if items else changed_at,
    )


def _currency(body: Mapping[str, Any], items: list[Mapping[str, Any]], context: Context) -> str:
    """Return a checkout's currency; a cart tells its own beside the prices, if at all."""
    named = reading.maybe_text(body, "currency")
    for item in items:
        money = reading.object_of(reading.object_of(item, "price_set"), "shop_money")
        named = named or reading.maybe_text(money, "currency_code")
    currency = named or context.currency
    if currency not in MINOR_DIGITS:
        raise Unmappable("unknown currency")
    return currency


def _buyer_of(body: Mapping[str, Any], context: Context) -> str | None:
    said, account = buyer_said(body, context), account_of(body)
    if not (account or said.phone or said.email):
        return None
    return customer_of(
        account, phone=said.phone, email=said.email, order_id="", keyed=context.keyed
    )
