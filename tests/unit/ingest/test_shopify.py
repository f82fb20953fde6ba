"""Shopify bodies: the kind by the shape, exact ids, what counts as a payment."""

import hmac
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from contracts.events import (
    CartFacts,
    Channel,
    CustomerFacts,
    OrderFacts,
    OrderLine,
    Region,
    ShipmentFacts,
)
from ingest.domain.facts import UNKNOWN, ByCart, ByFulfilment, ByOrder, Ready
from ingest.domain.push import Context, Reading, Task
from ingest.domain.reading import Unmappable
from ingest.domain.shopify import read

T10 = datetime(2026, 1, 5, 2, tzinfo=UTC)
NOW = datetime(2026, 1, 7, tzinfo=UTC)
ADDRESS = {
    "first_name": "Aunt",
    "last_name": "Li",
    "address1": "1 Main Street",
    "city": "Ottawa",
    "province": "Ontario",
    "province_code": "ON",
    "country_code": "CA",
    "phone": "555-0100",
    "zip": "K1A",
}
ORDER: dict[str, Any] = {
    "id": 820000000000000000,
    "admin_graphql_api_id": "gid://shopify/Order/820000000000000007",
    "financial_status": "pending",
    "currency": "USD",
    "created_at": "2026-01-05T09:50:00+08:00",
    "updated_at": "2026-01-05T10:00:00+08:00",
    "cancelled_at": None,
    "total_price": "359.97",
    "total_discounts": "20.00",
    "total_shipping_price_set": {"shop_money": {"amount": "10.00", "currency_code": "USD"}},
    "line_items": [
        {"sku": "S-1", "title": "Tea", "quantity": 2, "price": "89.99"},
        {"sku": None, "variant_id": 55, "name": "Pot", "quantity": 1, "price": Decimal("10.5")},
        {"quantity": 1, "price": None},
    ],
    "customer": {
        "id": 115000000000000000,
        "admin_graphql_api_id": "gid://shopify/Customer/115000000000000003",
        "first_name": "John",
        "last_name": "Smith",
        "email": "john@example.com",
        "email_marketing_consent": {"state": "not_subscribed", "consent_updated_at": None},
        "sms_marketing_consent": None,
    },
    "shipping_address": ADDRESS,
    "refunds": [],
    "fulfillments": [],
}
REFUND: dict[str, Any] = {
    "id": 890,
    "order_id": 820000000000000000,
    "created_at": "2026-01-06T10:00:00+08:00",
    "processed_at": "2026-01-06T11:00:00+08:00",
    "refund_line_items": [{"subtotal": Decimal("369.97")}],
    "transactions": [
        {"kind": "refund", "status": "success", "amount": "85.00", "currency": "XXX"},
        {"kind": "refund", "status": "failure", "amount": "9.00"},
        {"kind": "void", "status": "success", "amount": "9.00"},
    ],
}
FULFILMENT: dict[str, Any] = {
    "id": 123,
    "order_id": 820000000000000000,
    "status": "success",
    "created_at": "2026-01-06T10:00:00+08:00",
    "updated_at": "2026-01-06T10:30:00+08:00",
    "tracking_company": "UPS",
    "tracking_numbers": ["1z 001", "1Z002", "1z-001", " ", 7],
}
SALE: dict[str, Any] = {
    "id": 5,
    "order_id": 820000000000000000,
    "kind": "sale",
    "status": "success",
    "test": False,
    "created_at": "2026-01-05T09:59:00+08:00",
    "processed_at": None,
    "amount": "359.97",
}
CUSTOMER: dict[str, Any] = {
    "id": 706,
    "admin_graphql_api_id": "gid://shopify/Customer/706",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-05T10:00:00+08:00",
    "first_name": "Bob",
    "last_name": None,
    "email": "bob@example.com",
    "phone": "555-0199",
    "email_marketing_consent": {
        "state": "subscribed",
        "consent_updated_at": "2026-01-02T00:00:00Z",
    },
    "sms_marketing_consent": {"state": "unsubscribed", "consent_updated_at": None},
    "default_address": ADDRESS,
}
EVENT: dict[str, Any] = {
    "id": 77,
    "admin_graphql_api_id": "gid://shopify/FulfillmentEvent/77",
    "fulfillment_id": 123,
    "order_id": 820000000000000000,
    "status": "in_transit",
    "message": "on its way",
    "happened_at": "2026-01-06T12:00:00+08:00",
    "created_at": "2026-01-06T12:05:00+08:00",
    "updated_at": "2026-01-06T12:05:00+08:00",
}
CART: dict[str, Any] = {
    "id": "c0ffee",
    "token": "c0ffee",
    "note": None,
    "updated_at": "2026-01-05T02:00:00.000Z",
    "line_items": [
        {
            "sku": "S-1",
            "title": "Tea",
            "quantity": 3,
            "price": "19.99",
            "price_set": {"shop_money": {"amount": "19.99", "currency_code": "USD"}},
        }
    ],
}
CHECKOUT: dict[str, Any] = {
    "id": 981,
    "token": "123123",
    "cart_token": "c0ffee",
    "currency": "USD",
    "email": "john@example.com",
    "updated_at": "2026-01-05T10:00:00+08:00",
    "completed_at": None,
    "abandoned_checkout_url": "https://shop.example/checkouts/123123/recover?key=secret",
    "line_items": [{"sku": "S-1", "title": "Tea", "quantity": 2, "price": "19.99"}],
    "customer": ORDER["customer"],
}
CONSENT: dict[str, Any] = {
    "customer_id": 706,
    "email_address": "bob@example.com",
    "email_marketing_consent": {
        "state": "subscribed",
        "opt_in_level": "single_opt_in",
        "consent_updated_at": "2026-01-02T00:00:00Z",
    },
}
EDIT: dict[str, Any] = {
    "order_edit": {
        "id": 5,
        "order_id": 820000000000000000,
        "created_at": "2026-01-06T10:00:00Z",
        "staff_note": "",
        "line_items": {"additions": [{"id": 1, "delta": 1}], "removals": []},
    }
}


