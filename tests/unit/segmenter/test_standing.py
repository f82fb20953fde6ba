"""Where customers stand, until when, and what is announced."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.events import Cell, ChangeReason
from segmenter.domain.average import Average
from segmenter.domain.rfm import Purchase, Tally
from segmenter.domain.standing import UNSEEN, ShopDay, Standing, is_stale, move
from support.booked import booked

DAY = date(2026, 3, 1)
SHOP = ShopDay("tea", "Asia/Shanghai", "CNY", DAY, Average(2, 100))
ANN = ("tea", "ann")


def stand(*purchases: Purchase, shop: ShopDay = SHOP) -> Standing:
    return move(ANN, UNSEEN, booked(purchases).tally(shop.day), shop)[0]


def on(days: int, average: Average = SHOP.average) -> ShopDay:
    return replace(SHOP, day=DAY + timedelta(days=days), average=average)


def test_a_first_purchase_is_announced_with_all_that_readers_need() -> None:
    after, change = move(ANN, UNSEEN, booked([Purchase(DAY, 70)]).tally(DAY), SHOP)

    assert change is not None
    assert (change.before, change.after) == (Cell.NEVER_BOUGHT, Cell.JUST_BOUGHT)
    assert (change.revision, change.as_of, change.reason) == (1, DAY, ChangeReason.EVENT)
    assert (change.recency_days, change.frequency, change.monetary_minor) == (0, 1, 70)
    assert (after.revision, after.is_high, after.due_day) == (1, None, DAY + timedelta(days=8))


def test_somebody_who_never_bought_is_not_announced() -> None:
    after, change = move(ANN, UNSEEN, Tally(), SHOP)

    assert change is None
    assert after == UNSEEN


@pytest.mark.parametrize(("money", "cell"), [(49, Cell.NEW_LOW), (50, Cell.NEW_HIGH)])
def test_a_week_later_time_alone_moves_a_customer_on(money: int, cell: Cell) -> None:
    before = stand(Purchase(DAY, money))

    for days in range(1, 8):
        assert move(ANN, before, before.total, on(days))[1] is None
    after, change = move(ANN, before, before.total, on(8))

    assert change is not None
    assert (change.after, change.reason, change.revision) == (cell, ChangeReason.TIME, 2)
    assert after.is_high is (cell is Cell.NEW_HIGH)
    assert after.due_day == DAY + timedelta(days=91)


def test_a_moved_average_moves_a_customer_who_did_nothing() -> None:
    before = move(ANN, UNSEEN, booked([Purchase(DAY - timedelta(days=8), 50)]).tally(DAY), SHOP)[0]

    after, change = move(ANN, before, before.total, on(1, Average(1, 51)))

    assert change is not None
    assert (change.before, change.after) == (Cell.NEW_HIGH, Cell.NEW_LOW)
    assert change.reason is ChangeReason.AVERAGE
    assert after.due_day == before.due_day


def test_a_purchase_dated_ahead_is_due_on_its_day() -> None:
    ahead = stand(Purchase(DAY + timedelta(days=2), 5))

    assert (ahead.cell, ahead.due_day) == (Cell.NEVER_BOUGHT, DAY + timedelta(days=2))
    assert not is_stale(ahead, DAY + timedelta(days=1))
    assert is_stale(ahead, DAY + timedelta(days=2))
    assert not is_stale(UNSEEN, DAY)


def test_the_lost_wait_for_nothing() -> None:
    lost = stand(Purchase(DAY - timedelta(days=366), 5))

    assert (lost.cell, lost.due_day, lost.is_high) == (Cell.LOST, None, None)
