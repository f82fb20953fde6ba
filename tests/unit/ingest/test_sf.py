"""SF's routes, which nobody signs: they quiet a reminder, and prove nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState
from ingest.domain import sf
from ingest.domain.facts import UNKNOWN, ByParcel
from ingest.domain.reading import Unmappable

NOON = datetime(2026, 1, 5, 4, tzinfo=UTC)


def route(**changes: Any) -> dict[str, Any]:
    said = {"mailno": "SF 1", "orderid": "A-1", "acceptTime": "2026-01-05 12:00:00", "opCode": "50"}
    return {**said, "id": "7", "remark": "顺丰速运 已收取快件", **changes}


def body(*routes: Any) -> Any:
    return {"Body": {"WaybillRoute": list(routes)}}


def fact_of(**changes: Any) -> ShipmentFacts:
    [said] = sf.read(body(route(**changes)), "north", accept_test=False).said
    assert isinstance(said, ByParcel)
    return said.fact


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("50", ShipmentState.PICKED_UP),
        ("30", ShipmentState.IN_TRANSIT),
        ("31", ShipmentState.IN_TRANSIT),
        ("36", ShipmentState.IN_TRANSIT),
        ("44", ShipmentState.OUT_FOR_DELIVERY),
        ("99", ShipmentState.RETURNING),
        (648, ShipmentState.RETURNING),
    ],
)
def test_a_step_is_a_checkpoint_and_claims_no_more(code: Any, state: ShipmentState) -> None:
    fact = fact_of(opCode=code)

    assert fact.checkpoints == (Checkpoint(NOON, state),)
    assert (fact.handed_over_at, fact.out_for_delivery_at, fact.problem) == (None, None, None)
    assert (fact.parcel_id, fact.order_id, fact.carrier) == ("SF1", "A-1", "shunfeng")


@pytest.mark.parametrize("code", ["80", "8000"])
def test_a_delivery_that_nobody_proves_only_ends_the_watch(code: str) -> None:
    fact = fact_of(opCode=code)

    assert (fact.watch_ended_at, fact.signed_at, fact.checkpoints) == (NOON, None, ())


def test_a_route_without_an_order_waits_for_its_parcel_alone() -> None:
    fact = fact_of(orderid="")

    assert (fact.order_id, ByParcel("SF1", fact).ref) == (UNKNOWN, None)
    assert ByParcel("SF1", fact_of()).ref == "A-1"


def test_codes_that_we_do_not_know_move_nothing_and_are_counted() -> None:
    reading = sf.read(body(route(opCode="33"), route(opCode=None)), "north", accept_test=False)

    assert (reading.said, reading.notes) == ((), {"unknown_code": 2})


def test_trial_routes_count_only_if_they_are_wanted() -> None:
    trial = body(route(remark="test"))

    assert sf.read(trial, "north", accept_test=False).notes == {"test": 1}
    assert len(sf.read(trial, "north", accept_test=True).said) == 1


def test_of_several_routes_the_good_ones_count() -> None:
    reading = sf.read(body(route(), route(mailno=" - ")), "north", accept_test=False)

    assert (len(reading.said), reading.refused) == (1, "1: mailno is no number")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "not a list of messages"),
        ({}, "not a list of messages"),
        ({"Body": {}}, "not a list of messages"),
        (body(7), "0: not an object"),
        (body(route(mailno=None)), "0: mailno is missing"),
        (body(route(mailno="x" * 129)), "0: mailno is no number"),
        (body(route(acceptTime="")), "0: acceptTime is missing"),
        (body(route(acceptTime="noon")), "0: acceptTime is no time"),
    ],
)
def test_what_cannot_be_read_is_told_why(said: Any, reason: str) -> None:
    with pytest.raises(Unmappable, match=f"^{reason}$"):
        sf.read(said, "north", accept_test=False)


def test_a_push_is_known_by_its_parcels_and_ids() -> None:
    assert sf.identity(body(route(), route(id="8"))) == "SF 1\x1f7\x1eSF 1\x1f8"
    assert sf.identity(body(route(), route(id=None))) is None
    assert sf.identity(body()) is None
    assert sf.identity([]) is None
