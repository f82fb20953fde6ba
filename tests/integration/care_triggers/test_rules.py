"""Rules: what a file may say, versions for each shop, and switching off."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from liquid import Environment

from care_triggers.edges.rules_file import SHIPPED, BadRules, read_rules, rules_hash
from care_triggers.edges.timers import rule_keeper, switched_off
from contracts import topics
from contracts.events import (
    Channel,
    Decision,
    MessageClass,
    MessagePlanned,
    MessageRecalled,
    Rule,
    Shop,
)

RULE = """\
version: 1
rules:
  - id: unpaid_first
    kind: unpaid_first
    on: true
    wait: 30m
    channels: [sms]
    priority: 80
    class: S
    texts:
      - {channel: sms, locale: zh, body: "{{ item }}"}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_rules_hold_the_four_kinds() -> None:
    rules = read_rules(SHIPPED)

    assert {rule.kind for rule in rules.values()} == set(rules)
    assert set(rules) == {"unpaid_first", "shipped", "bad_review", "birthday"}
    assert all(rule.on for rule in rules.values())
    assert rules["unpaid_first"].wait == timedelta(minutes=30)


LONGEST = {
    "zh": {"item": 10, "courier": 4, "name": 4, "offer": 10},
    "en": {"item": 20, "courier": 10, "name": 12, "offer": 20},
}
OF_BOTH = {"tail": 4, "cutoff": 5, "waybill": 15, "date": 6, "hours": 2, "part": 5}


def test_the_shipped_texts_stay_within_their_length_at_the_longest_values() -> None:
    for rule in read_rules(SHIPPED).values():
        marketing = rule.message_class is MessageClass.MARKETING
        for text in rule.texts:
            if text.channel is not Channel.SMS:
                continue
            sign = "字" if text.locale == "zh" else "x"
            values = {name: n * sign for name, n in {**LONGEST[text.locale], **OF_BOTH}.items()}
            body = Environment().from_string(text.body).render(**values)
            if text.locale == "zh":
                whole, limit = "【店铺】" + body + ("退订回T" if marketing else ""), 64
            else:
                whole, limit = (
                    "Shop: " + body + (" Reply STOP to opt out" if marketing else ""),
                    140,
                )
            assert len(whole) <= limit, (rule.rule_id, len(whole), whole)


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("wait: 30m", "weight: 30m", "line 6, rules[0].weight", "Extra inputs"),
        ("wait: 30m", "wait: 30", "line 6, rules[0].wait", "duration"),
        ("wait: 30m", "wait: soon", "line 6, rules[0].wait", "duration"),
        ("wait: 30m", "at: '09:30'", "line 6, rules[0].at", "not bound to a day"),
        ("wait: 30m", "at: 9", "line 6, rules[0].at", "an hour"),
        ("wait: 30m", "wait: 30m\n    wait: 40m", "line 7", "stands twice"),
        ("wait: 30m", "audience: order.amount_minor + 1", "rules[0].audience", "not yes or no"),
        ("wait: 30m", "audience: parcel.carrier == 'SF'", "rules[0].audience", "parcel"),
        ("wait: 30m", "unless: [paid, rain]", "rules[0].unless[1]", "'rain' is none of"),
        ("wait: 30m", "once: parcel", "rules[0].once", "once per order"),
        ("wait: 30m", "control_share: 0.05", "rules[0].control_share", "class M"),
        ("on: true", "on: yes", "line 5, rules[0].on", "bool"),
        ("priority: 80", "priority: '80'", "line 8, rules[0].priority", "integer"),
        ("class: S", "class: X", "line 9, rules[0].class", "'M', 'S' or 'T'"),
        ("[sms]", "[sms, email]", "rules[0].channels[1]", "no text for email"),
        ("{{ item }}", "{{ courier }}", "rules[0].texts[0].body", "unknown variable 'courier'"),
        ("{{ item }}", "{{ item", "rules[0].texts[0].body", "Liquid"),
        ("kind: unpaid_first", "kind: cart", "line 4, rules[0].kind", "Input should be"),
        ("version: 1", "version: 2", "line 1, version", "1"),
        ("version: 1", "- 1", "line", ""),
        ("rules:", "rules: &x", "line", ""),
        ("on: true", "? [a]\n    : true", "line 5", "no name"),
        ("wait: 30m", "wait: *x", "line", "alias"),
        ("wait: 30m", "priority: !!int abc\n    wait: 30m", "", ""),
    ],
)
def test_what_is_wrong_in_a_rule_file_is_named_by_its_place(
    tmp_path: Path, old: str, new: str, place: str, reason: str
) -> None:
    text = RULE.replace(old, new, 1)
    if new == "rules: &x":
        text = text.replace("wait: 30m", "wait: *x")

    with pytest.raises(BadRules) as wrong:
        read_rules(write(tmp_path, text))

    assert place in str(wrong.value)
    assert reason in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("text", ["", "[[[[", "\x00", "a: b: c", "rules: []", "[" * 20_000])
def test_what_is_no_rule_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRules) as wrong:
        read_rules(write(tmp_path, text))

    assert "\n" not in str(wrong.value)


