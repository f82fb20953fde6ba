"""The rule file: YAML, read strictly; what is wrong is named by its place and line."""

import hashlib
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import yaml
from liquid import Environment
from liquid.exceptions import LiquidError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from typing_extensions import override

from care.conditions import BadCondition
from care_triggers.domain import audience
from care_triggers.domain.kinds import FROM_NOTIFIER, KINDS, Kind
from care_triggers.domain.rule import FixedValue, Rule, TaskOrder, content_hash
from contracts.events import Channel, MessageClass, Text

SHIPPED: Final = Path(__file__).parent.parent / "rules" / "default.yaml"
MAX_BYTES: Final = 1_000_000

Place: TypeAlias = tuple[int | str, ...]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_CLASSES: Final = {
    "M": MessageClass.MARKETING,
    "S": MessageClass.SERVICE,
    "T": MessageClass.TRANSACTIONAL,
}


class BadRules(ValueError):
    """The rule file cannot be used; the text says where and why, in one line."""


def _duration(value: object) -> object:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a duration such as 30m, 24h or 3d is expected")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _hour(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('an hour such as "09:30" is expected, in quotes')
    return time.fromisoformat(value)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Hour = Annotated[time, BeforeValidator(_hour)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Text(_Strict):
    channel: Literal["sms", "email"]
    locale: Literal["zh", "en"]
    subject: str = Field("", max_length=200)
    body: str = Field(min_length=1, max_length=4_000)


class _Task(_Strict):
    team: Name
    due: Duration


class _Value(_Strict):
    zh: str = Field(max_length=200)
    en: str = Field(max_length=200)


class _Rule(_Strict):
    id: Name
    kind: Literal["unpaid_first", "shipped", "bad_review", "birthday"]
    on: bool
    wait: Duration = timedelta()
    at: Hour | None = None
    expires: Duration = timedelta(hours=24)
    unless: list[str] | None = None
    audience: str = Field("", max_length=2_000)
    once: str | None = None
    channels: list[Literal["sms", "email"]] = Field(min_length=1)
    priority: int = Field(ge=0, le=100)
    message_class: Literal["M", "S", "T"] = Field(alias="class")
    texts: list[_Text] = Field(min_length=1)
    control_share: float = Field(0.0, ge=0, le=0.5)
    attribution_window: Duration = timedelta(hours=24)
    goal: str = Field("", max_length=200)
    values: dict[Name, _Value] = Field(default_factory=dict)
    task: _Task | None = None


class _File(_Strict):
    version: Literal[1]
    rules: list[_Rule]


def read_rules(path: Path) -> dict[str, Rule]:
    """Return the file's rules by id.

    Raises:
        BadRules: It cannot be read, is no such file, or holds a rule that could not work: an
            unknown field, a wrong type, a condition that is not boolean, an unknown variable.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRules(f"{path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise BadRules(f"{path}: longer than {MAX_BYTES} bytes")
    node, body = _parse(path, raw)
    try:
        file = _File.model_validate(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        reason = wrong["msg"].removeprefix("Value error, ")
        raise _bad(path, node, wrong["loc"], reason) from None
    rules: dict[str, Rule] = {}
    for place, one in enumerate(file.rules):
        rule = _rule(one)
        fault = _duplicate(rule, rules) or _fault(one, rule, KINDS[rule.kind])
        if fault is not None:
            raise _bad(path, node, ("rules", place, *fault[0]), fault[1])
        rules[rule.rule_id] = rule
    return rules


def rules_hash(rules: Mapping[str, Rule]) -> str:
    """Return what tells one file's rules from another's."""
    hashes = {name: content_hash(rule) for name, rule in rules.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


class _Loader(yaml.SafeLoader):
    """YAML without its traps: `on` is a name, a key stands once, there are no aliases."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not taken", None)
        return super().compose_node(parent, index)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that is no name or stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


# Only these are yes and no; "on", "off", "y" and 12:30 (a number, to YAML 1.1) stay texts.
_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?[0-9]+$"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?[0-9]+\.[0-9]+$"), list("-0123456789")
)


