"""From JSON to a checked filter: whatever is wrong is told with its place and what would be right.

`{"and": [...]}`, `{"or": [...]}`, `{"not": {...}}`, and conditions such as
`{"field": "net_money", "window_days": 90, "gte": 100000}`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from contracts.events import AttributeType
from segmenter.domain.audience.fields import (
    ATTRIBUTE,
    FIELDS,
    OPERATORS,
    SPAN,
    Field,
    Kind,
    attribute_field,
)
from segmenter.domain.audience.tree import (
    EVER,
    Comparison,
    Group,
    Leaf,
    Node,
    Not,
    Question,
    Span,
    Value,
)
from segmenter.domain.audience.values import (
    DAY,
    LISTS,
    MOST_IN_LIST,
    PAIRS,
    TEXT,
    WINDOW,
    Reader,
    reader_of,
)

MOST_NODES: Final = 200
DEEPEST: Final = 5
MOST_EXCLUDED: Final = 10
MOST_FAULTS: Final = 50

# A key is quoted when it looks like a field's name; others may hold somebody's number.
_NAME: Final = re.compile(r"(?!.*[0-9]{5})[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NOTHING: Final = Comparison("", "")  # for what was refused: the whole filter will be


@dataclass(frozen=True, slots=True)
class Fault:
    path: str  # JSON pointer
    code: str
    hint: str


class BadFilter(Exception):
    """What is wrong with a filter: all faults, up to `MOST_FAULTS`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the filter is not one that can be judged")
        self.faults = tuple(faults)


def parse(
    chosen: object, excluded: Sequence[object] = (), own: Mapping[str, AttributeType] | None = None
) -> Question:
    """Return the question that *chosen* and *excluded* ask, or raise `BadFilter`.

    Args:
        chosen: The filter, as JSON has it; faults call it `/filter`.
        excluded: Filters of whom to leave out; `/exclude/0` and so on.
        own: The shop's own attributes.
    """
    reading = _Reading(own or {})
    if len(excluded) > MOST_EXCLUDED:
        reading.blame("/exclude", "too_many", f"at most {MOST_EXCLUDED} filters")
        raise BadFilter(reading.faults)
    node = reading.node(chosen, "/filter", 0)
    parts = [reading.node(one, f"/exclude/{n}", 0) for n, one in enumerate(excluded)]
    if reading.faults:
        raise BadFilter(reading.faults[:MOST_FAULTS])
    return Question(node, tuple(parts))


