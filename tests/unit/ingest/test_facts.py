"""Facts that name only an order or a parcel, and whose they are."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.events import Checkpoint, OrderFacts, ShipmentFacts, ShipmentState
from ingest.domain.facts import (
    UNKNOWN,
    ByOrder,
    ByParcel,
    FulfilledParcel,
    OrderRef,
    ParcelRef,
    normal_number,
    of_fulfilment,
    of_order,
    of_parcel,
)
from ingest.domain.parcels import trim, with_route

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FACT = OrderFacts("north", UNKNOWN, "A-1", 1)
PARCEL = ShipmentFacts("north", UNKNOWN, UNKNOWN, "YT1", 1, number="YT1")


@pytest.mark.parametrize(
    ("spelled", "number"),
    [("yt 100-1", "YT1001"), ("ＹＴ１００", "YT100"), ("YT\u2010\u20111", "YT1"), (" - ", "")],
)
def test_a_waybill_number_has_one_spelling(spelled: str, number: str) -> None:
    assert normal_number(spelled) == number


def test_a_wait_key_names_what_is_missing() -> None:
    assert ByOrder("A-1", FACT).wait_key == "order:A-1"
    assert ByParcel("YT1", PARCEL).wait_key == "parcel:YT1"


def test_a_fact_gets_the_order_that_its_spelling_fits() -> None:
    owned = of_order(FACT, [OrderRef("A-1-exact", "c-7")])

    assert owned is not None
    assert (owned.order_id, owned.customer_id) == ("A-1-exact", "c-7")


def test_a_spelling_of_two_orders_or_of_none_fits_nobody() -> None:
    assert of_order(FACT, []) is None
    assert of_order(FACT, [OrderRef("A-1", "c-7"), OrderRef("A-2", "c-7")]) is None


def test_a_couriers_word_goes_to_every_order_in_the_parcel() -> None:
    refs = [ParcelRef("B", "c-2", AT), ParcelRef("A", "c-1", AT)]

    found = of_parcel(PARCEL, refs)

    assert [(one.order_id, one.customer_id) for one in found] == [("A", "c-1"), ("B", "c-2")]
    assert of_parcel(PARCEL, []) == []


def test_word_of_a_fulfilment_goes_to_each_of_its_parcels() -> None:
    parcels = [FulfilledParcel("YT2", "A", "c-1"), FulfilledParcel("YT1", "A", "c-1")]

    found = of_fulfilment(PARCEL, parcels)

    assert [(one.parcel_id, one.order_id, one.customer_id) for one in found] == [
        ("YT1", "A", "c-1"),
        ("YT2", "A", "c-1"),
    ]
    assert of_fulfilment(PARCEL, []) == []


def test_a_registration_yields_to_one_that_is_180_days_younger() -> None:
    refs = [ParcelRef("old", "c-1", AT - 180 * DAY), ParcelRef("new", "c-2", AT)]

    assert [one.order_id for one in of_parcel(PARCEL, refs)] == ["new"]


def route(*days: int) -> ShipmentFacts:
    states = [ShipmentState.PICKED_UP, ShipmentState.IN_TRANSIT, ShipmentState.DELIVERED]
    points = [Checkpoint(AT + n * DAY, state) for n, state in zip(days, states, strict=False)]
    return with_route(PARCEL, points)


def test_what_the_courier_says_of_an_earlier_parcel_is_dropped() -> None:
    [found] = of_parcel(route(-30, -29, 1), [ParcelRef("A", "c-1", AT)])

    assert [point.state for point in found.checkpoints] == [ShipmentState.DELIVERED]
    assert found.handed_over_at == found.signed_at == AT + DAY


def test_a_route_of_this_parcel_stays_whole() -> None:
    fact = route(-7, 0, 1)

    assert trim(fact, AT - 7 * DAY) is fact


@pytest.mark.parametrize(("refused_day", "kept"), [(-30, False), (1, True)])
def test_an_old_refusal_is_dropped_with_its_route(refused_day: int, kept: bool) -> None:
    fact = with_route(
        ShipmentFacts("north", "c", "A", "YT1", 1, refused_at=AT + refused_day * DAY),
        [Checkpoint(AT - 30 * DAY, ShipmentState.LABEL)],
    )

    trimmed = trim(fact, AT)

    assert trimmed.checkpoints == ()
    assert (trimmed.refused_at is not None) == kept


def test_a_route_implies_its_instants_whatever_its_order() -> None:
    points = [
        Checkpoint(AT + 3 * DAY, ShipmentState.DELIVERED),
        Checkpoint(AT, ShipmentState.LABEL),
        Checkpoint(AT + DAY, ShipmentState.IN_TRANSIT),
        Checkpoint(AT + DAY, ShipmentState.IN_TRANSIT),
        Checkpoint(AT + 2 * DAY, ShipmentState.OUT_FOR_DELIVERY),
    ]

    fact = with_route(PARCEL, points)

    assert fact == with_route(PARCEL, reversed(points))
    assert len(fact.checkpoints) == 4
    assert fact.handed_over_at == AT + DAY
    assert fact.out_for_delivery_at == AT + 2 * DAY
    assert fact.signed_at == AT + 3 * DAY
    assert fact.returned_at is None
