"""The rules of some shops: as they stand today, and in the versions that still run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from care_triggers.domain.course import (
    DropTimer,
    Effect,
    Instance,
    Note,
    Recall,
    Step,
    Steps,
    note,
)
from care_triggers.domain.rule import Rule, content_hash, switched_off
from care_triggers.domain.values import Timer
from contracts.events import DecisionResult


@dataclass(frozen=True, slots=True)
class Rulebook:
    current: Mapping[tuple[str, str], Rule]  # by shop and rule
    versions: Mapping[tuple[str, str, int], Rule]

    def following(
        self, shop_id: str, kind: str, steps: Steps, suffix: str = ""
    ) -> Iterator[tuple[Rule, Step | None]]:
        """Return the shop's rules of *kind*, each with what was done about it.

        What runs goes on under the version that it began under; a rule that is switched off
        begins nothing.
        """
        for (shop, _), rule in sorted(self.current.items()):
            if shop != shop_id or rule.kind != kind:
                continue
            step = steps.get(rule.rule_id + suffix)
            if step is not None and step.open:
                yield self.versions.get((shop, rule.rule_id, step.rule_version), rule), step
            elif rule.on:
                yield rule, step


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits, and what is planned and has not ended: all that can still be taken back."""

    timers: Sequence[Timer] = ()
    planned: Sequence[Timer] = ()


def ending(pending: Pending, book: Rulebook, reason: str, now: datetime) -> list[Effect]:
    """Return what takes *pending* back, all for the same *reason*."""

    def told(timer: Timer, result: DecisionResult) -> Note:
        place = (timer.shop_id, timer.rule_id)
        rule = book.versions.get((*place, timer.rule_version), book.current[place])
        step = Step("waiting", timer.rule_version, timer.once_key, timer.due_at, timer.day)
        instance = Instance(timer.shop_id, timer.customer_id, rule)
        return note(instance, step, result, reason, now)

    skipped, recalled = DecisionResult.SKIPPED, DecisionResult.RECALLED
    return [
        *(DropTimer(timer.key, told(timer, skipped)) for timer in pending.timers),
        *(Recall(timer.key, told(timer, recalled)) for timer in pending.planned),
    ]


def next_versions(file: Mapping[str, Rule], current: Sequence[Rule]) -> list[Rule]:
    """Return the versions that a shop needs so that its rules say what the file says.

    The content decides, not the file's age; a rule that the file dropped is switched off.
    """
    known = {rule.rule_id: rule for rule in current}
    wanted = {
        **{name: switched_off(rule) for name, rule in known.items() if rule.on},
        **file,
    }
    return [
        replace(rule, version=known[name].version + 1 if name in known else 1)
        for name, rule in sorted(wanted.items())
        if name not in known or content_hash(known[name]) != content_hash(rule)
    ]
