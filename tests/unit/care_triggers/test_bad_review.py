"""F30: a task at once, an apology half an hour later, neither when the review has improved."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from care_triggers.domain import bad_review
from care_triggers.domain.course import CloseTask, Instance, OpenTask, pursue_task
from care_triggers.domain.kinds import decide
from care_triggers.domain.values import Idle, Send, Start, Stop
from contracts.events import DecisionResult

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("rating", "speaks"), [(1, True), (2, True), (3, True), (4, False), (5, False)]
)
def test_medium_and_bad_reviews_are_answered(
    review: Make, rule: Make, t0: datetime, rating: int, speaks: bool
) -> None:
    wish = bad_review.wish(review(rating=rating, reviewed_at=t0), rule("bad_review"))

    assert isinstance(wish, Start) is speaks
    assert speaks or wish == Stop("improved")


def test_a_review_without_stars_or_date_asks_for_nothing(
    review: Make, rule: Make, t0: datetime
) -> None:
    assert bad_review.wish(review(reviewed_at=t0), rule("bad_review")) == Idle()
    assert bad_review.wish(review(rating=1), rule("bad_review")) == Idle()


def test_a_withdrawn_review_stops_it(review: Make, rule: Make, t0: datetime) -> None:
    gone = review(rating=1, reviewed_at=t0, withdrawn_at=t0)

    assert bad_review.wish(gone, rule("bad_review")) == Stop("withdrawn")
    assert bad_review.wish(gone, rule("bad_review", unless=())) == Idle()


def test_the_task_is_opened_at_once_and_closed_with_its_cause(
    review: Make, rule: Make, t0: datetime
) -> None:
    instance = Instance("tea", "ann", rule("bad_review"), review_id="r1")
    bad = bad_review.wish(review(rating=1, reviewed_at=t0), instance.rule)

    step, effects = pursue_task(instance, None, bad, t0)
    (opened,) = effects
    assert isinstance(opened, OpenTask)
    assert opened.task.due_at == t0 + timedelta(hours=24)
    assert opened.note.decision.result is DecisionResult.TASK
    assert opened.note.decision.task_id == opened.task.task_id
    assert pursue_task(instance, step, bad, t0) == (step, [])

    step, effects = pursue_task(instance, step, Stop("improved"), t0)
    assert effects == [CloseTask(opened.task.task_id, "improved")]
    assert pursue_task(instance, step, Stop("improved"), t0) == (step, [])


def test_no_task_is_opened_for_old_news_or_by_a_rule_without_one(
    review: Make, rule: Make, t0: datetime
) -> None:
    instance = Instance("tea", "ann", rule("bad_review"))
    bad = bad_review.wish(review(rating=1, reviewed_at=t0), instance.rule)

    assert pursue_task(instance, None, bad, t0 + timedelta(days=2))[1] == []
    assert pursue_task(instance, None, bad, t0 + timedelta(days=500)) == (None, [])
    bare = Instance("tea", "ann", rule("bad_review", task=None))
    assert pursue_task(bare, None, bad, t0)[1] == []


def test_the_apology_names_the_hours_of_the_task(
    review: Make, rule: Make, due: Make, t0: datetime
) -> None:
    known = review(rating=2, reviewed_at=t0)

    with_task = decide(due("bad_review", review=known), t0)
    without = decide(due("bad_review", review=known, rule=rule("bad_review", task=None)), t0)

    assert isinstance(with_task, Send)
    assert with_task.variables == {"hours": "24"}
    assert isinstance(without, Send)
    assert without.variables == {"hours": ""}
