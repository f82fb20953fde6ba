"""The ten fields of the effect report."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from care.currency import exponent
from reporting.domain.attribution import Order, Touch, credit, index
from reporting.domain.effect import Effect, Orders, Sent, effect, outcome
from reporting.domain.money import minor_to_micros, ratio

SENT_AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def campaign(number: int, customer: str, *, at: datetime = SENT_AT) -> Sent:
    touch = Touch(f"m{number}", "campaign", customer, at, 3 * DAY, 50, False, True)
    return Sent(touch, True, 1, 45_000, "CNY")


def reminder(number: int, customer: str, order: str | None) -> Sent:
    touch = Touch(f"r{number}", "unpaid_first", customer, SENT_AT, DAY, 80, True, False, order)
    return Sent(touch, True, 1, 45_000, "CNY")


def paid(order: str, customer: str, net_minor: int) -> Order:
    return Order(
        order, customer, SENT_AT + HOUR, SENT_AT + 2 * HOUR, True, False, net_minor, 20_000
    )


def unpaid(order: str, customer: str, *, placed_at: datetime = SENT_AT + HOUR) -> Order:
    return Order(order, customer, placed_at, None, False, True, 20_000, 20_000)


def measure(sent: list[Sent], orders: list[Order], currency: str = "CNY") -> Effect:
    credited = credit(index(one.touch for one in sent if one.is_reached), orders)
    return effect(sent, outcome(sent, Orders(orders), credited), currency)


def test_two_thousand_pieces_that_earn_twelve_hundred_and_sixty_return_fourteen() -> None:
    sent = [campaign(n, f"c{n}") for n in range(2_000)]

    found = measure(sent, [paid("o1", "c1", 126_000)])

    assert found.cost_micros == 90_000_000
    assert found.roi == "14.00"
    assert found.mark == "good"
    assert (found.pieces_sent, found.people_reached, found.conversion) == (2_000, 2_000, "0.0005")


def test_the_ten_fields_count_money_orders_and_people() -> None:
    sent = [campaign(1, "c1"), campaign(2, "c2"), campaign(3, "c3", at=SENT_AT + HOUR)]
    unreached = dataclasses.replace(campaign(4, "c4"), is_reached=False)
    orders = [
        paid("o1", "c1", 10_000),
        paid("o2", "c1", 5_000),
        unpaid("o3", "c1"),
        unpaid("o4", "c2"),
        unpaid("o5", "c2", placed_at=SENT_AT + 3 * DAY),
        unpaid("o6", "c4"),
        paid("o7", "c4", 7_000),
    ]

    found = measure([*sent, unreached], orders)

    assert (found.paid_minor, found.paid_orders, found.paid_people) == (15_000, 2, 1)
    assert (found.unpaid_minor, found.unpaid_orders, found.unpaid_people) == (40_000, 2, 1)
    assert (found.people_reached, found.messages_sent, found.messages_reached) == (3, 4, 3)
    assert (found.pieces_sent, found.cost_micros) == (4, 180_000)
    assert found.order_conversion is None


def test_reminders_are_held_to_the_orders_they_remind_of() -> None:
    before = SENT_AT - HOUR
    sent = [reminder(n, f"c{n}", f"o{n}") for n in range(1, 6)]
    orders = [
        dataclasses.replace(paid("o1", "c1", 10_000), placed_at=before),
        *(unpaid(f"o{n}", f"c{n}", placed_at=before) for n in range(2, 6)),
        unpaid("o9", "c2"),
    ]

    found = measure(sent, orders)

    assert (found.paid_orders, found.unpaid_orders, found.unpaid_minor) == (1, 4, 80_000)
    assert found.order_conversion == "0.2000"
    assert found.mark == ""


def test_reminders_under_a_fifth_are_weak() -> None:
    sent = [reminder(n, f"c{n}", f"o{n}") for n in range(1, 7)]
    orders = [paid("o1", "c1", 10_000), *(unpaid(f"o{n}", f"c{n}") for n in range(2, 7))]

    assert measure(sent, orders).mark == "weak"


def test_a_reminder_of_an_order_nobody_knows_counts_as_sent_only() -> None:
    found = measure([reminder(1, "c1", None), reminder(2, "c2", "gone")], [])

    assert (found.messages_sent, found.unpaid_orders, found.order_conversion) == (2, 0, None)
    assert found.mark == "weak"


def test_an_order_earned_by_another_rule_is_not_earned_twice() -> None:
    sent = [campaign(1, "c1"), reminder(2, "c1", "o1")]
    orders = [paid("o1", "c1", 10_000)]
    credited = credit(index(one.touch for one in sent), orders)

    by_rule = [
        effect([one], outcome([one], Orders(orders), credited), "CNY").paid_minor for one in sent
    ]

    assert by_rule == [0, 10_000]


def test_a_notice_costs_and_has_no_return() -> None:
    touch = Touch("n1", "shipped", "c1", SENT_AT, DAY, 90, False, False)

    found = measure(
        [Sent(touch, True, 2, 90_000, "CNY")], [paid("o1", "c1", 1), unpaid("o2", "c1")]
    )

    assert (found.pieces_sent, found.cost_micros) == (2, 90_000)
    assert (found.roi, found.mark, found.unpaid_orders) == (None, "", 0)


@pytest.mark.parametrize(
    ("net_minor", "is_sms", "mark"),
    [
        pytest.param(100, True, "weak", id="SMS under five"),
        pytest.param(100, False, "", id="e-mail under five"),
        pytest.param(500, True, "", id="five"),
        pytest.param(800, True, "good", id="SMS at eight"),
        pytest.param(800, False, "good", id="e-mail at eight"),
    ],
)
def test_a_return_is_marked(net_minor: int, is_sms: bool, mark: str) -> None:
    one = dataclasses.replace(campaign(1, "c1"), price_micros=1_000_000, is_sms=is_sms)

    assert measure([one], [paid("o1", "c1", net_minor)]).mark == mark


def test_what_costs_nothing_has_no_return() -> None:
    free = dataclasses.replace(campaign(1, "c1"), price_micros=0, currency=None)

    found = measure([free], [paid("o1", "c1", 100)])

    assert (found.cost_micros, found.roi, found.mark) == (0, None, "")


def test_a_price_in_another_currency_is_listed_and_compared_with_nothing() -> None:
    foreign = dataclasses.replace(campaign(2, "c2"), currency="USD")

    found = measure([campaign(1, "c1"), foreign, foreign], [paid("o1", "c1", 100)])

    assert (found.cost_micros, dict(found.foreign_micros)) == (45_000, {"USD": 90_000})
    assert (found.roi, found.mark) == (None, "")


def test_nothing_sent_is_all_zeros() -> None:
    found = measure([], [])

    assert (found.paid_minor, found.cost_micros, found.roi, found.conversion) == (0, 0, None, None)


@pytest.mark.parametrize(("currency", "places"), [("CNY", 2), ("JPY", 0), ("KWD", 3)])
def test_a_minor_unit_is_its_currencys(currency: str, places: int) -> None:
    assert exponent(currency) == places
    assert minor_to_micros(1, currency) == 10 ** (6 - places)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (1, 3, "0.33"),
        (2, 3, "0.67"),
        pytest.param(1, 200, "0.01", id="half goes up"),
        pytest.param(149_999_999_999_999_999, 10**17, "1.50", id="not twice rounded"),
        pytest.param(-1, 2, "-0.50", id="more went back than came"),
        pytest.param(1, 0, None, id="nothing to compare with"),
    ],
)
def test_a_ratio_is_rounded_once(part: int, whole: int, expected: str | None) -> None:
    assert ratio(part, whole, 2) == expected