def context(*, accept_test: bool = False) -> Context:
    return Context(
        "north",
        "CNY",
        "CN",
        accept_test,
        lambda text: hmac.digest(b"key", text.encode(), "sha256"),
        lambda typed, country: f"+{country}{typed}" if typed else None,
        NOW,
    )


def reading(body: Any, *, accept_test: bool = False) -> Reading:
    return read(body, context(accept_test=accept_test))


def order_of(body: Any) -> OrderFacts:
    fact = reading(body).said[0].fact
    assert isinstance(fact, OrderFacts)
    return fact


def person_of(body: Any) -> CustomerFacts:
    [fact] = [one.fact for one in reading(body).said if isinstance(one.fact, CustomerFacts)]
    return fact


def test_an_order_is_read_whole() -> None:
    said = order_of(ORDER)

    assert (said.order_id, said.customer_id) == ("820000000000000007", "115000000000000003")
    assert (said.total_minor, said.discount_minor, said.freight_minor) == (35997, 2000, 1000)
    assert said.currency == "USD"
    assert said.placed_at == datetime(2026, 1, 5, 1, 50, tzinfo=UTC)
    assert said.version_us == int(T10.timestamp() * 1_000_000)
    assert said.region == Region("CA", "ON", "Ottawa")
    assert said.lines is not None
    assert [(one.sku, one.name, one.quantity, one.price_minor) for one in said.lines] == [
        ("S-1", "Tea", 2, 8999),
        ("55", "Pot", 1, 1050),
        ("", "", 1, 0),
    ]
    assert (said.paid_at, said.cancelled_at) == (None, None)


def test_an_order_without_its_lines_says_nothing_of_them() -> None:
    assert order_of({k: v for k, v in ORDER.items() if k != "line_items"}).lines is None


def test_a_rounded_id_is_taught_as_another_spelling() -> None:
    exact = {**ORDER, "id": 820000000000000007}

    assert reading(ORDER).aliases == (
        ("820000000000000000", "820000000000000007", "115000000000000003"),
    )
    assert reading(exact).aliases == ()
    assert reading({**ORDER, "id": None}).aliases == ()


