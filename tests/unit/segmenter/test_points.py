"""Points: what earns them, and a ledger without lots that equals one with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.passes import end_of_month, expiry_day
from segmenter.domain.points import (
    Account,
    Source,
    Worth,
    book,
    is_birthday,
    left_of,
    order_worth,
    review_worth,
    settle,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ZONE = "Asia/Shanghai"
LAST = date(2027, 3, 31)


def run(
    source: Source, worth: Worth, customer: str = "ann", factor: int = 1
) -> tuple[Source, list[tuple[str, int, str, int]]]:
    after, grants = settle(source, customer, worth, factor, now=NOW, zone=ZONE)
    return after, [(one.customer_id, one.points, one.cause, one.number) for one in grants]


def test_an_order_earns_a_point_a_unit_once_it_is_confirmed() -> None:
    assert order_worth(50_99, 100, NOW, None) == Worth(50, NOW)
    assert order_worth(50_99, 100, NOW, NOW - DAY) == Worth(50, NOW)
    assert order_worth(50_99, 100, NOW, NOW - 9 * DAY) == Worth(50, NOW - 2 * DAY)
    assert order_worth(700, 1, None, NOW) == Worth(700, NOW + 7 * DAY)
    assert order_worth(99, 100, None, None) == Worth(0, None)
    assert order_worth(None, 100, NOW, None) == Worth(0, NOW)


@pytest.mark.parametrize(("score", "points"), [(5, 20), (4, 20), (3, 0), (None, 0)])
def test_praise_earns_points(score: int | None, points: int) -> None:
    assert review_worth(score, NOW) == Worth(points, NOW)


@pytest.mark.parametrize(
    ("day", "born", "celebrates"),
    [
        (date(2026, 5, 3), (5, 3), True),
        (date(2026, 5, 3), (5, 4), False),
        (date(2026, 2, 28), (2, 29), True),
        (date(2028, 2, 28), (2, 29), False),
        (date(2028, 2, 29), (2, 29), True),
        (date(2026, 3, 31), (2, 29), False),
        (date(2026, 5, 3), (None, None), False),
    ],
)
def test_a_birthday_is_a_day_of_the_solar_calendar(
    day: date, born: tuple[int | None, int | None], celebrates: bool
) -> None:
    assert is_birthday(day, *born) is celebrates


def test_points_wait_until_they_are_earned() -> None:
    waiting, grants = run(Source("ann"), Worth(50, NOW + DAY))
    assert (waiting, grants) == (Source("ann", due_at=NOW + DAY), [])
    assert run(Source("ann"), Worth(50, None)) == (Source("ann"), [])
    assert run(waiting, Worth(0, NOW + DAY)) == (Source("ann"), [])

    given_, grants = run(waiting, Worth(50, NOW), factor=2)

    assert given_ == Source("ann", 100, 1, 2, LAST)
    assert grants == [("ann", 100, "earned", 1)]
    assert run(given_, Worth(50, NOW)) == (given_, [])


def test_what_changes_later_is_put_right_by_the_same_factor_and_to_the_same_day() -> None:
    given_ = Source("ann", 100, 1, 2, LAST)

    less, grants = run(given_, Worth(30, NOW + DAY))  # to the same day still
    assert (less.granted, less.expires_on, grants) == (60, LAST, [("ann", -40, "taken_back", 2)])
    nothing, grants = run(less, Worth(0, None))
    assert (nothing.granted, grants) == (0, [("ann", -60, "taken_back", 3)])
    again, grants = run(nothing, Worth(50, NOW))
    assert (again.granted, grants) == (50, [("ann", 50, "earned", 4)])


def test_an_order_that_is_another_customers_takes_its_points_along() -> None:
    moved, grants = run(Source("ann", 50, 1, 1, LAST), Worth(50, NOW), "bob")

    assert moved == Source("bob", 50, 3, 1, LAST)
    assert grants == [("ann", -50, "moved", 2), ("bob", 50, "earned", 3)]
    assert run(Source("ann", due_at=NOW), Worth(50, None), "bob") == (Source("bob"), [])


def test_points_that_were_earned_earlier_than_was_known_end_earlier() -> None:
    given_ = Source("ann", 100, 1, 2, LAST)

    earlier, grants = run(given_, Worth(50, NOW - 40 * DAY))

    assert earlier == Source("ann", 100, 3, 2, date(2027, 1, 31))
    assert grants == [("ann", -100, "moved", 2), ("ann", 100, "earned", 3)]


def test_points_that_have_ended_are_neither_given_nor_taken_back() -> None:
    ended = Source("ann", 50, 1, 1, date(2026, 2, 28))
    assert run(ended, Worth(0, NOW)) == (ended, [])

    long_ago, grants = run(Source("ann"), Worth(50, NOW - 500 * DAY))
    assert (long_ago.granted, grants) == (0, [])


@dataclass
class Lots:
    """The naive ledger: every lot with what is left of it; spending eats the oldest."""

    lots: list[list[int]] = field(default_factory=list)  # last day as a number, given, eaten
    debt: int = 0

    def earn(self, last: int, points: int) -> None:
        self.lots.append([last, points, 0])
        self.lots.sort()
        self.spread()

    def take_back(self, last: int, points: int) -> None:
        for lot in self.lots:
            part = min(points, lot[1]) if lot[0] == last else 0
            lot[1] -= part
            points -= part
        self.spread()

    def spend(self, points: int) -> None:
        self.debt += points
        self.spread()

    def spread(self) -> None:
        """Let all that was ever spent eat the lots anew, the oldest first."""
        rest = self.debt
        for lot in self.lots:
            lot[2] = min(rest, lot[1])
            rest -= lot[2]

    @property
    def balance(self) -> int:
        return sum(lot[1] for lot in self.lots) - self.debt

    def expire(self, last: int) -> int:
        gone = sum(lot[1] - lot[2] for lot in self.lots if lot[0] <= last)
        self.spend(gone)
        return gone


steps = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 500), st.integers(0, 5)),
        st.tuples(st.just("spend"), st.integers(1, 300), st.just(0)),
        st.tuples(st.just("refund"), st.integers(1, 500), st.integers(0, 5)),
        st.tuples(st.just("month"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_a_ledger_of_sums_equals_one_that_matches_every_lot(
    sequence: Sequence[tuple[str, int, int]],
) -> None:
    account, naive = Account(), Lots()
    dated: dict[int, int] = {}
    month = 12
    for kind, points, back in sequence:
        last = month + 12 - back
        if kind == "earn":
            account, dated[last] = book(account, points, dated=True), dated.get(last, 0) + points
            naive.earn(last, points)
        elif kind == "refund":
            taken = min(points, dated.get(last, 0))
            account, dated[last] = book(account, -taken, dated=True), dated.get(last, 0) - taken
            naive.take_back(last, taken)
        elif kind == "spend":
            if account.balance >= points:
                account = book(account, -points, dated=False)
                naive.spend(points)
        else:
            month += 1
            by_then = sum(held for day, held in dated.items() if day <= month)
            gone = left_of(by_then, account.taken)
            assert gone == naive.expire(month)
            account = book(account, -gone, dated=False)
        assert account.balance == naive.balance
        for day in range(month, month + 13):
            by_then = sum(held for one, held in dated.items() if one <= day)
            left = sum(lot[1] - lot[2] for lot in naive.lots if lot[0] <= day)
            assert left_of(by_then, account.taken) == left


def test_the_last_day_of_a_month_is_its_own_end() -> None:
    assert end_of_month(date(2026, 2, 28)) == date(2026, 2, 28)
    assert expiry_day(date(2026, 2, 28)) == date(2027, 2, 28)
