"""What a customer's days add up to, until a day and over a window."""

from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.book import Book
from segmenter.domain.rfm import NOTHING, DaySum, Purchase, Rfm, grow
from support.booked import booked

DAY = date(2026, 3, 1)
days = st.integers(-20, 800).map(lambda ago: DAY - timedelta(days=ago))
purchases = st.lists(st.builds(Purchase, days, st.integers(1, 1000)), max_size=12)


def test_a_window_of_n_days_holds_today_and_the_n_minus_1_days_before() -> None:
    week = [Purchase(DAY - timedelta(days=ago), 1) for ago in range(10)]

    assert booked(week).measure(DAY, 7) == Rfm(0, 7, 7)
    assert booked(week).measure(DAY, 1) == Rfm(0, 1, 1)
    assert booked(week).measure(DAY) == Rfm(0, 10, 10)
    assert booked(week[7:]).measure(DAY, 7) == Rfm(None, 0, 0)


def test_several_orders_on_one_day_are_several() -> None:
    book = booked([Purchase(DAY, 5), Purchase(DAY, 7)])

    assert book.measure(DAY, 1) == Rfm(0, 2, 12)
    assert (book.days_until(DAY), book.days_until(DAY - timedelta(days=1))) == (1, 0)


def test_an_order_of_a_later_day_does_not_count_yet_but_is_known() -> None:
    tomorrow, later = DAY + timedelta(days=1), DAY + timedelta(days=5)
    total = booked([Purchase(later, 9), Purchase(DAY, 5), Purchase(tomorrow, 7)]).tally(DAY)

    assert (total.frequency, total.monetary_minor, total.last_day) == (1, 5, DAY)
    assert total.next_day == tomorrow
    assert booked([]).tally(DAY) == NOTHING


@given(purchases, st.randoms(use_true_random=False), days)
def test_a_tally_does_not_depend_on_the_order(
    bought: list[Purchase], random: Random, as_of: date
) -> None:
    shuffled = sorted(bought, key=lambda _: random.random())

    assert booked(shuffled).tally(as_of) == booked(bought).tally(as_of)


@given(purchases, st.builds(Purchase, days, st.integers(1, 1000)), days)
def test_growing_by_one_is_adding_up_all(
    bought: list[Purchase], more: Purchase, as_of: date
) -> None:
    assert grow(booked(bought).tally(as_of), more, as_of) == booked([*bought, more]).tally(as_of)


@given(purchases, days, st.integers(1, 730))
def test_a_window_equals_a_plain_count(
    bought: list[Purchase], as_of: date, window_days: int
) -> None:
    ages = [((as_of - one.day).days, one.net_minor) for one in bought]
    inside = [(age, net) for age, net in ages if 0 <= age < window_days]

    assert booked(bought).measure(as_of, window_days) == Rfm(
        min((age for age, _ in inside), default=None), len(inside), sum(net for _, net in inside)
    )


@given(purchases, st.data(), days)
def test_purchases_put_and_taken_leave_those_that_were_not_taken(
    bought: list[Purchase], data: st.DataObject, as_of: date
) -> None:
    taken = data.draw(st.sets(st.integers(0, max(0, len(bought) - 1))))
    book = booked(bought)

    for number in taken & set(range(len(bought))):
        book.take(bought[number])

    left = booked(one for number, one in enumerate(bought) if number not in taken)
    assert book.tally(as_of) == left.tally(as_of)
    assert book.measure(as_of, 90) == left.measure(as_of, 90)


def test_what_another_transaction_took_is_not_taken_twice() -> None:
    book = Book([DaySum(DAY, 2, 12)])

    book.take(Purchase(DAY - timedelta(days=1), 5))
    book.take(Purchase(DAY, 5))

    assert book.measure(DAY) == Rfm(0, 1, 7)
