"""What is judged at the due instant, for all kinds alike; and how texts are filled in."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from care.facts import OrderState
from care_triggers.domain import audience, wording
from care_triggers.domain.kinds import KINDS, decide, facts_used
from care_triggers.domain.values import Drop, Person, Send, Snooze
from contracts.events import DecisionResult, MessageClass, OrderLine, Region

Make = Callable[..., Any]


@pytest.fixture
def open_order(order: Make, t0: datetime) -> OrderState:
    found: OrderState = order(placed_at=t0)
    return found


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"rule_on": False}, Drop("rule_off")),
        ({"person": Person("ann", erased=True)}, Drop("erased")),
    ],
)
def test_a_rule_that_is_off_and_a_person_who_is_erased_end_it(
    due: Make, open_order: OrderState, t0: datetime, more: dict[str, Any], verdict: Drop
) -> None:
    assert decide(due(order=open_order, **more), t0) == verdict


def test_a_timer_that_comes_after_its_end_says_nothing(
    due: Make, open_order: OrderState, t0: datetime
) -> None:
    assert decide(due(order=open_order), t0 + timedelta(hours=24)) == Drop("expired")


def test_a_payment_that_slipped_in_cancels_at_the_last_instant(
    due: Make, order: Make, t0: datetime
) -> None:
    verdict = decide(due(order=order(placed_at=t0, paid_at=t0)), t0)

    assert verdict == Drop("paid", DecisionResult.CANCELLED)


def test_a_subject_that_is_no_longer_known_ends_it(due: Make, t0: datetime) -> None:
    verdict = decide(due(order=None), t0)

    assert verdict == Drop("changed", DecisionResult.CANCELLED)


def test_a_reminder_waits_while_a_fact_of_the_person_cannot_be_read(
    due: Make, open_order: OrderState, t0: datetime
) -> None:
    held = due(order=open_order, letters_open=True, expires_at=t0 + timedelta(seconds=20))

    assert decide(held, t0) == Snooze(t0 + timedelta(seconds=20), "stale_facts")


def test_marketing_waits_while_a_task_is_open(
    due: Make, rule: Make, review: Make, t0: datetime
) -> None:
    known = review(rating=1, reviewed_at=t0)
    loud = rule("bad_review", message_class=MessageClass.MARKETING)

    held = decide(due("bad_review", review=known, rule=loud, task_open=True), t0)
    assert held == Snooze(t0 + timedelta(minutes=15), "task_open")
    service = decide(due("bad_review", review=known, task_open=True), t0)
    assert isinstance(service, Send)


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        ("", True),
        ("order.amount_minor > 10000 && customer.cell != 'lost'", True),
        ("customer.cell == 'lost'", False),
        ("order.province == 'Zhejiang' && shop.country == 'CN' && order.items == 2", True),
    ],
)
def test_the_audience_is_asked_when_the_timer_falls_due(
    due: Make, rule: Make, order: Make, t0: datetime, condition: str, sent: bool
) -> None:
    known = order(
        placed_at=t0,
        region=Region("CN", "Zhejiang", "Hangzhou"),
        lines=(OrderLine("tea", "Tea", 2, 6_000),),
    )
    verdict = decide(
        due(order=known, rule=rule(audience=condition), person=Person("ann", cell="new_high")), t0
    )

    assert isinstance(verdict, Send) is sent
    assert sent or verdict == Drop("not_in_audience")


def test_each_kind_can_be_asked_for_all_of_its_values(
    due: Make, order: Make, parcel: Make, review: Make, t0: datetime
) -> None:
    everything = due(order=order(), parcel=parcel(carrier="SF"), review=review(rating=2))

    values = audience.values_of(everything)

    assert {name for kind in KINDS.values() for name in kind.types} == set(values)
    for kind in KINDS.values():
        assert all(type(values[name]) is wanted for name, wanted in kind.types.items())


def test_a_control_group_is_chosen_after_everything_else(
    due: Make, rule: Make, open_order: OrderState, t0: datetime
) -> None:
    all_out = rule(control_share=1.0)

    assert decide(due(order=open_order, rule=all_out), t0) == Drop(
        "control", DecisionResult.CONTROL
    )


def test_the_control_group_has_its_share_and_stays_the_same() -> None:
    people = [f"c{n}" for n in range(2_000)]

    out = [one for one in people if audience.held_out("tea", one, "birthday", 0.05)]

    assert 60 < len(out) < 140
    assert out == [one for one in people if audience.held_out("tea", one, "birthday", 0.05)]
    assert not any(audience.held_out("tea", one, "birthday", 0.0) for one in people)


def test_the_log_keeps_the_facts_and_nothing_personal(due: Make, order: Make, t0: datetime) -> None:
    person = Person("ann", gender="female", province="Zhejiang", city="Hangzhou", cell="lost")
    facts = facts_used(
        due(order=order(placed_at=t0, region=Region("CN", "Zhejiang")), person=person)
    )

    assert facts["order.placed_at"] == t0.isoformat()
    assert facts["customer.cell"] == "lost"
    assert facts["order.amount_minor"] == 12_000
    assert not any("Zhejiang" in str(value) or "female" in str(value) for value in facts.values())


def test_names_are_cut_to_the_length_that_texts_are_counted_with(order: Make) -> None:
    def item(name: str) -> str:
        return wording.item(order(lines=(OrderLine("a", name, 1, 5), OrderLine("b", "x", 1, 1))))

    assert item("A very long name of a thing") == "A very long name of…"
    assert item("一二三四五六七八九十甲乙") == "一二三四五六七八九…"
    assert item("Tea\npot") == "Tea pot"
    assert wording.item(order(lines=())) == ""


def test_couriers_and_days_are_named_in_the_shops_language() -> None:
    assert wording.courier("shunfeng", "zh") == "顺丰"
    assert wording.courier("SF", "en") == "SF Express"
    assert wording.courier("Local Express Ltd", "en") == "Local Exp…"
    assert wording.courier(None, "en") == ""
    assert wording.day_of_month(date(2026, 12, 31), "zh") == "12月31日"
    assert wording.day_of_month(date(2026, 12, 31), "en") == "31 Dec"
    assert wording.day_of_month(None, "en") == ""
