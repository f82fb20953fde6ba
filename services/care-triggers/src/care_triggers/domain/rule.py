"""One care rule in one version: what starts it, what stops it, whom it speaks to and how."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

from contracts import events
from contracts.events import Channel, MessageClass, Text


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """A rule that also wants a person to act."""

    team: str
    due: timedelta


@dataclass(frozen=True, slots=True)
class FixedValue:
    """A variable that the rule itself fills in, in two languages."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Rule:
    rule_id: str
    kind: str
    on: bool
    version: int  # counts this rule's contents within one shop; 0 as read from the file
    message_class: MessageClass
    priority: int  # 0..100, higher goes first
    channels: tuple[Channel, ...]
    texts: tuple[Text, ...]
    wait: timedelta = timedelta()
    at: time | None = None  # of the shop's day, for kinds that are bound to a day
    expires: timedelta = timedelta(hours=24)  # after due; kinds bound to a day end with it
    unless: tuple[str, ...] = ()
    audience: str = ""  # CEL; empty: everybody
    once: str = ""
    control_share: float = 0.0
    attribution_window: timedelta = timedelta(hours=24)
    goal: str = ""
    values: tuple[FixedValue, ...] = ()
    task: TaskOrder | None = None


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """Return the rule's content, its version left out, in plain JSON types."""
    return {
        "rule_id": rule.rule_id,
        "kind": rule.kind,
        "on": rule.on,
        "message_class": rule.message_class.value,
        "priority": rule.priority,
        "channels": [channel.value for channel in rule.channels],
        "texts": [[t.channel.value, t.locale, t.body, t.subject] for t in rule.texts],
        "wait_s": rule.wait.total_seconds(),
        "at": rule.at and rule.at.isoformat(),
        "expires_s": rule.expires.total_seconds(),
        "unless": list(rule.unless),
        "audience": rule.audience,
        "once": rule.once,
        "control_share": rule.control_share,
        "attribution_window_s": rule.attribution_window.total_seconds(),
        "goal": rule.goal,
        "values": [[value.name, value.zh, value.en] for value in rule.values],
        "task": rule.task and [rule.task.team, rule.task.due.total_seconds()],
    }


def rule_from_json(body: Mapping[str, Any], version: int) -> Rule:
    task = body["task"]
    return Rule(
        rule_id=body["rule_id"],
        kind=body["kind"],
        on=body["on"],
        version=version,
        message_class=MessageClass(body["message_class"]),
        priority=body["priority"],
        channels=tuple(Channel(channel) for channel in body["channels"]),
        texts=tuple(Text(Channel(one[0]), *one[1:]) for one in body["texts"]),
        wait=timedelta(seconds=body["wait_s"]),
        at=time.fromisoformat(body["at"]) if body["at"] else None,
        expires=timedelta(seconds=body["expires_s"]),
        unless=tuple(body["unless"]),
        audience=body["audience"],
        once=body["once"],
        control_share=body["control_share"],
        attribution_window=timedelta(seconds=body["attribution_window_s"]),
        goal=body["goal"],
        values=tuple(FixedValue(*value) for value in body["values"]),
        task=TaskOrder(task[0], timedelta(seconds=task[1])) if task else None,
    )


def content_hash(rule: Rule) -> str:
    """Return what decides whether a rule is another version: its content, not its number."""
    body = json.dumps(rule_to_json(rule), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()


def switched_off(rule: Rule) -> Rule:
    """Return what stands for a rule that the file no longer holds."""
    return replace(rule, on=False)


def announcement(rule: Rule, shop_id: str, *, credits_own_order: bool) -> events.Rule:
    """Return what notifier and reporting get to know of the rule."""
    return events.Rule(
        shop_id=shop_id,
        rule_id=rule.rule_id,
        version=rule.version,
        kind=rule.kind,
        on=rule.on,
        message_class=rule.message_class,
        priority=rule.priority,
        channels=rule.channels,
        attribution_window_s=int(rule.attribution_window.total_seconds()),
        credits_own_order=credits_own_order,
        goal=rule.goal,
        texts=rule.texts,
    )
