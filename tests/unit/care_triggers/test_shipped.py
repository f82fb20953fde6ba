"""F26: each parcel of an order gets its own message."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from care_triggers.domain import shipped
from care_triggers.domain.kinds import decide
from care_triggers.domain.values import Drop, Idle, Send, Snooze, Start, Stop
from contracts.events import DecisionResult, RefundFacts

Make = Callable[..., Any]
HOUR = timedelta(hours=1)


def test_two_parcels_of_one_order_are_two_messages(parcel: Make, rule: Make, t0: datetime) -> None:
    wishes = [
        shipped.wish(parcel(parcel_id=name, handed_over_at=t0), None, rule("shipped"))
        for name in ("p1", "p2")
    ]

    assert [wish.once_key for wish in wishes if isinstance(wish, Start)] == ["p1", "p2"]


def test_a_parcel_that_was_not_handed_over_asks_for_nothing(parcel: Make, rule: Make) -> None:
    assert shipped.wish(parcel(), None, rule("shipped")) == Idle()


@pytest.mark.parametrize(
    ("field", "reason"),
    [("signed_at", "signed"), ("returned_at", "returned"), ("refused_at", "returned")],
)
def test_a_parcel_that_has_come_to_its_end_is_no_news(
    parcel: Make, rule: Make, t0: datetime, field: str, reason: str
) -> None:
    ended = parcel(handed_over_at=t0, **{field: t0})

    assert shipped.wish(ended, None, rule("shipped")) == Stop(reason)


def test_a_full_refund_of_the_order_stops_it(
    parcel: Make, order: Make, rule: Make, due: Make, t0: datetime
) -> None:
    money = RefundFacts("f1", 1, amount_minor=12_000, agreed_at=t0)
    refunded = order(placed_at=t0, paid_at=t0, refunds=(money,))
    sent = parcel(handed_over_at=t0, number="SF1")

    assert shipped.wish(sent, order(placed_at=t0), rule("shipped")) != Stop("refunded")
    assert shipped.wish(sent, refunded, rule("shipped")) == Stop("refunded")
    verdict = decide(due("shipped", parcel=sent, order=refunded), t0)
    assert verdict == Drop("refunded", DecisionResult.CANCELLED)


def test_without_a_number_it_waits_two_hours_and_then_goes_without(
    parcel: Make, due: Make, t0: datetime
) -> None:
    bare = due("shipped", parcel=parcel(handed_over_at=t0))

    assert decide(bare, t0) == Snooze(t0 + timedelta(minutes=5), "no_number")
    nearly = t0 + timedelta(minutes=118)
    assert decide(bare, nearly) == Snooze(t0 + 2 * HOUR, "no_number")
    assert isinstance(decide(bare, t0 + 2 * HOUR), Send)


def test_the_message_names_courier_number_and_day(parcel: Make, due: Make, t0: datetime) -> None:
    known = parcel(handed_over_at=t0, number="SF123", carrier="SF", estimated_day=date(2026, 5, 14))
    verdict = decide(due("shipped", parcel=known), t0)

    assert isinstance(verdict, Send)
    assert verdict.variables == {
        "courier": "顺丰",
        "waybill": "SF123",
        "date": "5月14日",
        "part": "",
        "tail": "1001",
    }


def test_several_parcels_say_which_of_how_many(parcel: Make, due: Make, t0: datetime) -> None:
    first = parcel(parcel_id="p1", handed_over_at=t0, number="1")
    second = parcel(parcel_id="p2", handed_over_at=t0 + HOUR, number="2")
    unknown = parcel(parcel_id="p3")

    def part(one: Any, *siblings: Any) -> str:
        verdict = decide(due("shipped", parcel=one, siblings=siblings), t0)
        assert isinstance(verdict, Send)
        return verdict.variables["part"]

    assert part(second, second, first, unknown) == "2/2"
    counted = parcel(parcel_id="p1", handed_over_at=t0, number="1", parcels_in_order=3)
    assert part(counted, counted) == "1/3"
    assert part(counted) == ""


def test_a_parcel_whose_hand_over_is_unknown_counts_from_its_timer(
    parcel: Make, due: Make, t0: datetime
) -> None:
    taken = due("shipped", parcel=parcel(number="1"))

    assert isinstance(shipped.on_due(taken, taken.parcel, t0), Send)