@pytest.mark.parametrize("status", ["paid", "partially_refunded", "refunded"])
def test_the_first_paid_snapshot_may_serve_as_the_payments_time(status: str) -> None:
    assert order_of({**ORDER, "financial_status": status}).paid_at == T10


@pytest.mark.parametrize(
    ("change", "paid"),
    [
        ({}, True),
        ({"kind": "capture"}, True),
        ({"kind": "authorization"}, False),
        ({"status": "failure"}, False),
        ({"test": True}, False),
    ],
)
def test_only_money_that_came_in_is_a_payment(change: dict[str, Any], paid: bool) -> None:
    at = datetime(2026, 1, 5, 1, 59, tzinfo=UTC) if paid else None

    assert order_of({**ORDER, "transactions": [{**SALE, **change}]}).paid_at == at


@pytest.mark.parametrize("change", [{"kind": "void"}, {"status": "pending"}])
def test_a_transaction_that_is_no_payment_says_nothing(change: dict[str, Any]) -> None:
    assert reading({**SALE, **change}).said == ()


def test_a_payment_by_itself_waits_for_its_order() -> None:
    [said] = reading(SALE).said

    assert isinstance(said, ByOrder)
    assert said.ref == "820000000000000000"
    assert isinstance(said.fact, OrderFacts)
    assert said.fact.customer_id == UNKNOWN
    assert said.fact.paid_at == datetime(2026, 1, 5, 1, 59, tzinfo=UTC)


def test_a_refund_is_the_money_that_went_back() -> None:
    [said] = reading(REFUND).said

    assert isinstance(said, ByOrder)
    assert isinstance(said.fact, OrderFacts)
    [refund] = said.fact.refunds
    assert (refund.refund_id, refund.amount_minor) == ("890", 8500)
    assert refund.completed_at == datetime(2026, 1, 6, 3, tzinfo=UTC)


def test_a_refund_without_money_is_only_opened() -> None:
    [refund] = order_of({**ORDER, "refunds": [{**REFUND, "transactions": []}]}).refunds

    assert (refund.amount_minor, refund.completed_at) == (None, None)
    assert refund.opened_at == datetime(2026, 1, 6, 2, tzinfo=UTC)


def test_a_refund_names_its_own_currency_when_it_has_one() -> None:
    money = {"kind": "refund", "status": "success", "amount": "85", "currency": "JPY"}
    [said] = reading({**REFUND, "transactions": [money]}).said

    assert isinstance(said.fact, OrderFacts)
    assert said.fact.refunds[0].amount_minor == 85


def test_each_number_of_a_fulfilment_is_a_parcel() -> None:
    said = reading(FULFILMENT).said

    parcels = [one.fact for one in said]
    assert all(isinstance(one, ByOrder) for one in said)
    assert [one.parcel_id for one in parcels if isinstance(one, ShipmentFacts)] == [
        "1Z001",
        "1Z002",
    ]
    first = parcels[0]
    assert isinstance(first, ShipmentFacts)
    assert first.handed_over_at == datetime(2026, 1, 6, 2, tzinfo=UTC)
    assert (first.signed_at, first.carrier, first.source_ref) == (None, "UPS", "123")


@pytest.mark.parametrize("change", [{"status": "pending"}, {"created_at": None}])
def test_a_fulfilment_is_handed_over_only_when_it_succeeded(change: dict[str, Any]) -> None:
    [first, _] = reading({**FULFILMENT, **change}).said
    assert isinstance(first.fact, ShipmentFacts)

    late = datetime(2026, 1, 6, 2, 30, tzinfo=UTC)
    assert first.fact.handed_over_at == (None if "status" in change else late)


def test_a_fulfilment_inside_its_order_knows_whose_it_is() -> None:
    said = reading({**ORDER, "fulfillments": [FULFILMENT]}).said
    parcels = [one.fact for one in said if isinstance(one.fact, ShipmentFacts)]

    assert all(isinstance(one, Ready) for one in said)
    assert {one.customer_id for one in parcels} == {"115000000000000003"}
    assert reading({**FULFILMENT, "tracking_numbers": None}).said == ()


