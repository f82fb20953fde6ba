"""Who is credited: the last message that reached the buyer, and nobody twice."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.domain.attribution import Order, Touch, credit, in_window, index, is_creditable

SENT = datetime(2026, 11, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CAMPAIGN = Touch("m1", "campaign", "c1", SENT, 3 * DAY, 50, is_reminder=False, is_marketing=True)
REMINDER = Touch(
    "m2", "unpaid_first", "c1", SENT, DAY, 80, is_reminder=True, is_marketing=False, order_id="o1"
)
NOTICE = Touch("m3", "shipped", "c1", SENT, DAY, 90, is_reminder=False, is_marketing=False)
ORDER = Order("o1", "c1", SENT + HOUR, SENT + 2 * HOUR, True, False, 10_000, 10_000)


def winners(touches: list[Touch], *orders: Order) -> dict[str, str]:
    credited = credit(index(touches), orders)
    return {order_id: touch.message_id for order_id, touch in credited.items()}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(timedelta(0), True, id="at the send"),
        pytest.param(-timedelta(microseconds=1), False, id="before it"),
        pytest.param(3 * DAY - timedelta(microseconds=1), True, id="the last instant"),
        pytest.param(3 * DAY, False, id="half-open"),
    ],
)
def test_a_window_begins_with_the_send_and_is_half_open(after: timedelta, expected: bool) -> None:
    assert in_window(SENT + after, CAMPAIGN) is expected


def test_no_instant_lies_in_no_window() -> None:
    assert not in_window(None, CAMPAIGN)


@pytest.mark.parametrize(
    ("touch", "changes", "expected"),
    [
        pytest.param(CAMPAIGN, {}, True, id="marketing: placed and paid after"),
        pytest.param(CAMPAIGN, {"placed_at": SENT - HOUR}, False, id="marketing: placed before"),
        pytest.param(CAMPAIGN, {"placed_at": None}, False, id="marketing: placed nobody knows"),
        pytest.param(CAMPAIGN, {"is_counted": False}, False, id="refunded, cancelled or unpaid"),
        pytest.param(CAMPAIGN, {"paid_at": SENT + 3 * DAY}, False, id="paid too late"),
        pytest.param(REMINDER, {"placed_at": SENT - HOUR}, True, id="reminder: placed before"),
        pytest.param(REMINDER, {"paid_at": SENT - HOUR}, False, id="reminder: paid before"),
    ],
)
def test_an_order_is_creditable_when_paid_in_the_window(
    touch: Touch, changes: dict[str, Any], expected: bool
) -> None:
    assert is_creditable(dataclasses.replace(ORDER, **changes), touch) is expected


def test_a_reminder_earns_the_reminded_order_only() -> None:
    other = dataclasses.replace(ORDER, order_id="o2")

    assert winners([REMINDER], ORDER, other) == {"o1": "m2"}
    assert winners([dataclasses.replace(REMINDER, order_id=None)], ORDER) == {}


def test_a_notice_that_sells_nothing_earns_nothing() -> None:
    assert winners([NOTICE], ORDER) == {}
    assert winners([CAMPAIGN, dataclasses.replace(NOTICE, sent_at=SENT + HOUR)], ORDER) == {
        "o1": "m1"
    }


def test_marketing_earns_orders_of_its_own_reader() -> None:
    assert winners([dataclasses.replace(CAMPAIGN, customer_id="c2")], ORDER) == {}


def test_the_last_message_gets_the_order() -> None:
    later = dataclasses.replace(CAMPAIGN, message_id="m0", sent_at=SENT + HOUR, priority=1)

    assert winners([CAMPAIGN, later], ORDER) == {"o1": "m0"}
    assert winners([later, CAMPAIGN], ORDER) == {"o1": "m0"}


def test_of_equal_instants_the_priority_decides_then_the_id() -> None:
    dear = dataclasses.replace(CAMPAIGN, message_id="m9", priority=51)
    twin = dataclasses.replace(CAMPAIGN, message_id="m0")

    assert winners([CAMPAIGN, dear, twin], ORDER) == {"o1": "m9"}
    assert winners([CAMPAIGN, twin], ORDER) == {"o1": "m0"}


moments = st.integers(0, 12).map(lambda hours: SENT + hours * HOUR)
touches = st.builds(
    Touch,
    st.uuids(version=4).map(str),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["c1", "c2"]),
    moments,
    st.sampled_from([HOUR, 5 * HOUR]),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.none() | st.sampled_from(["o1", "o2"]),
)
orders = st.builds(
    Order,
    st.just(""),
    st.sampled_from(["c1", "c2"]),
    st.none() | moments,
    st.none() | moments,
    st.booleans(),
    st.booleans(),
    st.integers(1, 100),
    st.integers(100, 200),
)


@given(st.lists(touches, max_size=8), st.lists(orders, max_size=4))
def test_each_order_is_credited_at_most_once_and_by_right(
    sent: list[Touch], bought: list[Order]
) -> None:
    named = [dataclasses.replace(one, order_id=f"o{n}") for n, one in enumerate(bought)]

    credited = credit(index(sent), named)

    by_id = {one.order_id: one for one in named}
    assert all(is_creditable(by_id[order_id], touch) for order_id, touch in credited.items())
    assert credit(index(reversed(sent)), reversed(named)) == credited
    assert sum(by_id[one].net_minor for one in credited) <= sum(
        one.net_minor for one in named if one.is_counted
    )
