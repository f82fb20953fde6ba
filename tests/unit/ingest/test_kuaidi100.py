"""kuaidi100's pushes: the route, what it implies, and what is only said in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import ShipmentFacts, ShipmentProblem, ShipmentState
from ingest.domain.kuaidi100 import CODES, read
from ingest.domain.reading import Unmappable

NOW = datetime(2026, 1, 9, tzinfo=UTC)


def push(
    *nodes: tuple[str, str | None], state: str | None = None, status: str = "polling", **last: Any
) -> dict[str, Any]:
    """Build a push; a node is its time on 5 January, and its code, or words in brackets."""
    data = []
    for at, code in reversed(nodes):
        node: dict[str, Any] = {"ftime": f"2026-01-05 {at}", "context": "某人 13800000001"}
        if code is not None and code.startswith("["):
            node["context"] = code
        elif code is not None:
            node["statusCode"] = code
        data.append(node)
    body = {"nu": "yt 100-1", "com": "yuantong", "data": data, **last}
    return {"status": status, "lastResult": body if state is None else {**body, "state": state}}


def fact(body: Any) -> ShipmentFacts:
    parcel, _ = read(body, "north", NOW)
    return parcel.fact


def at(clock: str) -> datetime:
    """Return the instant of a wall clock in Shanghai on 5 January."""
    local = datetime.fromisoformat(f"2026-01-05 {clock}").replace(tzinfo=UTC)
    return local - timedelta(hours=8)


def test_a_coded_route_becomes_checkpoints_oldest_first() -> None:
    said = fact(push(("09:00:00", "1"), ("10:00:00", "1002"), ("11:00:00", "0"), state="0"))

    assert [(point.at, point.state) for point in said.checkpoints] == [
        (at("09:00:00"), ShipmentState.PICKED_UP),
        (at("10:00:00"), ShipmentState.IN_TRANSIT),
        (at("11:00:00"), ShipmentState.IN_TRANSIT),
    ]
    assert said.handed_over_at == at("09:00:00")
    assert said.signed_at is None
    assert (said.parcel_id, said.number, said.carrier) == ("YT1001", "YT1001", "yuantong")
    assert said.version_us == int(at("11:00:00").timestamp() * 1_000_000)


def test_the_parcel_is_known_by_its_number_alone() -> None:
    parcel, notes = read(push(("09:00:00", "1")), "north", NOW)

    assert parcel.wait_key == "parcel:YT1001"
    assert notes == {}


def test_signed_is_the_earliest_node_that_says_so() -> None:
    said = fact(push(("09:00:00", "1"), ("12:00:00", "301"), ("13:00:00", "3"), state="3"))

    assert said.signed_at == at("12:00:00")
    assert said.problem is ShipmentProblem.NONE


def test_without_codes_the_newest_node_is_signed_and_clears_the_trouble() -> None:
    said = fact(
        push(
            ("09:00:00", "[已收件]"),
            ("10:00:00", "[疑难件 扫描]"),
            ("12:00:00", "[已签收]"),
            state="3",
            status="shutdown",
        )
    )

    assert said.signed_at == at("12:00:00")
    assert said.handed_over_at == at("09:00:00")
    assert said.problem is ShipmentProblem.NONE
    assert said.watch_ended_at == at("12:00:00")


def test_trouble_in_words_is_trouble_until_delivery() -> None:
    said = fact(push(("09:00:00", "[已收件]"), ("10:00:00", "[包裹破损]"), state="2"))

    assert said.problem is ShipmentProblem.OTHER
    assert said.signed_at is None


def test_words_and_names_are_not_kept() -> None:
    assert "13800000001" not in repr(fact(push(("09:00:00", "1"), ("10:00:00", None))))


@pytest.mark.parametrize("state", [None, "0", "101", "401", "2"])
def test_a_parcel_that_was_not_scanned_is_not_handed_over(state: str | None) -> None:
    said = fact(push(("09:00:00", None), ("10:00:00", "101"), state=state))

    assert (said.handed_over_at is not None) == (state == "0")


def test_a_single_node_takes_the_state_of_the_whole() -> None:
    assert fact(push(("09:00:00", None), state="3")).signed_at == at("09:00:00")


def test_a_refused_parcel_says_when() -> None:
    said = fact(push(("09:00:00", "1"), ("10:00:00", "14"), state="14"))

    assert said.problem is ShipmentProblem.REFUSED
    assert said.refused_at == at("10:00:00")


def test_a_watch_that_was_given_up_is_a_problem_even_without_a_route() -> None:
    said = fact({"status": "abort", "lastResult": {"nu": "YT1", "com": "yuantong"}})

    assert said.problem is ShipmentProblem.STALE
    assert said.watch_ended_at == NOW
    assert said.checkpoints == ()


def test_a_code_that_nobody_knows_changes_nothing_and_is_counted() -> None:
    parcel, notes = read(push(("09:00:00", "9999"), ("10:00:00", "1"), state="77"), "north", NOW)

    assert notes == {"unknown_code": 2}
    assert [point.state for point in parcel.fact.checkpoints] == [ShipmentState.PICKED_UP]


def test_every_problem_has_a_code_and_every_state_too() -> None:
    states = {state for state, _ in CODES.values()} - {None}
    problems = {problem for _, problem in CODES.values()} - {None}

    assert set(ShipmentState) - states == {ShipmentState.ARRIVED_IN_CITY}
    assert set(ShipmentProblem) == problems


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"lastResult": []},
        {"lastResult": {"nu": 17}},
        {"lastResult": {"nu": " - "}},
        {"lastResult": {"nu": "Y" * 129}},
        push(("9:00", "1")),
        push(("25:00:00", "1")),
        {"lastResult": {"nu": "YT1", "data": [{"statusCode": "1"}]}},
        {"lastResult": {"nu": "YT1", "data": [{"ftime": "0001-01-01 00:00:00"}]}},
        {"lastResult": {"nu": "YT1", "data": [{"ftime": "9999-01-01 00:00:00"}]}},
    ],
)
def test_what_names_no_parcel_or_no_time_cannot_be_mapped(body: Any) -> None:
    with pytest.raises(Unmappable):
        read(body, "north", NOW)