def test_an_order_tells_of_its_buyer_and_fills_gaps_only() -> None:
    said = person_of(ORDER)

    assert said.from_order is True
    assert (said.name, said.email, said.phone) == ("John Smith", "john@example.com", "+CA555-0100")
    assert said.address == "1 Main Street, Ottawa, K1A"
    assert [(one.channel, one.given, one.at) for one in said.consents] == [
        (Channel.EMAIL, False, T10)
    ]


def test_a_guest_is_named_by_what_the_order_tells() -> None:
    without = {**ORDER, "customer": None}
    by_phone = person_of(without)
    by_email = person_of({**without, "shipping_address": None, "email": "x@example.com"})
    nobody = person_of({**without, "shipping_address": None})

    assert by_phone.customer_id.startswith("g_")
    assert by_email.customer_id.startswith("g_")
    assert by_phone.customer_id != by_email.customer_id
    assert nobody.customer_id == "o_820000000000000007"
    assert (by_phone.name, nobody.name, nobody.region, nobody.address) == (
        "Aunt Li",
        None,
        None,
        None,
    )


def test_a_customer_is_read_with_the_platforms_consents() -> None:
    [said] = reading(CUSTOMER).said
    fact = said.fact

    assert isinstance(fact, CustomerFacts)
    assert fact.from_order is None
    assert (fact.name, fact.phone, fact.customer_id) == ("Bob", "+CA555-0199", "706")
    assert [(one.channel, one.given) for one in fact.consents] == [
        (Channel.EMAIL, True),
        (Channel.SMS, False),
    ]
    assert fact.joined_at == datetime(2026, 1, 1, tzinfo=UTC)
    [bare] = reading({**CUSTOMER, "default_address": None}).said
    assert isinstance(bare.fact, CustomerFacts)
    assert bare.fact.phone == "+CN555-0199"


def test_a_customer_without_a_dated_consent_is_read_and_has_consented_to_nothing() -> None:
    old = {k: v for k, v in CUSTOMER.items() if "consent" not in k and "admin" not in k}
    [said] = reading({**old, "accepts_marketing": True, "addresses": []}).said

    assert isinstance(said.fact, CustomerFacts)
    assert (said.fact.customer_id, said.fact.consents) == ("706", ())


def test_test_orders_make_no_facts_unless_they_are_wanted() -> None:
    body = {**ORDER, "test": True}

    assert reading(body).said == ()
    [order, _] = reading(body, accept_test=True).said
    assert isinstance(order.fact, OrderFacts)
    assert order.fact.is_test is True


def test_freight_is_what_the_shop_was_paid_or_the_sum_of_its_lines() -> None:
    lines = {"shipping_lines": [{"price": "3.00"}, {"price": "4.50"}, {"price": None}]}
    without = {**ORDER, "total_shipping_price_set": None}

    assert order_of({**without, **lines}).freight_minor == 750
    assert order_of(without).freight_minor is None


def test_what_does_not_divide_is_rounded_and_counted() -> None:
    said = reading({**ORDER, "total_price": "359.975"})

    assert said.notes is not None
    assert said.notes["rounded_amount"] == 1
    assert order_of({**ORDER, "total_price": None}).total_minor is None


@pytest.mark.parametrize("province", [None, ""])
def test_a_region_is_spelled_by_code_else_by_name(province: str | None) -> None:
    address = {**ADDRESS, "province_code": province, "country_code": None, "country": "CA"}
    assert order_of({**ORDER, "shipping_address": address}).region == Region(
        "CA", "Ontario", "Ottawa"
    )
    bare = {"country_code": "CA"}
    assert order_of({**ORDER, "shipping_address": bare}).region == Region("CA")


