"""From JSON to a checked filter, and what is told of one that is wrong."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.events import AttributeType
from segmenter.domain.audience.fields import FIELDS, OPERATORS, attribute_field
from segmenter.domain.audience.parse import MOST_FAULTS, MOST_NODES, BadFilter, parse
from segmenter.domain.audience.tree import (
    BEGINNING,
    EVER,
    Comparison,
    Group,
    Leaf,
    Not,
    Span,
    Value,
    walk,
)

OWN = {"size": AttributeType.CHOICE, "height": AttributeType.NUMBER}
BOUGHT: dict[str, Any] = {"field": "orders", "gte": 1}


def faults(given: object, *excluded: object) -> list[tuple[str, str]]:
    with pytest.raises(BadFilter) as caught:
        parse(given, excluded, OWN)
    return [(one.path, one.code) for one in caught.value.faults]


def leaf(**given: Any) -> Leaf:
    chosen = parse(given, (), OWN).chosen
    assert isinstance(chosen, Leaf)
    return chosen


def test_a_tree_keeps_its_shape_and_the_places_of_its_parts() -> None:
    question = parse({"and": [BOUGHT, {"not": {"or": [BOUGHT]}}]}, [BOUGHT], OWN)

    assert isinstance(question.chosen, Group)
    assert isinstance(question.chosen.parts[1], Not)
    assert [node.path for node in walk(question.chosen)] == [
        "/filter",
        "/filter/and/0",
        "/filter/and/1",
        "/filter/and/1/not",
        "/filter/and/1/not/or/0",
    ]
    assert [node.path for node in question.excluded] == ["/exclude/0"]


@pytest.mark.parametrize(
    ("given", "operator", "value"),
    [
        ({"field": "country", "eq": "CN"}, "eq", "CN"),
        ({"field": "cell", "in": ["lost"]}, "in", ("lost",)),
        ({"field": "net_money", "gt": -1}, "gt", -1),
        ({"field": "last_payment", "lte": "2026-02-28"}, "lte", date(2026, 2, 28)),
        ({"field": "last_payment", "min_days_ago": 7}, "min_days_ago", 7),
        ({"field": "birthday", "between": ["12-20", "01-05"]}, "between", (1220, 105)),
        ({"field": "has_mobile", "eq": False}, "eq", False),
        ({"field": "age", "is_missing": True}, "is_missing", True),
        ({"field": "sample", "percent": 0.5}, "percent", 50),
        ({"field": "bought_on", "any": ["2026-11-11"]}, "any", (date(2026, 11, 11),)),
        ({"field": "attribute", "name": "size", "eq": "L"}, "eq", "L"),
        ({"field": "attribute", "name": "height", "lt": 1.75}, "lt", Decimal("1.75")),
    ],
)
def test_values_are_read_as_their_field_has_them(
    given: dict[str, Any], operator: str, value: Value
) -> None:
    assert leaf(**given).tests == (Comparison(operator, value),)


def test_a_condition_may_have_several_bounds_and_a_span() -> None:
    found = leaf(field="net_money", gte=1, lt=9, window_days=90)
    assert found.tests == (Comparison("gte", 1), Comparison("lt", 9))
    assert found.span == Span(window_days=90)
    assert leaf(field="orders", gte=1, from_day="2026-01-01").span.from_day == date(2026, 1, 1)
    assert leaf(field="sample", percent=1, salt="a").name == "a"
    assert leaf(field="items", sku=["a", "b"], gte=1).picks == (("sku", ("a", "b")),)


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ([], "/filter", "type"),
        ({}, "/filter", "unknown"),
        ({"and": [BOUGHT], "or": [BOUGHT]}, "/filter", "unknown"),
        ({"and": []}, "/filter/and", "type"),
        ({"or": {}}, "/filter/or", "type"),
        ({"not": 1}, "/filter/not", "type"),
        ({"field": "nothing"}, "/filter/field", "unknown"),
        ({"field": ["orders"]}, "/filter/field", "unknown"),
        ({"field": "orders"}, "/filter", "missing"),
        ({"field": "orders", "gte": 1, "salt": "x"}, "/filter/salt", "unknown"),
        ({"field": "orders", "gte": 1, "13800138000": 1}, "/filter/*", "unknown"),
        ({"field": "gender", "eq": "female", "window_days": 3}, "/filter/window_days", "unknown"),
        ({"field": "orders", "gte": "1"}, "/filter/gte", "type"),
        ({"field": "orders", "gte": True}, "/filter/gte", "type"),
        ({"field": "orders", "gte": 10**16}, "/filter/gte", "type"),
        ({"field": "cell", "eq": "rich"}, "/filter/eq", "type"),
        ({"field": "country", "eq": ""}, "/filter/eq", "type"),
        ({"field": "country", "eq": "a\x00"}, "/filter/eq", "type"),
        ({"field": "country", "in": "CN"}, "/filter/in", "type"),
        ({"field": "country", "in": ["CN", 1]}, "/filter/in/1", "type"),
        ({"field": "last_payment", "gte": 20260101}, "/filter/gte", "type"),
        ({"field": "last_payment", "gte": "2026-02-30"}, "/filter/gte", "type"),
        ({"field": "last_payment", "gte": "1800-01-01"}, "/filter/gte", "type"),
        ({"field": "last_payment", "min_days_ago": -1}, "/filter/min_days_ago", "type"),
        ({"field": "birthday", "eq": 1}, "/filter/eq", "type"),
        ({"field": "birthday", "eq": "13-01"}, "/filter/eq", "type"),
        ({"field": "birthday", "between": ["01-01"]}, "/filter/between", "type"),
        ({"field": "birthday", "between": "01-01"}, "/filter/between", "type"),
        ({"field": "has_mobile", "eq": 1}, "/filter/eq", "type"),
        ({"field": "sample", "percent": 0.001}, "/filter/percent", "type"),
        ({"field": "sample", "percent": "10"}, "/filter/percent", "type"),
        ({"field": "sample", "percent": True}, "/filter/percent", "type"),
        ({"field": "sample", "percent": 101}, "/filter/percent", "type"),
        ({"field": "sample", "percent": 1, "salt": 1}, "/filter/salt", "type"),
        ({"field": "attribute", "eq": "L"}, "/filter/name", "unknown"),
        ({"field": "attribute", "name": "shoe", "eq": "L"}, "/filter/name", "unknown"),
        (
            {"field": "attribute", "name": "height", "eq": float("inf")},
            "/filter/eq",
            "type",
        ),
        ({"field": "orders", "gte": 1, "window_days": 0}, "/filter/window_days", "type"),
        (
            {"field": "orders", "gte": 1, "window_days": 7, "to_day": "2026-01-01"},
            "/filter/window_days",
            "ambiguous",
        ),
        (
            {"field": "orders", "gte": 1, "from_day": "2026-01-02", "to_day": "2026-01-01"},
            "/filter/to_day",
            "order",
        ),
        ({"field": "orders", "gte": 1, "from_day": "soon"}, "/filter/from_day", "type"),
        ({"field": "items", "sku": [], "gte": 1}, "/filter/sku", "type"),
    ],
)
def test_a_fault_is_told_with_its_place(given: object, path: str, code: str) -> None:
    assert faults(given) == [(path, code)]


def test_all_faults_are_told_at_once_up_to_a_bound() -> None:
    bad = {"field": "orders", "gte": "x"}
    assert faults({"and": [bad, BOUGHT, bad]}, bad) == [
        ("/filter/and/0/gte", "type"),
        ("/filter/and/2/gte", "type"),
        ("/exclude/0/gte", "type"),
    ]
    assert len(faults({"and": [bad] * 150})) == MOST_FAULTS


def test_nesting_ends_at_five() -> None:
    given = BOUGHT
    for _ in range(5):
        given = {"not": given}
    parse(given)

    assert faults({"and": [given]}) == [("/filter/and/0/not/not/not/not", "too_deep")]


def test_very_many_conditions_are_not_read_to_the_end() -> None:
    parse({"and": [BOUGHT] * (MOST_NODES - 1)})

    place = f"/filter/and/{MOST_NODES - 1}"
    assert faults({"and": [BOUGHT] * 1_000_000}) == [(place, "too_many")]
    assert faults(BOUGHT, *[BOUGHT] * 11) == [("/exclude", "too_many")]


def test_spans_end_today_at_the_latest() -> None:
    today = date(2026, 3, 1)
    ahead = Span(from_day=date(2026, 2, 1), to_day=date(2026, 4, 1))

    assert EVER.days(today) == (BEGINNING, today)
    assert Span(window_days=1).days(today) == (today, today)
    assert ahead.days(today) == (date(2026, 2, 1), today)


def test_every_type_of_attribute_and_every_field_can_be_asked() -> None:
    for of in AttributeType:
        assert OPERATORS[attribute_field("x", of).kind]
    assert all(OPERATORS[field.kind] for field in FIELDS.values())
