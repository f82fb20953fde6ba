"""Qimen's calls of a warehouse: what left it, and what is no call of ours."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState
from ingest.domain import qimen
from ingest.domain.facts import UNKNOWN, ByOrder
from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable

NOON = datetime(2026, 1, 5, 4, tzinfo=UTC)


def package(number: str, carrier: str = "<logisticsCode>YTO</logisticsCode>") -> str:
    return f"<package>{carrier}<expressCode>{number}</expressCode></package>"


def request(
    packages: str = package("yt 100-1"),
    order: str = "<deliveryOrderCode>A-1</deliveryOrderCode>",
    at: str = "<orderConfirmTime>2026-01-05 12:00:00</orderConfirmTime>",
) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<request><deliveryOrder>{order}{at}</deliveryOrder>"
        f"<packages>{packages}</packages></request>"
    )


def call(body: str = "", method: str = "deliveryorder.confirm", **changes: str) -> Any:
    said = {"app_key": "1023", "customerId": "c1", "method": method, **changes}
    return {"parameters": said, "body": body or request()}


def read(said: Any) -> Reading:
    return qimen.read(said, "north", "1023", "c1")


def parcels(said: Any) -> list[ShipmentFacts]:
    """Return what it says of parcels; all of it waits for the order A-1."""
    found = []
    for one in read(said).said:
        assert isinstance(one, ByOrder)
        assert one.ref == "A-1"
        assert isinstance(one.fact, ShipmentFacts)
        found.append(one.fact)
    return found


@pytest.mark.parametrize("method", ["deliveryorder.confirm", "taobao.qimen.deliveryorder.confirm"])
def test_a_confirmed_delivery_hands_its_parcels_over(method: str) -> None:
    body = request(package("yt 100-1") + package("SF2", "") + package("") + package("x" * 129))

    first, second = parcels(call(body, method))

    assert (first.order_id, first.customer_id) == ("A-1", UNKNOWN)
    assert (first.parcel_id, first.carrier) == ("YT1001", "YTO")
    assert first.handed_over_at == NOON
    assert first.checkpoints == (Checkpoint(NOON, ShipmentState.PICKED_UP),)
    assert (second.number, second.carrier) == ("SF2", None)


@pytest.mark.parametrize(
    ("at", "timestamp"),
    [
        ("<operateTime>2026-01-05 12:00:00</operateTime>", "2026-01-05 13:00:00"),
        ("<orderConfirmTime></orderConfirmTime>", "2026-01-05 12:00:00"),
    ],
)
def test_who_does_not_say_when_it_was_confirmed_says_another_time(at: str, timestamp: str) -> None:
    [parcel] = parcels(call(request(at=at), timestamp=timestamp))

    assert parcel.handed_over_at == NOON


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (call(app_key="7"), "it is of another app or shop"),
        (call(customerId="c2"), "it is of another app or shop"),
        (call(method="stockchange.report"), "changes of stock do not say how much there is"),
        (call(method="items.synchronize"), "no method that we know"),
        (call("<request>"), "no XML, or one with a DTD"),
        (call("{}"), "no XML, or one with a DTD"),
        (
            call('<!DOCTYPE r [<!ENTITY a "b">]><request>&a;</request>'),
            "no XML, or one with a DTD",
        ),
        (call("<request/>"), "deliveryOrder is missing"),
        (call(request(order="")), "deliveryOrderCode is missing"),
        (call(request(at="")), "it says no time"),
        (call(request(at="<operateTime>soon</operateTime>")), "operateTime is no time"),
        (call(request(packages="")), "no package with an expressCode"),
    ],
)
def test_what_says_nothing_to_us_is_told_why(said: Any, reason: str) -> None:
    with pytest.raises(Unmappable, match=f"^{reason}$"):
        read(said)


def test_a_repetition_is_known_by_its_method_and_body() -> None:
    again = call(timestamp="2026-01-05 12:10:00")

    assert qimen.identity(call()) == qimen.identity(again)
    assert qimen.identity(call()) != qimen.identity(call(method="stockchange.report"))