def _parse(path: Path, raw: bytes) -> tuple[yaml.Node | None, Any]:
    try:
        loader = _Loader(raw)
        try:
            node = loader.get_single_node()
            body = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadRules(f"{path} line {line}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadRules(f"{path}: no YAML ({type(error).__name__})") from None
    return node, body


def _rule(one: _Rule) -> Rule:
    kind = KINDS[one.kind]
    return Rule(
        rule_id=one.id,
        kind=one.kind,
        on=one.on,
        version=0,
        message_class=_CLASSES[one.message_class],
        priority=one.priority,
        channels=tuple(Channel(channel) for channel in one.channels),
        texts=tuple(Text(Channel(t.channel), t.locale, t.body, t.subject) for t in one.texts),
        wait=one.wait,
        at=one.at,
        expires=one.expires,
        unless=kind.unless if one.unless is None else tuple(one.unless),
        audience=one.audience,
        once=kind.once if one.once is None else one.once,
        control_share=one.control_share,
        attribution_window=one.attribution_window,
        goal=one.goal,
        values=tuple(FixedValue(name, v.zh, v.en) for name, v in sorted(one.values.items())),
        task=TaskOrder(one.task.team, one.task.due) if one.task else None,
    )


def _duplicate(rule: Rule, rules: dict[str, Rule]) -> tuple[Place, str] | None:
    return (("id",), f"the id {rule.rule_id!r} stands twice") if rule.rule_id in rules else None


def _fault(one: _Rule, rule: Rule, kind: Kind) -> tuple[Place, str] | None:
    """Return the place inside the rule and what is wrong there."""
    if rule.once != kind.once:
        return ("once",), f"the kind {kind.name} is said once per {kind.once}"
    for place, name in enumerate(rule.unless):
        if name not in kind.unless:
            return ("unless", place), f"{name!r} is none of {', '.join(kind.unless)}"
    if kind.by_the_day and one.wait:
        return ("wait",), f"the kind {kind.name} is bound to a day: use `at`"
    if rule.at is not None and not kind.by_the_day:
        return ("at",), f"the kind {kind.name} is not bound to a day: use `wait`"
    if rule.control_share and rule.message_class is not MessageClass.MARKETING:
        return ("control_share",), "only rules of class M hold people out"
    return _bad_condition(rule, kind) or _bad_texts(rule, kind)


def _bad_condition(rule: Rule, kind: Kind) -> tuple[Place, str] | None:
    try:
        if rule.audience:
            audience.condition(rule.audience, tuple(kind.types.items()))
    except BadCondition as error:
        return ("audience",), str(error)
    return None


def _bad_texts(rule: Rule, kind: Kind) -> tuple[Place, str] | None:
    allowed = {*kind.variables, *FROM_NOTIFIER, *(value.name for value in rule.values)}
    for place, text in enumerate(rule.texts):
        for part, template in (("body", text.body), ("subject", text.subject)):
            reason = _bad_template(template, allowed)
            if reason is not None:
                return ("texts", place, part), reason
    said = {text.channel for text in rule.texts}
    for place, channel in enumerate(rule.channels):
        if channel not in said:
            return ("channels", place), f"there is no text for {channel.value}"
    return None


def _bad_template(template: str, allowed: set[str]) -> str | None:
    try:
        used = Environment().from_string(template).analyze().globals
    except LiquidError as error:
        return f"not a Liquid text: {error.message}"
    unknown = sorted(set(used) - allowed)
    if not unknown:
        return None
    return f"unknown variable {unknown[0]!r}; there are {', '.join(sorted(allowed))}"


def _bad(path: Path, node: yaml.Node | None, place: Place, reason: str) -> BadRules:
    named = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place)
    return BadRules(f"{path} line {_line(node, place)}, {named.lstrip('.') or 'file'}: {reason}")


def _line(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """Return the line of the deepest part of *place* that the file has."""
    line = 1
    for one in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(one, int) and one < len(node.value):
            node = node.value[one]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == one), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        else:
            break
    return line