def test_a_rule_stands_once_and_a_birthday_has_an_hour(tmp_path: Path) -> None:
    twice = RULE + RULE.split("rules:\n")[1]
    with pytest.raises(BadRules, match=r"rules\[1\]\.id: the id 'unpaid_first' stands twice"):
        read_rules(write(tmp_path, twice))

    daily = RULE.replace("kind: unpaid_first", "kind: birthday").replace("{{ item }}", "{{ name }}")
    with pytest.raises(BadRules, match=r"rules\[0\]\.wait: .* bound to a day"):
        read_rules(write(tmp_path, daily))
    with pytest.raises(BadRules, match="No such file"):
        read_rules(tmp_path / "none.yaml")
    with pytest.raises(BadRules, match="longer than"):
        read_rules(write(tmp_path, "#" * 1_000_001))


@pytest.mark.parametrize("fault", ["wait: 30m\n    colour: red", "audience: order.items"])
def test_a_service_with_a_bad_rule_file_ends_with_2_and_names_the_setting(
    tmp_path: Path, fault: str
) -> None:
    path = write(tmp_path, RULE.replace("wait: 30m", fault))
    env = {
        **os.environ,
        "HUILIU_ENVIRONMENT": "test",
        "HUILIU_DATABASE_URL": "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/huiliu",
        "HUILIU_KAFKA_SERVERS": "127.0.0.1:1",
        "HUILIU_TOKEN_SECRET": "0123456789abcdef0123456789abcdef",
        "HUILIU_DATA_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "HUILIU_RULES_FILE": str(path),
    }

    ended = subprocess.run(
        [sys.executable, "-m", "care_triggers.main", "serve"],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith(f"HUILIU_RULES_FILE: {path} line ")


async def keep(care: Any) -> None:
    step = rule_keeper(
        care.engine, care.house, lambda: None, care.rules, rules_hash(care.rules), limit=10
    )
    while await step():
        pass


async def test_a_new_shop_is_given_the_rules_with_its_first_record(care: Any) -> None:
    rules = await care.announced(Rule)

    assert {(one.rule_id, one.version) for one in rules} == {
        (name, 1) for name in ("unpaid_first", "shipped", "bad_review", "birthday")
    }
    assert {one.rule_id for one in rules if one.credits_own_order} == {"unpaid_first"}
    await care.feed(topics.SHOPS, Shop("tea", 2, "Tea", "UTC", "CNY", "CN", "zh", "茶"))
    await keep(care)
    await keep(care)
    assert len(await care.announced(Rule)) == 4


async def test_only_a_changed_content_makes_a_version_and_running_timers_keep_theirs(
    care: Any,
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now, "o-1"))
    unpaid = care.rules["unpaid_first"]
    care.rules["unpaid_first"] = replace(unpaid, wait=timedelta(minutes=10), priority=70)

    await keep(care)
    await care.feed(topics.ORDERS, care.placed(now, "o-2", lines=()))

    assert [(one.rule_id, one.version) for one in (await care.announced(Rule))[4:]] == [
        ("unpaid_first", 2)
    ]
    await care.advance(timedelta(minutes=10))
    assert await care.fire() == 1
    await care.advance(timedelta(minutes=20))
    assert await care.fire() == 1
    planned = {one.order_id: one for one in await care.announced(MessagePlanned)}
    assert (planned["o-1"].rule_version, planned["o-1"].priority) == (1, 80)
    assert (planned["o-2"].rule_version, planned["o-2"].priority) == (2, 70)


async def test_switching_a_rule_off_drops_what_is_pending(care: Any) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now - timedelta(minutes=29), "o-1", lines=()))
    await care.advance(timedelta(minutes=1))
    await care.fire()
    await care.feed(topics.ORDERS, care.placed(now, "o-2", lines=()))
    del care.rules["unpaid_first"]

    await keep(care)
    step = switched_off(care.engine, care.house, lambda: None, limit=10)
    assert await step() == 1
    assert await step() == 0

    assert await care.rows("select key from timer") == []
    assert [one.reason for one in await care.announced(MessageRecalled)] == ["rule_off"]
    reasons = [(one.once_key, one.result.value) for one in await care.announced(Decision)][1:]
    assert reasons == [("o-2", "skipped"), ("o-1", "recalled")]
    await care.feed(topics.ORDERS, care.placed(now, "o-3", lines=()))
    assert await care.rows("select key from timer") == []


async def test_a_timer_that_falls_due_under_a_rule_that_is_off_says_nothing(care: Any) -> None:
    await care.feed(topics.ORDERS, care.placed(await care.now()))
    del care.rules["unpaid_first"]
    await keep(care)
    await care.advance(timedelta(minutes=30))

    assert await care.fire() == 1
    assert await care.announced(MessagePlanned) == []
    assert [one.reason for one in await care.announced(Decision)] == ["rule_off"]


async def test_shops_of_before_get_the_rules_of_a_new_file(
    make_care: Callable[[], Awaitable[Any]],
) -> None:
    care = await make_care()
    care.rules.clear()
    await care.feed(
        topics.SHOPS, *(Shop(f"s{n}", 1, "S", "UTC", "CNY", "CN", "zh", "S") for n in range(5))
    )
    assert await care.announced(Rule) == []
    care.rules |= read_rules(SHIPPED)

    await keep(care)

    assert len(await care.announced(Rule)) == 20
