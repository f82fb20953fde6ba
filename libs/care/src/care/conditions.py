"""Conditions that a shop writes: CEL over flat typed variables, checked when they are saved.

The engine stands behind `Condition`, so that another can take its place. Its traps: a failed
evaluation is a value, not an exception, and that value's plain form is a truthy text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cel_expr_python import cel  # type: ignore[import-untyped]  # stubs, but no marker
from typing_extensions import override

LONGEST: Final = 2_000

_TYPES: Final = {
    bool: cel.Type.BOOL,
    int: cel.Type.INT,
    str: cel.Type.STRING,
    float: cel.Type.DOUBLE,
}


class BadCondition(ValueError):
    """A condition that does not compile, or does not answer yes or no."""


class Condition(Protocol):
    @property
    def text(self) -> str: ...

    def holds(self, values: Mapping[str, object]) -> bool:
        """Return whether the condition is true of *values*.

        Only true is: a failure, such as a missing value or a division by zero, is no match.
        """


@dataclass(frozen=True, slots=True)
class _Cel(Condition):
    _text: str
    _expression: cel.Expression

    @property
    @override
    def text(self) -> str:
        return self._text

    @override
    def holds(self, values: Mapping[str, object]) -> bool:
        answer = self._expression.eval(data=dict(values))
        return bool(answer.type().name() == "BOOL" and answer.plain_value() is True)


def compile_condition(text: str, variables: Mapping[str, type]) -> Condition:
    """Return the condition that *text* says over *variables*.

    Args:
        text: CEL; at most 2,000 characters.
        variables: The type of each by its whole name, `customer.cell` say: bool, int, str, float.

    Raises:
        BadCondition: A syntax error, an unknown variable, types that do not fit, or an answer
            that is not certain to be a boolean. Its text is one line.
    """
    if len(text) > LONGEST:
        raise BadCondition(f"longer than {LONGEST} characters")
    env = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables.items()})
    try:
        expression = env.compile(text)
    except (RuntimeError, TypeError) as error:
        # The binding throws both: the first for what CEL refuses, the second for no UTF-8.
        raise BadCondition(_first_line(error)) from error
    if expression.return_type().name() != "BOOL":
        raise BadCondition(f"answers {expression.return_type().name()}, not yes or no")
    return _Cel(text, expression)


def _first_line(error: Exception) -> str:
    if isinstance(error, TypeError):
        return "not a text"
    return str(error).splitlines()[0].removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")
