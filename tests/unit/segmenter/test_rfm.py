"""What an order counts for, and what purchases add up to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.calendar import Days
from care.facts import MONEY, merge_order
from contracts.events import OrderFacts, RefundFacts
from segmenter.domain.rfm import (
    Purchase,
    first_purchase,
    purchase_of,
)

AT = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
FACTS = OrderFacts(
    "tea", "ann", "o1", version_us=1, placed_at=AT, paid_at=AT, currency="CNY", total_minor=500
)
DAY = date(2026, 3, 1)

days = st.integers(-3, 800).map(lambda ago: DAY - timedelta(days=ago))
purchases = st.lists(st.builds(Purchase, days, st.integers(1, 1000)), max_size=12)


def counted(*facts: OrderFacts, zone: str = "Asia/Shanghai") -> Purchase | None:
    order = None
    for fact in facts:
        order = merge_order(order, fact)
    assert order is not None
    return purchase_of(order, zone=zone, currency="CNY")


moments = st.none() | st.integers(-3, 3).map(lambda hours: AT + timedelta(hours=hours))
refunds = st.builds(RefundFacts, st.just("r"), st.just(1), st.integers(0, 9), agreed_at=moments)


@given(
    st.builds(
        OrderFacts,
        *(st.just("tea"), st.just("ann"), st.just("o1"), st.just(1)),
        paid_at=moments,
        cancelled_at=moments,
        restored_at=moments,
        currency=st.sampled_from([None, "CNY", "USD"]),
        total_minor=st.none() | st.integers(-1, 9),
        is_test=st.none() | st.booleans(),
        refunds=st.just(()) | st.tuples(refunds),
    )
)
def test_the_short_way_to_what_a_first_fact_counts_for_ends_at_the_same(fact: OrderFacts) -> None:
    order = merge_order(None, fact, MONEY)

    short = first_purchase(fact, Days("Asia/Shanghai"), "CNY")

    assert short == purchase_of(order, zone="Asia/Shanghai", currency="CNY")


@pytest.mark.parametrize(("total_minor", "counts"), [(1, True), (0, False), (-1, False)])
def test_a_first_fact_counts_when_there_is_money_in_it(total_minor: int, counts: bool) -> None:
    fact = replace(FACTS, total_minor=total_minor)

    assert (first_purchase(fact, Days("Asia/Shanghai"), "CNY") is not None) is counts


def test_an_order_counts_on_the_day_of_payment_in_the_zone_of_the_shop() -> None:
    assert counted(FACTS) == Purchase(date(2026, 3, 2), 500)
    assert counted(FACTS, zone="America/New_York") == Purchase(date(2026, 3, 1), 500)


def test_a_spring_night_with_23_hours_is_a_day_like_any_other() -> None:
    before = replace(FACTS, paid_at=datetime(2026, 3, 8, 4, 59, tzinfo=UTC))
    after = replace(FACTS, paid_at=datetime(2026, 3, 9, 4, 0, tzinfo=UTC))

    assert counted(before, zone="America/New_York") == Purchase(date(2026, 3, 7), 500)
    assert counted(after, zone="America/New_York") == Purchase(date(2026, 3, 9), 500)


@pytest.mark.parametrize(
    "unlike",
    [
        pytest.param(replace(FACTS, paid_at=None), id="not paid"),
        pytest.param(replace(FACTS, cancelled_at=AT), id="cancelled"),
        pytest.param(replace(FACTS, is_test=True), id="a test"),
        pytest.param(replace(FACTS, currency="USD"), id="other currency"),
        pytest.param(replace(FACTS, total_minor=0), id="free"),
        pytest.param(
            replace(FACTS, refunds=(RefundFacts("r", 1, amount_minor=500, agreed_at=AT),)),
            id="fully refunded",
        ),
    ],
)
def test_what_is_no_sale_counts_for_nothing(unlike: OrderFacts) -> None:
    assert counted(unlike) is None


def test_a_later_refund_takes_money_as_if_known_from_the_start() -> None:
    refund = RefundFacts("r1", 2, amount_minor=200, completed_at=AT + timedelta(days=9))

    assert counted(FACTS, replace(FACTS, refunds=(refund,))) == Purchase(date(2026, 3, 2), 300)