@pytest.mark.parametrize(
    ("status", "state", "problem"),
    [
        ("label_printed", "label", None),
        ("label_purchased", "label", None),
        ("confirmed", "label", None),
        ("carrier_picked_up", "picked_up", None),
        ("in_transit", "in_transit", None),
        ("delayed", "in_transit", "stale"),
        ("out_for_delivery", "out_for_delivery", None),
        ("ready_for_pickup", "awaiting_pickup", None),
        ("delivered", "delivered", "none"),
        ("attempted_delivery", None, "failed_attempt"),
        ("failure", None, "other"),
    ],
)
def test_an_event_of_a_fulfilment_waits_for_its_parcels(
    status: str, state: str | None, problem: str | None
) -> None:
    at = datetime(2026, 1, 6, 4, tzinfo=UTC)
    [said] = reading({**EVENT, "status": status}).said

    assert isinstance(said, ByFulfilment)
    assert (said.ref, said.wait_key) == ("123", "fulfilment:123")
    assert [(one.at, str(one.state)) for one in said.fact.checkpoints] == (
        [] if state is None else [(at, state)]
    )
    assert said.fact.problem == problem
    assert said.fact.version_us == int(at.timestamp() * 1_000_000)
    assert said.fact.signed_at == (at if status == "delivered" else None)


def test_an_event_that_we_do_not_know_is_counted() -> None:
    said = reading({**EVENT, "status": "teleported"})

    assert (said.said, said.notes) == ((), {"unknown_status": 1})


def test_a_cart_waits_until_somebody_says_whose_it_is() -> None:
    [said] = reading(CART).said

    assert isinstance(said, ByCart)
    assert (said.token, said.wait_key) == ("c0ffee", "cart:c0ffee")
    assert said.fact == CartFacts(
        "north",
        UNKNOWN,
        "c0ffee",
        int(T10.timestamp() * 1_000_000),
        currency="USD",
        lines=(OrderLine("S-1", "Tea", 3, 1999),),
        changed_at=T10,
    )


def test_an_empty_cart_is_emptied_and_has_the_shops_currency() -> None:
    [said] = reading({**CART, "line_items": []}).said

    assert isinstance(said, ByCart)
    assert (said.fact.lines, said.fact.emptied_at, said.fact.currency) == ((), T10, "CNY")


def test_a_checkout_says_whose_its_cart_is_and_keeps_its_secret() -> None:
    [said] = reading({**CHECKOUT, "completed_at": "2026-01-05T10:05:00+08:00"}).said

    assert isinstance(said, Ready)
    assert isinstance(said.fact, CartFacts)
    assert (said.fact.cart_id, said.fact.customer_id) == ("c0ffee", "115000000000000003")
    assert said.fact.ordered_at == datetime(2026, 1, 5, 2, 5, tzinfo=UTC)
    assert "secret" not in repr(said)


def test_a_guests_checkout_names_them_as_their_order_would() -> None:
    guest = {"customer": None, "email": "x@example.com"}
    [said] = reading({**CHECKOUT, **guest}).said
    ordered = person_of({**ORDER, **guest, "shipping_address": None})

    assert isinstance(said, Ready)
    assert isinstance(said.fact, CartFacts)
    assert said.fact.customer_id == ordered.customer_id


def test_a_checkout_that_names_nobody_waits_as_its_cart_does() -> None:
    [said] = reading({**CHECKOUT, "customer": None, "email": None}).said

    assert isinstance(said, ByCart)
    assert said.token == "c0ffee"


@pytest.mark.parametrize(
    "body",
    [
        {**CHECKOUT, "cart_token": None},
        {"id": 981, "cart_token": "c0ffee", "subtotal_price": "1.00", "total_price": "1.00"},
        EDIT,
    ],
)
def test_what_other_bodies_tell_says_nothing(body: dict[str, Any]) -> None:
    assert (reading(body).said, reading(body).task) == ((), None)


