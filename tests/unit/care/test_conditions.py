"""Conditions that shops write: refused when saved, or a plain yes or no."""

import pytest

from care.conditions import BadCondition, compile_condition

VARIABLES = {
    "order.amount_minor": int,
    "customer.cell": str,
    "customer.known": bool,
    "order.share": float,
}
VALUES: dict[str, object] = {
    "order.amount_minor": 10_001,
    "customer.cell": "lost",
    "customer.known": True,
    "order.share": 0.5,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order.amount_minor > 10000", True),
        ("order.amount_minor > 10001", False),
        ("customer.cell in ['lost', 'fading_low'] && customer.known", True),
        ("order.share >= 0.5", True),
        pytest.param("order.amount_minor / 0 > 1", False, id="a failure is no match"),
        pytest.param("customer.cell.matches('(')", False, id="a bad pattern is no match"),
        pytest.param("1 / 0 > 1 || customer.known", True, id="a failure that decides nothing"),
    ],
)
def test_a_condition_answers_yes_or_no(text: str, expected: bool) -> None:
    condition = compile_condition(text, VARIABLES)

    assert condition.holds(VALUES) is expected
    assert condition.text == text


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="missing"),
        pytest.param({"order.amount_minor": None}, id="unknown"),
        pytest.param({"order.amount_minor": "10001"}, id="of another type"),
        pytest.param({"order.amount_minor": 2**70}, id="out of range"),
    ],
)
def test_a_value_that_does_not_fit_is_no_match(values: dict[str, object]) -> None:
    assert not compile_condition("order.amount_minor > 1", VARIABLES).holds(values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("order.amuont_minor > 1", "undeclared reference", id="a typo"),
        pytest.param("order.amount_minor >", "Syntax error", id="half a sentence"),
        pytest.param("order.amount_minor", "answers INT", id="a number"),
        pytest.param("customer.cell", "answers STRING", id="a text"),
        pytest.param("dyn(customer.known)", "answers DYN", id="anything"),
        pytest.param("customer.cell > 1", "no matching overload", id="text against number"),
        pytest.param("(" * 200 + "true" + ")" * 200, "recursion", id="too deep"),
        pytest.param("true" + " " * 2_000, "longer than", id="too long"),
        pytest.param("customer.cell == '\ud800'", "not a text", id="half a character"),
    ],
)
def test_a_bad_condition_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(BadCondition, match=reason) as refused:
        compile_condition(text, VARIABLES)

    assert "\n" not in str(refused.value)
