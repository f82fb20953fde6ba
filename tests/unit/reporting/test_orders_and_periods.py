"""Which orders lack a payment, and which days a report holds."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from care.facts import merge_order
from contracts.events import OrderFacts, RefundFacts
from reporting.domain.orders import figures, is_unpaid
from reporting.domain.periods import BadPeriod, period

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PLACED = OrderFacts("s", "c", "o", 1, placed_at=AT, currency="CNY", total_minor=20_000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="open"),
        pytest.param({"placed_at": None}, False, id="not placed"),
        pytest.param({"paid_at": LATER}, False, id="paid"),
        pytest.param({"is_test": True}, False, id="a test"),
        pytest.param({"pay_on_delivery": True}, False, id="to be paid at the door"),
        pytest.param({"cancelled_at": LATER}, True, id="closed, nobody knows why"),
        pytest.param({"cancelled_at": LATER, "closes_at": LATER}, True, id="closed in time"),
        pytest.param({"cancelled_at": AT, "closes_at": LATER}, False, id="called off"),
        pytest.param(
            {"cancelled_at": AT, "restored_at": LATER, "closes_at": LATER}, True, id="restored"
        ),
    ],
)
def test_an_order_is_unpaid_while_open_or_when_closed_for_want_of_payment(
    changes: dict[str, Any], expected: bool
) -> None:
    assert is_unpaid(merge_order(None, dataclasses.replace(PLACED, **changes))) is expected


def test_the_figures_of_an_order_are_net() -> None:
    refund = RefundFacts("r", 1, 5_000, completed_at=LATER)
    paid = dataclasses.replace(PLACED, paid_at=LATER, refunds=(refund,))

    found = figures(merge_order(None, paid))

    assert (found.counted_in, found.net_minor, found.refunded_minor) == ("CNY", 15_000, 5_000)
    assert figures(merge_order(None, PLACED)).counted_in is None
    assert figures(merge_order(None, dataclasses.replace(paid, currency=None))).counted_in is None


def test_a_period_is_of_the_shops_days_and_ends_today_by_default() -> None:
    found = period(None, None, "Asia/Shanghai", datetime(2026, 11, 1, 16, tzinfo=UTC))

    assert (found.first, found.until) == (date(2026, 10, 4), date(2026, 11, 3))
    assert found.starts_at == datetime(2026, 10, 3, 16, tzinfo=UTC)
    assert found.ends_at == datetime(2026, 11, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "until"),
    [
        pytest.param(date(2026, 11, 2), date(2026, 11, 2), id="empty"),
        pytest.param(date(2026, 11, 3), date(2026, 11, 2), id="backwards"),
        pytest.param(date(2025, 1, 1), date(2026, 11, 2), id="too long"),
        pytest.param(None, date.min, id="before the calendar begins"),
        pytest.param(date.max, None, id="after it ends"),
    ],
)
def test_what_is_no_period_is_refused(first: date | None, until: date | None) -> None:
    with pytest.raises(BadPeriod):
        period(first, until, "Asia/Shanghai", AT)
