"""A message's state: the same from any order of its events."""

import dataclasses
import json
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import (
    Channel,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    MessageRecalled,
)
from reporting.app.absorb import MessageEvent
from reporting.domain.messages import (
    MessageState,
    is_reached,
    merge_message,
    message_from_json,
    message_to_json,
)

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
PLANNED = MessagePlanned(
    "s", "c", "m", "campaign", 2, "campaign_start", MessageClass.MARKETING, 54,
    (Channel.SMS,), AT, AT, "k", order_id="o",
)  # fmt: skip
RECALLED = MessageRecalled("s", "c", "m", "paid")
TAKEN = DeliveryChanged(
    "s", "c", "m", 2, DeliveryState.SENT, "campaign", 2, "campaign_start",
    channel=Channel.SMS, gateway="g", pieces=2, price_micros=90_000, currency="CNY", sent_at=AT,
)  # fmt: skip
ARRIVED = DeliveryChanged(
    "s", "c", "m", 3, DeliveryState.DELIVERED, "campaign", 2, "campaign_start"
)
EVENTS: list[MessageEvent] = [
    PLANNED,
    RECALLED,
    DeliveryChanged("s", "c", "m", 1, DeliveryState.CLAIMED, "campaign", 2, "campaign_start"),
    TAKEN,
    ARRIVED,
]


def fold(events: list[MessageEvent]) -> MessageState:
    state = None
    for event in events:
        state = merge_message(state, event)
    assert state is not None
    return state


@given(st.lists(st.sampled_from(EVENTS), max_size=8), st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_one_message(
    again: list[MessageEvent], random: Random
) -> None:
    shuffled = EVENTS + again
    random.shuffle(shuffled)

    state = fold(EVENTS)

    assert fold(shuffled) == state
    assert all(merge_message(state, event) is state for event in EVENTS)
    stored = json.loads(json.dumps(message_to_json(state)))
    assert message_from_json("s", "m", stored) == state


def test_a_receipt_keeps_what_the_gateway_said_before() -> None:
    state = fold([PLANNED, ARRIVED, TAKEN])

    assert state.state == DeliveryState.DELIVERED
    assert (state.pieces, state.number("price_micros"), state.text("currency")) == (
        2,
        90_000,
        "CNY",
    )
    assert (state.moment("sent_at"), state.moment("due_at")) == (AT, AT)
    assert state.is_marketing


def test_a_message_of_which_nothing_was_sent_bills_nothing() -> None:
    state = fold([PLANNED, RECALLED])

    assert (state.state, state.is_billed, state.pieces) == (DeliveryState.PLANNED, False, 0)
    assert state.text("recalled") == "paid"


def test_an_email_is_one_piece_and_an_unknown_count_none() -> None:
    email = dataclasses.replace(TAKEN, channel=Channel.EMAIL, pieces=None)
    uncounted = dataclasses.replace(TAKEN, pieces=None)

    assert fold([email]).pieces == 1
    assert fold([uncounted]).pieces == 0


@pytest.mark.parametrize(
    ("state", "gateway", "expected"),
    [
        pytest.param(DeliveryState.DELIVERED, "g", True, id="a receipt says so"),
        pytest.param(DeliveryState.SENT, "g", False, id="its receipt is still to come"),
        pytest.param(DeliveryState.SENT, "smtp", True, id="accepted, and no receipts there"),
        pytest.param(DeliveryState.SENT, None, True, id="accepted by nobody named"),
        pytest.param(DeliveryState.FAILED, "g", False, id="not delivered"),
        pytest.param(DeliveryState.UNKNOWN, "smtp", False, id="nobody knows"),
    ],
)
def test_reached_is_delivered_or_accepted_where_receipts_are_unknown(
    state: DeliveryState, gateway: str | None, expected: bool
) -> None:
    assert is_reached(state, gateway, {"g"}) is expected
