"""F22: one reminder of an order that waits for its payment."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from care.facts import OrderState, merge_order
from care_triggers.domain import unpaid_first
from care_triggers.domain.course import (
    DropTimer,
    Instance,
    PutTimer,
    Recall,
    Step,
    pursue,
)
from care_triggers.domain.kinds import decide
from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Drop, Due, Idle, Send, Start, Stop
from contracts.events import OrderFacts, OrderLine

Make = Callable[..., Any]
MINUTE = timedelta(minutes=1)


def test_a_placed_order_asks_for_a_reminder_half_an_hour_later(
    order: Make, rule: Make, t0: datetime
) -> None:
    asked = unpaid_first.wish(order(placed_at=t0), rule())

    assert asked == Start("o-1001", t0 + 30 * MINUTE, t0 + 30 * MINUTE + timedelta(hours=24))


def test_an_order_that_nobody_has_placed_yet_asks_for_nothing(order: Make, rule: Make) -> None:
    assert unpaid_first.wish(order(), rule()) == Idle()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_presale": True}, "presale"),
        ({"pay_on_delivery": True}, "pay_on_delivery"),
        ({"is_test": True}, "test"),
    ],
)
def test_orders_that_no_reminder_is_for_never_get_one(
    order: Make, rule: Make, t0: datetime, facts: dict[str, bool], reason: str
) -> None:
    assert unpaid_first.wish(order(placed_at=t0, **facts), rule()) == Stop(reason)


@pytest.mark.parametrize(
    ("field", "reason"),
    [("paid_at", "paid"), ("paid_hint_at", "paid"), ("cancelled_at", "closed")],
)
def test_a_payment_its_hint_and_the_closing_stop_the_reminder(
    order: Make, rule: Make, t0: datetime, field: str, reason: str
) -> None:
    assert unpaid_first.wish(order(placed_at=t0, **{field: t0}), rule()) == Stop(reason)


def test_a_later_paid_order_for_the_same_items_stops_it(
    order: Make, rule: Make, t0: datetime
) -> None:
    bought = order(order_id="o-2", placed_at=t0 + MINUTE, paid_at=t0 + MINUTE)

    assert unpaid_first.wish(order(placed_at=t0), rule(), [bought]) == Stop("rebought")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"placed_at": -1, "paid_at": 0}, id="placed before"),
        pytest.param({"placed_at": 1}, id="not paid"),
        pytest.param({"placed_at": 1, "paid_at": 1, "cancelled_at": 2}, id="cancelled"),
        pytest.param({"paid_at": 1}, id="nobody knows when it was placed"),
        pytest.param({"placed_at": 1, "paid_at": 1, "order_id": "o-1001"}, id="the order itself"),
        pytest.param(
            {"placed_at": 1, "paid_at": 1, "lines": (OrderLine("cup", "Cup", 1, 1),)},
            id="other items",
        ),
    ],
)
def test_other_orders_do_not(order: Make, rule: Make, t0: datetime, other: dict[str, Any]) -> None:
    facts = {
        name: t0 + value * MINUTE if isinstance(value, int) else value
        for name, value in other.items()
    }
    bought = order(**{"order_id": "o-2", **facts})

    assert isinstance(unpaid_first.wish(order(placed_at=t0), rule(), [bought]), Start)


def test_an_order_without_lines_or_date_is_never_bought_again(
    order: Make, rule: Make, t0: datetime
) -> None:
    bought = order(order_id="o-2", placed_at=t0 + MINUTE, paid_at=t0 + MINUTE)

    assert unpaid_first.wish(order(lines=()), rule(), [bought]) == Idle()
    assert isinstance(unpaid_first.wish(order(placed_at=t0, lines=()), rule(), [bought]), Start)


@pytest.mark.parametrize(
    ("amount", "sent"), [(9_999, False), (10_000, False), (10_001, True), (None, False)]
)
def test_only_an_amount_above_the_shops_bound_is_reminded_of(
    order: Make, due: Make, t0: datetime, amount: int | None, sent: bool
) -> None:
    verdict = decide(due(order=order(placed_at=t0, total_minor=amount)), t0)

    assert isinstance(verdict, Send) is sent
    assert sent or verdict == Drop("not_in_audience")


def test_an_amount_in_another_currency_cannot_be_compared(
    order: Make, due: Make, t0: datetime
) -> None:
    verdict = decide(due(order=order(placed_at=t0, currency="USD")), t0)

    assert verdict == Drop("not_in_audience")


def test_an_order_that_closes_is_reminded_of_only_before(
    order: Make, due: Make, t0: datetime
) -> None:
    closes = order(placed_at=t0, closes_at=t0 + 10 * MINUTE)

    before, after = (decide(due(order=closes), t0 + n * MINUTE) for n in (9, 10))

    assert isinstance(before, Send)
    assert before.expires_at == t0 + 10 * MINUTE
    assert after == Drop("closed")


@pytest.mark.parametrize(("minutes", "cutoff"), [(209, "13:30"), (210, "")])
def test_same_day_dispatch_is_promised_until_the_cutoff(
    order: Make, due: Make, t0: datetime, minutes: int, cutoff: str
) -> None:
    verdict = decide(due(order=order(placed_at=t0, currency=None)), t0 + minutes * MINUTE)

    assert isinstance(verdict, Send)
    assert verdict.variables == {"item": "Oolong tea", "tail": "1001", "cutoff": cutoff}


def facts(name: str, t0: datetime) -> OrderFacts:
    known: dict[str, dict[str, Any]] = {
        "placed": {"placed_at": t0, "total_minor": 12_000, "currency": "CNY"},
        "paid": {"paid_at": t0 + MINUTE},
        "cancelled": {"cancelled_at": t0 + 2 * MINUTE},
        "shipped": {"confirmed_at": t0 + 3 * MINUTE},
        "unpaid snapshot": {"placed_at": t0, "total_minor": 12_000, "closes_at": t0 + 900 * MINUTE},
    }
    version = {"placed": 1, "unpaid snapshot": 1}.get(name, 5)
    return OrderFacts("tea", "ann", "o-1001", version, **known[name])


ARRIVALS = [
    names
    for count in range(1, 6)
    for names in permutations(["placed", "paid", "cancelled", "shipped", "unpaid snapshot"], count)
]


def test_every_order_of_arrival_ends_alike(rule: Make, due: Make, t0: datetime) -> None:
    """Each fact twice: paid or cancelled before the due instant means no reminder, else one."""
    for names in ARRIVALS:
        course = _play([*names, *names], rule(), due, t0)

        placed = {"placed", "unpaid snapshot"} & set(names)
        settled = {"paid", "cancelled"} & set(names)
        assert course == (1 if placed and not settled else 0), names


def _play(names: list[str], rule: Rule, due: Make, t0: datetime) -> int:
    """Merge the facts one by one; return how many messages the due instant brings."""
    state: OrderState | None = None
    step: Step | None = None
    timers: set[str] = set()
    for name in names:
        state = merge_order(state, facts(name, t0))
        wish = unpaid_first.wish(state, rule)
        step, effects = pursue(Instance("tea", "ann", rule), step, wish, t0 + 5 * MINUTE)
        for effect in effects:
            assert not isinstance(effect, Recall)
            if isinstance(effect, PutTimer):
                timers.add(effect.timer.key)
            if isinstance(effect, DropTimer):
                timers.remove(effect.key)
    taken: Due = due(order=state)
    return sum(isinstance(decide(taken, t0 + 30 * MINUTE), Send) for _ in timers)
