"""WooCommerce bodies: the kind by the shape, UTC times only, what counts as paid and as gone."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from care.facts import empty_order, merge_order
from contracts.events import CustomerFacts, OrderFacts, OrderLine, Product, Region
from ingest.domain.facts import Ready
from ingest.domain.push import Context, Reading
from ingest.domain.reading import Unmappable
from ingest.domain.woocommerce import read
from support.bodies import keyed, phone

T10 = datetime(2026, 1, 5, 2, tzinfo=UTC)
BILLING = {
    "first_name": "Ann",
    "last_name": "Lee",
    "address_1": "1 Main Street",
    "address_2": "",
    "city": "Leeds",
    "state": "WYK",
    "postcode": "LS1",
    "country": "GB",
    "email": "Ann@example.com",
    "phone": "0113 496 0000",
}
NOWHERE = dict.fromkeys(BILLING, "")
ORDER: dict[str, Any] = {
    "id": 74,
    "number": "WEB-74",
    "status": "processing",
    "currency": "GBP",
    "date_created": "2026-01-05T09:50:00",
    "date_created_gmt": "2026-01-05T01:50:00",
    "date_modified": "2026-01-05T10:00:00",
    "date_modified_gmt": "2026-01-05T02:00:00",
    "date_paid_gmt": None,
    "discount_total": "5.00",
    "shipping_total": "10.00",
    "shipping_tax": "2.00",
    "total": "107.00",
    "customer_id": 12,
    "payment_method": "stripe",
    "billing": BILLING,
    "shipping": NOWHERE,
    "line_items": [
        {"sku": "S-1", "name": "Tea", "quantity": 2, "subtotal": "80.00", "price": Decimal("37.5")},
        {"sku": "", "product_id": 56, "variation_id": 0, "quantity": 3, "subtotal": "10.00"},
        {"sku": "", "product_id": 57, "variation_id": 9, "quantity": 0, "price": 4},
    ],
    "refunds": [],
}
CUSTOMER: dict[str, Any] = {
    "id": 12,
    "role": "customer",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann@example.com",
    "date_created_gmt": "2026-01-01T00:00:00",
    "date_modified_gmt": "2026-01-05T02:00:00",
    "billing": BILLING,
    "shipping": {**NOWHERE, "country": "IE", "city": "Cork"},
}
PRODUCT: dict[str, Any] = {
    "id": 56,
    "sku": "",
    "name": "Pot",
    "price": "12.5",
    "stock_quantity": 7,
    "date_modified_gmt": "2026-01-05T02:00:00",
}


NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
CONTEXT = Context("s", "GBP", "GB", False, keyed, phone, NOW)


def order_of(reading: Reading) -> OrderFacts:
    [fact] = [one.fact for one in reading.said if isinstance(one.fact, OrderFacts)]
    return fact


def person_of(reading: Reading) -> CustomerFacts:
    [fact] = [one.fact for one in reading.said if isinstance(one.fact, CustomerFacts)]
    return fact


def test_an_order_becomes_facts_of_it_and_of_who_bought() -> None:
    reading = read(ORDER, CONTEXT)

    assert order_of(reading) == OrderFacts(
        "s",
        "12",
        "74",
        1_767_578_400_000_000,
        placed_at=datetime(2026, 1, 5, 1, 50, tzinfo=UTC),
        restored_at=T10,
        currency="GBP",
        total_minor=10_700,
        discount_minor=500,
        freight_minor=1_200,
        pay_on_delivery=False,
        lines=(
            OrderLine("S-1", "Tea", 2, 4_000),
            OrderLine("56:0", "", 3, 333),
            OrderLine("57:9", "", 0, 400),
        ),
        region=Region("GB", "WYK", "Leeds"),
    )
    assert person_of(reading) == CustomerFacts(
        "s",
        "12",
        1_767_578_400_000_000,
        name="Ann Lee",
        phone="GB:0113 496 0000",
        email="Ann@example.com",
        region=Region("GB", "WYK", "Leeds"),
        address="1 Main Street, Leeds, LS1",
        from_order=True,
    )


def test_goods_go_where_the_shipping_address_says() -> None:
    reading = read({**ORDER, "shipping": {**NOWHERE, "country": "IE", "city": "Cork"}}, CONTEXT)

    assert order_of(reading).region == Region("IE", "", "Cork")
    assert person_of(reading).phone == "GB:0113 496 0000"


def test_an_address_in_no_country_that_we_know_is_no_region() -> None:
    nowhere = {**BILLING, "country": "XX"}
    reading = read({**ORDER, "billing": nowhere}, CONTEXT)

    assert order_of(reading).region is None
    assert len(reading.everything()) == 2


def test_a_guest_is_known_by_number_then_mailbox_then_order() -> None:
    guest = {**ORDER, "customer_id": 0}
    by_phone = person_of(read(guest, CONTEXT)).customer_id
    mail_only = {**BILLING, "phone": ""}
    by_mail = person_of(read({**guest, "billing": mail_only}, CONTEXT)).customer_id
    unknown = {**BILLING, "phone": "", "email": ""}

    assert by_phone.startswith("g_")
    assert by_mail.startswith("g_")
    assert by_phone != by_mail
    assert person_of(read({**guest, "billing": unknown}, CONTEXT)).customer_id == "o_74"


def test_only_the_time_of_payment_says_that_it_is_paid() -> None:
    assert order_of(read({**ORDER, "status": "completed"}, CONTEXT)).paid_at is None
    paid = {**ORDER, "date_paid_gmt": "2026-01-05T02:00:00"}
    assert order_of(read(paid, CONTEXT)).paid_at == T10


def test_cash_on_delivery_is_no_debt() -> None:
    assert order_of(read({**ORDER, "payment_method": "cod"}, CONTEXT)).pay_on_delivery is True
    assert order_of(read({**ORDER, "payment_method": ""}, CONTEXT)).pay_on_delivery is None


@pytest.mark.parametrize(
    ("status", "cancelled_at"),
    [("cancelled", T10), ("trash", T10), ("failed", None), ("pending", None), ("refunded", None)],
)
def test_what_is_cancelled_is_gone_and_what_failed_may_still_be_paid(
    status: str, cancelled_at: datetime | None
) -> None:
    assert order_of(read({**ORDER, "status": status}, CONTEXT)).cancelled_at == cancelled_at


def test_who_pays_for_an_order_that_was_cancelled_has_it_again() -> None:
    gone = {**ORDER, "status": "cancelled"}
    paid = {
        **ORDER,
        "date_modified_gmt": "2026-01-05T03:00:00",
        "date_paid_gmt": "2026-01-05T03:00:00",
    }
    for some in permutations([{**ORDER, "status": "pending"}, gone, paid]):
        state = empty_order("s", "74")
        for one in some:
            state = merge_order(state, order_of(read(one, CONTEXT)))
        assert (state.cancelled, state.paid_at) == (False, datetime(2026, 1, 5, 3, tzinfo=UTC))


def test_a_visit_to_the_checkout_is_no_order() -> None:
    reading = read({**ORDER, "status": "checkout-draft"}, CONTEXT)

    assert (reading.said, reading.notes) == ((), {"draft": 1})


def test_a_refund_counts_from_the_first_snapshot_that_has_it_in_any_order_of_arrival() -> None:
    refund = {"id": 90, "reason": "", "total": "-20.00"}
    snapshots = [
        {
            **ORDER,
            "refunds": [refund] * (minute > 0),
            "date_modified_gmt": f"2026-01-05T02:0{minute}:00",
        }
        for minute in range(4)
    ]
    seen = set()
    for some in permutations(snapshots):
        state = empty_order("s", "74")
        for one in some:
            state = merge_order(state, order_of(read(one, CONTEXT)))
        [known] = state.refunds
        seen.add((known.amount_minor, known.completed_at))

    assert seen == {(2_000, datetime(2026, 1, 5, 2, 1, tzinfo=UTC))}


def test_a_price_with_a_floats_tail_does_not_lose_the_order() -> None:
    line = {"sku": "S", "quantity": 1, "price": Decimal("16.666666666666668")}

    assert order_of(read({**ORDER, "line_items": [line]}, CONTEXT)).lines == (
        OrderLine("S", "", 1, 1_667),
    )


def test_a_customer_becomes_a_profile_but_staff_does_not() -> None:
    [said] = read(CUSTOMER, CONTEXT).said

    assert said == Ready(
        CustomerFacts(
            "s",
            "12",
            1_767_578_400_000_000,
            name="Ann Lee",
            phone="GB:0113 496 0000",
            email="ann@example.com",
            region=Region("IE", "", "Cork"),
            address="Cork",
            joined_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    assert read({**CUSTOMER, "role": "administrator"}, CONTEXT).said == ()


def test_who_was_never_changed_is_as_old_as_the_account() -> None:
    person = person_of(read({**CUSTOMER, "date_modified_gmt": None}, CONTEXT))
    assert person.version_us == 1_767_225_600_000_000
    with pytest.raises(Unmappable, match="missing"):
        read({**CUSTOMER, "date_modified_gmt": None, "date_created_gmt": None}, CONTEXT)


@pytest.mark.parametrize(("stock", "known"), [(7, 7), (-2, 0), (None, None), (True, None)])
def test_a_product_says_what_it_costs_and_what_is_left(stock: Any, known: int | None) -> None:
    [said] = read({**PRODUCT, "stock_quantity": stock}, CONTEXT).said

    assert said.fact == Product(
        "s",
        "56:0",
        1_767_578_400_000_000,
        title="Pot",
        currency="GBP",
        price_minor=1_250,
        stock=known,
    )


def test_a_product_without_a_price_has_none() -> None:
    [said] = read({**PRODUCT, "price": ""}, CONTEXT).said
    assert isinstance(said.fact, Product)
    assert said.fact.price_minor is None


def test_a_coupon_is_no_fact() -> None:
    assert read({"id": 1, "code": "5off", "discount_type": "fixed_cart"}, CONTEXT).said == ()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="a list"),
        pytest.param({"id": 74}, id="a deletion"),
        pytest.param({"hello": 1}, id="another shape"),
        pytest.param({**ORDER, "id": None}, id="no id"),
        pytest.param({**ORDER, "currency": "XXQ"}, id="an unknown currency"),
        pytest.param({**ORDER, "total": "1e9"}, id="no amount"),
        pytest.param({**ORDER, "date_modified_gmt": None}, id="no time of change"),
        pytest.param({**ORDER, "date_modified_gmt": "2026-01-05T02:00:00Z"}, id="a zone"),
        pytest.param({**ORDER, "date_modified_gmt": "2026-13-05T02:00:00"}, id="no month"),
        pytest.param({**ORDER, "date_created_gmt": 5}, id="a time that is a number"),
        pytest.param({**ORDER, "line_items": [{"quantity": -1}]}, id="a quantity below zero"),
        pytest.param({**ORDER, "refunds": [{"total": "-1.00"}]}, id="a refund without an id"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, CONTEXT)
