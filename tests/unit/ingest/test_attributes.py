"""A shop's own attributes: what fits them, and how values travel."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.events import AttributeType, OwnAttribute
from ingest.domain.attributes import Value, faults, printed
from ingest.edges.native_types import OwnValue

CUTS = ("slim", "wide")
DEFINED = (
    OwnAttribute("note", AttributeType.TEXT),
    OwnAttribute("height", AttributeType.NUMBER),
    OwnAttribute("met", AttributeType.DATE),
    OwnAttribute("vip", AttributeType.BOOLEAN),
    OwnAttribute("cut", AttributeType.CHOICE, "版型", CUTS),
    OwnAttribute("cuts", AttributeType.CHOICES, "版型", CUTS),
)


@pytest.mark.parametrize(
    ("value", "travels"),
    [
        ("M", "M"),
        ("", ""),
        (None, ""),
        ([], ""),
        (True, "true"),
        (False, "false"),
        (172, "172"),
        (-0, "0"),
        (100, "100"),
        (Decimal("172.50"), "172.5"),
        (Decimal("-0.0"), "0"),
        (Decimal("1E+2"), "100"),
        (Decimal("100.0"), "100"),
        (["slim", "宽"], '["slim", "宽"]'),
    ],
)
def test_a_value_travels_printed(value: Value, travels: str) -> None:
    assert printed(value) == travels


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", "spoke of her son"),
        ("height", 172),
        ("height", Decimal("172.5")),
        ("met", "2024-02-29"),
        ("vip", False),
        ("cut", "slim"),
        ("cuts", ["wide", "slim"]),
        *((one.name, None) for one in DEFINED),
        *((one.name, "") for one in DEFINED),
    ],
)
def test_a_value_of_its_type_fits_and_each_can_be_taken_away(name: str, value: Value) -> None:
    assert [*faults(DEFINED, [(name, value)])] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", 1),
        ("note", True),
        ("height", "172"),
        ("height", True),
        ("met", "2023-02-29"),
        ("met", "20240229"),
        ("met", 20240229),
        ("vip", "true"),
        ("vip", 1),
        ("cut", "narrow"),
        ("cut", ["slim"]),
        ("cuts", "slim"),
        ("cuts", ["slim", "narrow"]),
        ("cuts", ["slim", "slim"]),
    ],
)
def test_a_value_of_another_type_does_not_fit(name: str, value: Value) -> None:
    [(place, code, message)] = faults(DEFINED, [("note", "good"), (name, value)])

    assert (place, code) == (1, "type")
    assert message.endswith("expected") or "expected, as" in message


def test_a_name_that_the_shop_has_not_defined_is_unknown() -> None:
    [(place, code, _)] = faults(DEFINED, [("weight", 60)])

    assert (place, code) == (0, "unknown")


READ: TypeAdapter[Value] = TypeAdapter(OwnValue)


def test_a_fraction_is_read_as_it_was_written() -> None:
    assert printed(READ.validate_json("172.1")) == "172.1"
    assert printed(READ.validate_python(Decimal("0.001"))) == "0.001"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({}, "type"),
        (["a"] * 51, "type"),
        ([1], "type"),
        ("a" * 201, "range"),
        ("a\x00", "range"),
        (["a" * 201], "range"),
        (10**12, "range"),
        (-(10**12), "range"),
        (Decimal("1e400"), "range"),
        (Decimal("0.0001"), "range"),
        (float("nan"), "range"),
        (float("inf"), "range"),
    ],
)
def test_what_no_attribute_can_hold_is_refused(value: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        READ.validate_python(value)

    assert caught.value.errors()[0]["type"] == code
