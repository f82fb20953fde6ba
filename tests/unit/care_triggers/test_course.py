"""The course of an instance: wait, speak or be stopped, never twice; and what a rulebook says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from care_triggers.domain.course import (
    DropTimer,
    Instance,
    PutTimer,
    Recall,
    Step,
    Tell,
    pursue,
    steps_from_json,
    steps_to_json,
)
from care_triggers.domain.rule import (
    FixedValue,
    announcement,
    content_hash,
    rule_from_json,
    rule_to_json,
)
from care_triggers.domain.rulebook import Pending, Rulebook, ending, next_versions
from care_triggers.domain.values import Idle, Start, Stop
from contracts import ids
from contracts.events import DecisionResult

Make = Callable[..., Any]
HOUR = timedelta(hours=1)


@pytest.fixture
def instance(rule: Make) -> Instance:
    return Instance("tea", "ann", rule(), order_id="o-1001", facts={"placed_at": "then"})


@pytest.fixture
def start(t0: datetime) -> Start:
    return Start("o-1001", t0, t0 + 24 * HOUR)


def test_a_timers_key_is_the_id_of_its_message(
    instance: Instance, start: Start, t0: datetime
) -> None:
    step, effects = pursue(instance, None, start, t0)

    (put,) = effects
    assert isinstance(put, PutTimer)
    assert put.timer.key == ids.message_id("tea", "unpaid_first", "o-1001", "send")
    assert step == Step("waiting", 1, "o-1001", t0)
    assert step.open


def test_news_that_come_too_late_are_stale(instance: Instance, start: Start, t0: datetime) -> None:
    step, effects = pursue(instance, None, start, t0 + 24 * HOUR)

    assert step is not None
    assert step.status == "skipped"
    assert not step.open
    (told,) = effects
    assert isinstance(told, Tell)
    assert told.note.decision.reason == "stale"
    assert told.note.facts == {"placed_at": "then"}


def test_history_gets_neither_care_nor_a_word(
    instance: Instance, start: Start, t0: datetime
) -> None:
    assert pursue(instance, None, start, t0 + timedelta(days=401)) == (None, [])


def test_an_earlier_instant_moves_the_timer_and_the_same_one_does_not(
    instance: Instance, start: Start, t0: datetime
) -> None:
    waiting = Step("waiting", 1, "o-1001", t0)

    assert pursue(instance, waiting, start, t0) == (waiting, [])
    moved, effects = pursue(instance, waiting, replace(start, due_at=t0 - HOUR), t0)
    assert moved == replace(waiting, due_at=t0 - HOUR)
    assert isinstance(effects[0], PutTimer)


def test_a_stop_drops_what_waits_and_recalls_what_is_planned(
    instance: Instance, t0: datetime
) -> None:
    waiting = Step("waiting", 1, "o-1001", t0)
    stopped, dropped = pursue(instance, waiting, Stop("paid"), t0)
    recalled, taken_back = pursue(instance, replace(waiting, status="planned"), Stop("paid"), t0)

    assert stopped is not None
    assert stopped.status == "cancelled"
    assert isinstance(dropped[0], DropTimer)
    assert dropped[0].note.decision.result is DecisionResult.CANCELLED
    assert recalled is not None
    assert recalled.status == "recalled"
    assert isinstance(taken_back[0], Recall)
    assert taken_back[0].note.decision.result is DecisionResult.RECALLED


@pytest.mark.parametrize("status", ["planned", "skipped", "recalled"])
def test_what_had_its_turn_does_not_begin_again(
    instance: Instance, start: Start, t0: datetime, status: Any
) -> None:
    step = Step(status, 1, "o-1001", t0)

    assert pursue(instance, step, start, t0) == (step, [])


def test_an_order_that_was_restored_begins_again(
    instance: Instance, start: Start, t0: datetime
) -> None:
    cancelled = Step("cancelled", 1, "o-1001", t0)

    step, effects = pursue(instance, cancelled, start, t0)

    assert step is not None
    assert step.status == "waiting"
    assert len(effects) == 1
    assert pursue(instance, cancelled, Stop("paid"), t0) == (cancelled, [])
    assert pursue(instance, None, Idle(), t0) == (None, [])
    assert pursue(instance, None, Stop("paid"), t0) == (None, [])


def test_the_same_decision_taken_twice_has_one_id(instance: Instance, t0: datetime) -> None:
    step = Step("waiting", 1, "o-1001", t0)
    (first,), (second,) = (pursue(instance, step, Stop("paid"), at)[1] for at in (t0, t0 + HOUR))

    assert isinstance(first, DropTimer)
    assert isinstance(second, DropTimer)
    assert first.note.decision == second.note.decision


def test_steps_survive_their_storage(t0: datetime) -> None:
    steps = {
        "a": Step("waiting", 2, "o-1001", t0),
        "b": Step("planned", 1, "ann:2026", t0, date(2026, 5, 12)),
    }

    assert steps_from_json(steps_to_json(steps)) == steps


def test_a_rule_survives_its_storage_and_its_version_is_no_content(rule: Make) -> None:
    for one in (
        rule("bad_review", values=(FixedValue("offer", "礼", "gift"),)),
        rule("birthday", at=datetime.min.time()),
    ):
        assert rule_from_json(rule_to_json(one), 1) == one
        assert content_hash(one) == content_hash(replace(one, version=7))
        assert content_hash(one) != content_hash(replace(one, priority=1))


def test_a_shop_gets_a_new_version_when_the_content_differs(rule: Make) -> None:
    first, second = rule(), rule("shipped")
    file = {"unpaid_first": replace(first, version=0), "shipped": replace(second, version=0)}

    assert [one.version for one in next_versions(file, [])] == [1, 1]
    assert next_versions(file, [first, second]) == []
    louder = {**file, "shipped": replace(second, version=0, priority=99)}
    assert next_versions(louder, [first, second]) == [replace(second, version=2, priority=99)]


def test_a_rule_that_the_file_dropped_is_switched_off_once(rule: Make) -> None:
    gone = rule()

    (off,) = next_versions({}, [gone])

    assert (off.on, off.version) == (False, 2)
    assert next_versions({}, [off]) == []


def test_what_runs_keeps_its_version_and_what_is_off_begins_nothing(
    rule: Make, t0: datetime
) -> None:
    old, new = rule(version=1), rule(version=2, wait=HOUR)
    book = Rulebook(
        {("tea", "unpaid_first"): new, ("cup", "unpaid_first"): new},
        {("tea", "unpaid_first", 1): old, ("tea", "unpaid_first", 2): new},
    )
    waiting = Step("waiting", 1, "o-1001", t0)
    lost = replace(waiting, rule_version=9)

    def seen(steps: dict[str, Step], kind: str = "unpaid_first") -> list[Any]:
        return list(book.following("tea", kind, steps))

    assert seen({}) == [(new, None)]
    assert seen({"unpaid_first": waiting}) == [(old, waiting)]
    assert seen({"unpaid_first": lost}) == [(new, lost)]
    assert seen({}, "shipped") == []
    off = Rulebook({("tea", "unpaid_first"): replace(new, on=False)}, book.versions)
    assert list(off.following("tea", "unpaid_first", {})) == []
    running = list(off.following("tea", "unpaid_first", {"unpaid_first": waiting}))
    assert running == [(old, waiting)]


def test_a_rule_switched_off_takes_back_what_is_pending(
    due: Make, rule: Make, t0: datetime
) -> None:
    timer = due().timer
    book = Rulebook({("tea", "unpaid_first"): rule()}, {})

    dropped, recalled = ending(Pending([timer], [timer]), book, "rule_off", t0)

    assert isinstance(dropped, DropTimer)
    assert dropped.note.decision.result is DecisionResult.SKIPPED
    assert isinstance(recalled, Recall)
    assert recalled.note.decision.reason == "rule_off"


def test_others_are_told_what_they_need_of_a_rule(rule: Make) -> None:
    told = announcement(rule(), "tea", credits_own_order=True)

    assert (told.shop_id, told.version, told.attribution_window_s) == ("tea", 1, 86_400)
    assert told.credits_own_order
