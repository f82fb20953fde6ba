"""A filter in words, English and Chinese: what a condition asks, for people."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from segmenter.domain.audience.fields import Field, Kind
from segmenter.domain.audience.tree import EVER, Comparison, Leaf, Node, Not, Span, Value

Language: TypeAlias = Literal["en", "zh"]

_TESTS: Final[Mapping[Language, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "eq": "is {}",
            "in": "is one of {}",
            "contains": "contains {}",
            "starts_with": "starts with {}",
            "gte": "at least {}",
            "gt": "more than {}",
            "lte": "at most {}",
            "lt": "less than {}",
            "min_days_ago": "{} days ago or earlier",
            "max_days_ago": "{} days ago or later",
            "between": "from {} to {}",
            "any": "any of {}",
            "all": "all of {}",
            "percent": "{} %",
        },
        "zh": {
            "eq": "是{}",
            "in": "是{}之一",
            "contains": "包含{}",
            "starts_with": "以{}开头",
            "gte": "不少于{}",
            "gt": "大于{}",
            "lte": "不超过{}",
            "lt": "小于{}",
            "min_days_ago": "在{}天前或更早",
            "max_days_ago": "在最近{}天内",
            "between": "从{}到{}",
            "any": "有{}之一",
            "all": "同时有{}",
            "percent": "{}%",
        },
    }
)
_DAY_TESTS: Final[Mapping[Language, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "gte": "on or after {}",
            "gt": "after {}",
            "lte": "on or before {}",
            "lt": "before {}",
        },
        "zh": {"gte": "不早于{}", "gt": "晚于{}", "lte": "不晚于{}", "lt": "早于{}"},
    }
)
_MISSING: Final = {
    "en": {True: "is unknown", False: "is known"},
    "zh": {True: "未知", False: "已知"},
}
_BOOLEAN: Final = {
    "en": {True: "(yes)", False: "(no)"},
    "zh": {True: "（是）", False: "（否）"},
}
_JOINTS: Final = {
    "en": {"and": " and ", "or": " or ", "not": "not ({})", "list": ", ", "gap": " "},
    "zh": {"and": "，且", "or": "，或", "not": "不满足（{}）", "list": "、", "gap": ""},
}


def words(node: Node, language: Language) -> str:
    """Return what *node* asks."""
    joints = _JOINTS[language]
    if isinstance(node, Leaf):
        return _leaf(node, language)
    if isinstance(node, Not):
        return joints["not"].format(words(node.part, language))
    return joints[node.operator].join(_within(part, language) for part in node.parts)


def _within(node: Node, language: Language) -> str:
    told = words(node, language)
    if isinstance(node, Leaf | Not) or len(node.parts) == 1:
        return told
    return f"({told})" if language == "en" else f"（{told}）"


def _leaf(leaf: Leaf, language: Language) -> str:
    joints = _JOINTS[language]
    told = [leaf.field.en if language == "en" else leaf.field.zh]
    told += [joints["list"].join(texts) for _, texts in leaf.picks]
    if leaf.span != EVER:
        told.append(_span(leaf.span, language))
    tests = joints["and"].join(_test(test, leaf.field, language) for test in leaf.tests)
    return joints["gap"].join([*told, tests])


def _test(test: Comparison, field: Field, language: Language) -> str:
    if test.operator == "is_missing":
        return _MISSING[language][bool(test.value)]
    value = test.value
    if field.kind is Kind.BOOLEAN:
        return _BOOLEAN[language][bool(value)]
    if field.kind is Kind.SAMPLE and isinstance(value, int):
        return _TESTS[language]["percent"].format(f"{value / 100:g}")
    template = _TESTS[language][test.operator]
    if field.kind is Kind.DAY:
        template = _DAY_TESTS[language].get(test.operator, template)
    if test.operator == "between" and isinstance(value, tuple):
        return template.format(*(_value(one, field, language) for one in value))
    return template.format(_value(value, field, language))


def _value(value: Value, field: Field, language: Language) -> str:
    if isinstance(value, tuple):
        return _JOINTS[language]["list"].join(_value(one, field, language) for one in value)
    if field.kind is Kind.MONTH_DAY and isinstance(value, int):
        return f"{value // 100:02}-{value % 100:02}"
    if field.kind is Kind.MONEY and isinstance(value, int):
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _span(span: Span, language: Language) -> str:
    if span.window_days is not None:
        days = span.window_days
        return f"in the last {days} days" if language == "en" else f"最近{days}天"
    first, last = span.from_day or "…", span.to_day or "…"
    return f"from {first} to {last}" if language == "en" else f"{first}至{last}"