def test_a_consent_by_itself_is_the_customers() -> None:
    sms = {"sms_marketing_consent": {"state": "unsubscribed", "consent_updated_at": None}}
    [email_yes] = reading(CONSENT).said
    [sms_no] = reading({"customer_id": 706, **sms}).said

    assert isinstance(email_yes.fact, CustomerFacts)
    assert isinstance(sms_no.fact, CustomerFacts)
    assert (email_yes.fact.customer_id, sms_no.fact.customer_id) == ("706", "706")
    assert [(one.channel, one.given, one.at) for one in email_yes.fact.consents] == [
        (Channel.EMAIL, True, datetime(2026, 1, 2, tzinfo=UTC))
    ]
    assert [(one.channel, one.given, one.at) for one in sms_no.fact.consents] == [
        (Channel.SMS, False, NOW)
    ]


def test_a_yes_without_its_time_counts_for_nothing() -> None:
    """Told again later, it would be newer than a no that came in between."""
    body = {**CONSENT, "email_marketing_consent": {"state": "subscribed"}}
    silent = {**CONSENT, "email_marketing_consent": {"state": None}}

    assert (reading(body).said, reading(body).notes) == ((), {"consent_without_time": 1})
    assert reading(silent).said == ()


@pytest.mark.parametrize(
    ("body", "task"),
    [
        ({"id": 820000000000000000}, Task("deleted_order", "820000000000000000")),
        ({k: v for k, v in CUSTOMER.items() if "_at" not in k}, Task("erase_customer", "706")),
        (
            {"shop_id": 1, "shop_domain": "s", "customer": {"id": 7}, "orders_to_redact": []},
            Task("erase_customer", "7"),
        ),
        (
            {"shop_id": 1, "shop_domain": "s", "customer": {"id": 7}, "orders_requested": [1]},
            Task("tell_customer", "7"),
        ),
        ({"shop_id": 1, "shop_domain": "s"}, Task("erase_shop")),
        ({"id": 1, "order_id": 8, "evidence_due_by": None, "amount": "1"}, Task("dispute", "8")),
        ({"id": 1, "myshopify_domain": None, "shop_owner": "J"}, Task("app_removed")),
    ],
)
def test_what_only_a_person_may_do_is_a_task(body: dict[str, Any], task: Task) -> None:
    said = reading(body)

    assert (said.said, said.task) == ((), task)
    assert task.reason.startswith("for a person: ")


def test_what_was_asked_for_comes_wrapped() -> None:
    assert reading({"order": ORDER}) == reading(ORDER)
    assert reading([SALE]) == reading(SALE)
    both = reading({"orders": [ORDER, {**ORDER, "total_price": "0.005"}]})

    assert len(both.said) == 2 * len(reading(ORDER).said)
    assert (both.aliases, both.notes) == (reading(ORDER).aliases * 2, {"rounded_amount": 1})
    assert reading([SALE, {"id": 7}]).task == Task("deleted_order", "7")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"id": 1.5},
        {**ORDER, "currency": "RMB"},
        {**ORDER, "currency": None},
        {**ORDER, "updated_at": None},
        {**ORDER, "updated_at": "yesterday"},
        {**ORDER, "updated_at": 17},
        {**ORDER, "updated_at": "2026-01-05T10:00:00"},
        {**ORDER, "updated_at": "9999-12-31T23:59:59-12:00"},
        {**ORDER, "admin_graphql_api_id": 7, "id": True},
        {**ORDER, "admin_graphql_api_id": None, "id": "a\nb"},
        {**ORDER, "total_price": "1e9"},
        {**ORDER, "total_price": True},
        {**ORDER, "line_items": [{"quantity": "2", "price": "1"}]},
        {**ORDER, "line_items": [{"quantity": 10**9, "price": "1"}]},
        {**REFUND, "order_id": None},
        {"orders_to_redact": [1]},
        {**EVENT, "happened_at": None},
        {**EVENT, "status": None},
        {**EVENT, "fulfillment_id": True},
        {**CART, "token": 1.5},
        {**CART, "updated_at": None},
        {**CHECKOUT, "currency": "RMB"},
        {**CONSENT, "customer_id": None},
        {"orders": [7]},
        {"orders": []},
        {"order": {"id": 17, "name": "#1"}},
        {"anything": ORDER},
    ],
)
def test_what_does_not_fit_its_shape_cannot_be_mapped(body: Any) -> None:
    with pytest.raises(Unmappable):
        reading(body)