@dataclass(slots=True)
class _Reading:
    own: Mapping[str, AttributeType]
    faults: list[Fault] = field(default_factory=list)
    nodes: int = 0

    def blame(self, path: str, code: str, hint: str) -> None:
        self.faults.append(Fault(path, code, hint))

    def node(self, given: object, path: str, depth: int) -> Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:  # do not read on: there may be very many
            self.blame(path, "too_many", f"at most {MOST_NODES} conditions and groups in all")
            raise BadFilter(self.faults[-MOST_FAULTS:])
        if not isinstance(given, dict):
            self.blame(path, "type", "an object is expected: a condition, and, or, not")
        elif "field" in given:
            return self._leaf(given, path)
        elif len(given) != 1 or not given.keys() <= {"and", "or", "not"}:
            self.blame(path, "unknown", "exactly one of and, or, not; or a condition with field")
        elif depth == DEEPEST:
            self.blame(path, "too_deep", f"and, or, not nest to a depth of {DEEPEST}")
        elif "not" in given:
            return Not(path, self.node(given["not"], f"{path}/not", depth + 1))
        else:
            return self._group("and" if "and" in given else "or", given, path, depth)
        return Group(path, "and", ())

    def _group(
        self, operator: Literal["and", "or"], given: dict[str, Any], path: str, depth: int
    ) -> Node:
        parts = given[operator]
        if not isinstance(parts, list) or not parts:
            hint = "a list of at least one condition or group is expected"
            self.blame(f"{path}/{operator}", "type", hint)
            return Group(path, operator, ())
        read = [
            self.node(part, f"{path}/{operator}/{n}", depth + 1) for n, part in enumerate(parts)
        ]
        return Group(path, operator, tuple(read))

    def _leaf(self, given: dict[str, Any], path: str) -> Leaf:
        asked = self._field(given, path)
        if asked is None:
            return Leaf(path, FIELDS["sample"], ())
        operators = OPERATORS[asked.kind]
        known = {"field", *operators, *asked.picks, *(SPAN if asked.spans else ())}
        known |= {"salt"} if asked.kind is Kind.SAMPLE else set()
        known |= {"name"} if asked.name == ATTRIBUTE else set()
        for key in given.keys() - known:
            shown = key if _NAME.fullmatch(key) else "*"
            self.blame(f"{path}/{shown}", "unknown", "one of " + ", ".join(sorted(known)))
        tests = [self._test(asked, one, given[one], path) for one in operators if one in given]
        if not tests:
            self.blame(path, "missing", "at least one of " + ", ".join(operators))
        picks = [
            (one, self._list(TEXT, given[one], f"{path}/{one}"))
            for one in asked.picks
            if one in given
        ]
        return Leaf(
            path,
            asked,
            tuple(tests),
            self._span(given, path) if asked.spans else EVER,
            self._name(asked, given, path),
            tuple((one, tuple(str(text) for text in texts)) for one, texts in picks),
        )

    def _field(self, given: dict[str, Any], path: str) -> Field | None:
        name = given["field"]
        if name != ATTRIBUTE:
            found = FIELDS.get(name) if isinstance(name, str) else None
            if found is None:
                self.blame(f"{path}/field", "unknown", "one of " + ", ".join((*FIELDS, ATTRIBUTE)))
            return found
        own = given.get("name")
        if not isinstance(own, str) or own not in self.own:
            self.blame(f"{path}/name", "unknown", "an attribute that the shop has defined")
            return None
        return attribute_field(own, self.own[own])

    def _name(self, asked: Field, given: dict[str, Any], path: str) -> str:
        if asked.name == ATTRIBUTE:
            return str(given["name"])
        if asked.kind is Kind.SAMPLE and "salt" in given:
            return str(self._value(TEXT, given["salt"], f"{path}/salt"))
        return ""

    def _test(self, asked: Field, operator: str, given: object, path: str) -> Comparison:
        reader, path = reader_of(asked, operator), f"{path}/{operator}"
        if operator in LISTS:
            return Comparison(operator, self._list(reader, given, path))
        if operator in PAIRS:
            if not isinstance(given, list) or len(given) != 2:
                self.blame(path, "type", f"a list of two is expected, each {reader.wanted}")
                return _NOTHING
            return Comparison(operator, self._list(reader, given, path))
        return Comparison(operator, self._value(reader, given, path))

    def _list(self, reader: Reader, given: object, path: str) -> Any:
        if not isinstance(given, list) or not 0 < len(given) <= MOST_IN_LIST:
            self.blame(path, "type", f"a list of 1 to {MOST_IN_LIST}, each {reader.wanted}")
            return ()
        return tuple(self._value(reader, one, f"{path}/{n}") for n, one in enumerate(given))

    def _value(self, reader: Reader, given: object, path: str) -> Value:
        read = reader.read(given)
        if read is None:
            self.blame(path, "type", f"{reader.wanted} is expected")
            return ""
        return read

    def _span(self, given: dict[str, Any], path: str) -> Span:
        if "window_days" in given:
            if "from_day" in given or "to_day" in given:
                self.blame(f"{path}/window_days", "ambiguous", "either window_days, or two days")
            days = self._value(WINDOW, given["window_days"], f"{path}/window_days")
            return Span(window_days=days) if isinstance(days, int) else EVER
        found: dict[str, Any] = {
            one: self._value(DAY, given[one], f"{path}/{one}")
            for one in ("from_day", "to_day")
            if one in given
        }
        first, last = found.get("from_day"), found.get("to_day")
        if first and last and first > last:
            self.blame(f"{path}/to_day", "order", "not before from_day")
        return Span(**{one: day or None for one, day in found.items()})
