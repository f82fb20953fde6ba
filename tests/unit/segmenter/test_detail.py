"""What is kept of an order beyond its money."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from care.facts import OrderState, ParcelState, merge_order, merge_shipment
from contracts.events import (
    OrderFacts,
    OrderLine,
    Product,
    RefundFacts,
    Region,
    ReviewFacts,
    ShipmentFacts,
)
from segmenter.domain.detail import (
    KEPT,
    Claim,
    Item,
    arrived_at,
    detail_of,
    items_of,
    unfit_detail,
    unfit_parcel,
    unfit_product,
    unfit_review,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAR = datetime(2300, 1, 1, tzinfo=UTC)


def fact(**more: Any) -> OrderFacts:
    plain = {"paid_at": NOON, "currency": "CNY", "total_minor": 50_00}
    return OrderFacts("tea", "ann", "o1", 1, **{**plain, **more})


def order(*facts: OrderFacts) -> OrderState:
    first, *rest = facts
    return reduce(
        lambda state, one: merge_order(state, one, KEPT), rest, merge_order(None, first, KEPT)
    )


def parcel(parcel_id: str, signed_at: datetime | None, of: int | None = None) -> ParcelState:
    told = ShipmentFacts("tea", "ann", "o1", parcel_id, 1, parcels_in_order=of, signed_at=signed_at)
    return merge_shipment(None, told)


def test_an_order_that_counts_has_its_payment_and_its_net() -> None:
    refunds = (
        RefundFacts("r1", 1, amount_minor=5_00, opened_at=NOON, completed_at=NOON + HOUR),
        RefundFacts("r2", 1, amount_minor=7_00, opened_at=NOON),
        RefundFacts("r3", 1),
    )

    found = detail_of(order(fact(refunds=refunds)))

    assert (found.paid_at, found.net_minor, found.currency) == (NOON, 45_00, "CNY")
    assert found.claims == (
        Claim("r1", 5_00, NOON, NOON + HOUR),
        Claim("r2", 7_00, NOON, None),
        Claim("r3", 0, None, None),
    )


@pytest.mark.parametrize("more", [{"is_test": True}, {"currency": None}, {"cancelled_at": NOON}])
def test_an_order_that_does_not_count_has_neither(more: dict[str, Any]) -> None:
    found = detail_of(order(fact(**more)))

    assert (found.paid_at, found.net_minor) == (None, None)


def test_lines_of_one_article_are_one_item_and_what_is_none_is_left_out() -> None:
    lines = (
        OrderLine("tea", "茶", 2, 12_00),
        OrderLine("tea", "茶", 1, 11_00),
        OrderLine("", "box", 1, 1_00),
        OrderLine("pot", "壶", 0, 80_00),
    )

    assert items_of(order(fact(lines=lines))) == (Item("tea", 3, 12_00),)


@pytest.mark.parametrize(
    ("parcels", "expected"),
    [
        pytest.param([], None, id="nothing is known of parcels"),
        pytest.param([parcel("p1", NOON)], NOON, id="the only parcel is signed for"),
        pytest.param([parcel("p1", NOON, of=2)], None, id="the other one is not known yet"),
        pytest.param([parcel("p1", NOON), parcel("p2", None)], None, id="one is on its way"),
        pytest.param(
            [parcel("p1", NOON + HOUR, of=2), parcel("p2", NOON)], NOON + HOUR, id="the last"
        ),
    ],
)
def test_an_order_has_arrived_with_the_last_of_its_parcels(
    parcels: list[ParcelState], expected: datetime | None
) -> None:
    assert arrived_at(order(fact()), parcels) == expected


def test_an_order_may_say_itself_that_it_arrived() -> None:
    assert arrived_at(order(fact(signed_at=NOON)), [parcel("p1", None)]) == NOON


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"lines": (OrderLine("tea", "茶", 10**10, 1),)}, "an amount is out of range"),
        ({"lines": (OrderLine("tea", "茶", 1, 10**16),)}, "an amount is out of range"),
        ({"total_minor": 10**18}, "an amount is out of range"),
        ({"placed_at": FAR}, "a time is out of range"),
        ({"lines": (OrderLine("tea", "\x00", 1, 1),)}, "a text holds a NUL"),
        ({"region": Region("CN", "\x00")}, "a text holds a NUL"),
        ({"lines": (OrderLine("茶" * 201, "", 1, 1),)}, "an id is too long"),
        ({"refunds": (RefundFacts("r" * 601, 1),)}, "an id is too long"),
        ({"lines": (OrderLine("tea", "茶", 1, 1),), "region": Region("CN")}, None),
    ],
)
def test_an_order_that_cannot_be_kept_in_full_is_refused(
    more: dict[str, Any], reason: str | None
) -> None:
    assert unfit_detail(fact(**more)) == reason


def test_reviews_parcels_and_products_are_bounded_too() -> None:
    assert unfit_review(ReviewFacts("tea", "ann", "w1", 1, reviewed_at=NOON)) is None
    assert unfit_review(ReviewFacts("tea", "ann", "w1", 1, sku="\x00")) == "a text holds a NUL"
    assert unfit_parcel(ShipmentFacts("tea", "ann", "o1", "p1", 1)) is None
    assert (
        unfit_parcel(ShipmentFacts("tea", "ann", "o1", "p1", 1, signed_at=FAR))
        == "a time is out of range"
    )
    assert unfit_product(Product("tea", "pot", 1)) is None
    assert unfit_product(Product("tea", "pot", 1, title="\x00")) == "a text holds a NUL"
    assert unfit_product(Product("tea", "p" * 601, 1)) == "an id is too long"
