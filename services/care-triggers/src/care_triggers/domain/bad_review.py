"""Answer a medium or bad review: a person's task at once, then one apology."""

from typing import Final

from care.facts import ReviewState
from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Due, Idle, Send, Start, Stop, Wish

KIND: Final = "bad_review"
UNLESS: Final = ("improved", "withdrawn")
VARIABLES: Final = ("hours",)
PRAISE: Final = 4  # stars, and above


def wish(review: ReviewState, rule: Rule) -> Wish:
    if "withdrawn" in rule.unless and review.is_withdrawn:
        return Stop("withdrawn")
    if "improved" in rule.unless and review.rating is not None and review.rating >= PRAISE:
        return Stop("improved")
    if review.reviewed_at is None or not review.is_bad:
        return Idle()
    due_at = review.reviewed_at + rule.wait
    return Start(review.review_id, due_at, due_at + rule.expires)


def on_due(due: Due) -> Send:
    hours = "" if due.rule.task is None else str(int(due.rule.task.due.total_seconds() // 3600))
    return Send(due.timer.expires_at, {"hours": hours})
