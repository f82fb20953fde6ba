"""A checked filter as SQL: one statement, and nothing of a user's in it but bound values.

Every test is closed: unknown becomes false at once, so `and`, `or`, `not` never meet a null.
Orders are added up once for all spans that a filter names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from segmenter.domain.audience.fields import ATTRIBUTE, Kind
from segmenter.domain.audience.tree import EVER, Group, Leaf, Node, Not, Question, Span, Test, walk
from segmenter.edges.audience import columns

_COMPARE: Final = {"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
_TYPES: Final = {
    Kind.TEXT: "text",
    Kind.CHOICE: "text",
    Kind.NUMBER: "bigint",
    Kind.DECIMAL: "numeric",
    Kind.MONEY: "numeric",
    Kind.DAY: "date",
    Kind.MONTH_DAY: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.WORDS: "text",
    Kind.ON_DAYS: "date",
    Kind.SAMPLE: "bigint",
}


@dataclass(frozen=True, slots=True)
class Today:
    """The shop, and the day for which its live cells are true."""

    shop_id: str
    zone: str
    day: date


@dataclass(slots=True)
class Compiled:
    """What a question comes to.

    Args:
        source: From what, with `where`.
        member: The condition of being meant.
        conditions: Of every node of the question, by its path.
        values: What is bound.
    """

    source: str
    member: str
    conditions: Mapping[str, str]
    values: Mapping[str, Any]


def compile_question(question: Question, today: Today, *, only: bool = False) -> Compiled:
    """Return the SQL of *question*.

    Args:
        question: Checked.
        today: What "the last so many days" end with.
        only: Whether just the customers of the bound list `only` are asked about.
    """
    work = _Work(today)
    nodes = (question.chosen, *question.excluded)
    conditions = {node.path: work.node(node) for part in nodes for node in walk(part)}
    member = work.node(question.chosen)
    for node in question.excluded:
        member = f"({member} and not {work.node(node)})"
    return Compiled(work.source(only=only), member, conditions, work.values)


@dataclass(slots=True)
class _Work:
    today: Today
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[Span, int] = field(default_factory=dict)
    sums: dict[tuple[int, str], None] = field(default_factory=dict)  # span, what of it
    known: dict[int, str] = field(default_factory=dict)  # a node's condition, by its identity
    has_traits: bool = False

    def __post_init__(self) -> None:
        self.values |= {"shop_id": self.today.shop_id}

    def node(self, node: Node) -> str:
        found = self.known.get(id(node))
        if found is None:
            found = self.known[id(node)] = self._node(node)
        return found

    def _node(self, node: Node) -> str:
        if isinstance(node, Leaf):
            tests = " and ".join(self._test(node, test) for test in node.tests)
            return f"coalesce({tests}, false)"
        if isinstance(node, Not):
            return f"(not {self.node(node.part)})"
        return "(" + f" {node.operator} ".join(self.node(part) for part in node.parts) + ")"

    def bind(self, value: object, of: str) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = list(value) if isinstance(value, tuple) else value
        return f"cast(:{name} as {of})"

    def _test(self, leaf: Leaf, test: Test) -> str:
        of = _TYPES[leaf.field.kind]
        match leaf.field.kind:
            case Kind.SAMPLE:
                slot = columns.SLOT.format(salt=self.bind(leaf.name, "text"))
                return f"{slot} < {self.bind(test.value, of)}"
            case Kind.ON_DAYS:
                return self._bought_on(test)
        if leaf.field.name == "average_order_value":
            return self._average(leaf, test)
        value = self._value(leaf)
        if test.operator == "is_missing":
            return f"({value}) is {'' if test.value else 'not '}null"
        if leaf.field.kind is Kind.WORDS:
            return self._words(leaf, value, test)
        if leaf.field.kind is Kind.DAY:
            return self._day(leaf, value, test)
        return self._compared(value, test, of)

    def _compared(self, value: str, test: Test, of: str) -> str:
        match test.operator:
            case "in":
                return f"{value} = any({self.bind(test.value, of + '[]')})"
            case "contains":
                return f"position({self.bind(test.value, of)} in {value}) > 0"
            case "starts_with":
                return f"starts_with({value}, {self.bind(test.value, of)})"
            case "between":
                return self._between(value, test)
        return f"{value} {_COMPARE[test.operator]} {self.bind(test.value, of)}"

    def _between(self, value: str, test: Test) -> str:
        """Return the test of a day of the year: a range may pass New Year's Eve."""
        assert isinstance(test.value, tuple)  # noqa: S101 - the parser reads no other
        first, last = (self.bind(one, "integer") for one in test.value)
        return (
            f"case when {first} <= {last} then {value} between {first} and {last}"
            f" else {value} >= {first} or {value} <= {last} end"
        )

    def _words(self, leaf: Leaf, value: str, test: Test) -> str:
        words = self.bind(test.value, "text[]")
        if leaf.field.name == "address_tags":
            return f"{value} {'&&' if test.operator == 'any' else '@>'} {words}"
        return f"{value} {'?|' if test.operator == 'any' else '?&'} {words}"

    def _day(self, leaf: Leaf, value: str, test: Test) -> str:
        operator, day = test.operator, test.value
        if isinstance(day, int):
            operator = "lte" if operator == "min_days_ago" else "gte"
            day = self.today.day - timedelta(days=day)
        assert isinstance(day, date)  # noqa: S101 - the parser reads no other
        if leaf.field.name == ATTRIBUTE:  # printed days sort as days do
            return f"{value} {_COMPARE[operator]} {self.bind(day.isoformat(), 'text')}"
        return f"{value} {_COMPARE[operator]} {self.bind(day, 'date')}"

    def _average(self, leaf: Leaf, test: Test) -> str:
        money, orders = (self._sum(leaf.span, one) for one in ("money", "orders"))
        if test.operator == "is_missing":
            return f"{orders} {'=' if test.value else '>'} 0"
        value = self.bind(test.value, "numeric")
        return f"{orders} > 0 and {money} {_COMPARE[test.operator]} {value} * {orders}"

    def _bought_on(self, test: Test) -> str:
        days = self.bind(test.value, "date[]")
        today = self._today()
        return (
            "s.customer_id in (select customer_id from customer_order"
            f" where shop_id = :shop_id and paid_day = any({days}) and paid_day <= {today})"
        )

    def _value(self, leaf: Leaf) -> str:
        name = leaf.field.name
        if name in columns.STANDING:
            return self._dated(columns.STANDING[name])
        if name in columns.MEASURES:
            found = self._sum(leaf.span, columns.MEASURES[name][0])
            return f"({found} > 0)" if name == "bought" else found
        self.has_traits = True
        if name == ATTRIBUTE:
            return self._attribute(leaf)
        return self._dated(columns.TRAITS[name])

    def _attribute(self, leaf: Leaf) -> str:
        name = self.bind(leaf.name, "text")
        printed = columns.PRINTED.format(name=name)
        match leaf.field.kind:
            case Kind.DECIMAL:
                return columns.DECIMAL.format(printed=printed)
            case Kind.DAY:
                return columns.ISO_DAY.format(printed=printed)
            case Kind.BOOLEAN:
                return columns.BOOLEAN.format(printed=printed)
            case Kind.WORDS:
                return columns.WORDS.format(name=name)
        return printed

    def _today(self) -> str:
        self.values["today"] = self.today.day
        return "cast(:today as date)"

    def _dated(self, expression: str) -> str:
        """Bind what an expression names of the day and the zone."""
        day = self.today.day
        if ":today" in expression:
            expression = expression.replace(":today", self._today())
        if ":zone" in expression:
            self.values["zone"] = self.today.zone
            expression = expression.replace(":zone", "cast(:zone as text)")
        if ":year" in expression:
            self.values |= {"year": day.year, "month_day": day.month * 100 + day.day}
            expression = expression.replace(":year", "cast(:year as integer)")
            expression = expression.replace(":month_day", "cast(:month_day as integer)")
        return f"({expression})"

    def _sum(self, span: Span, what: str) -> str:
        if span == EVER and what in columns.LIFE:
            return columns.LIFE[what]
        number = self.spans.setdefault(span, len(self.spans))
        self.sums[number, what] = None
        return f"coalesce(w.{what}_{number}, 0)"

    def source(self, *, only: bool) -> str:
        """Return `customer_state` with whatever the conditions name, each row once."""
        joined = "customer_state s"
        if self.has_traits:
            joined += " left join customer_traits t using (shop_id, customer_id)"
        among = " and {}customer_id = any(cast(:only as text[]))" if only else ""
        if self.sums:
            joined += f" left join ({self._orders(among.format(''))}) w using (customer_id)"
        return f"{joined} where s.shop_id = :shop_id" + among.format("s.")

    def _orders(self, among: str) -> str:
        bounds = {span: span.days(self.today.day) for span in self.spans}
        first, last = min(one for one, _ in bounds.values()), max(one for _, one in bounds.values())
        wide = (first, last)
        summed = []
        for number, what in self.sums:
            span = list(self.spans)[number]
            within = ""
            if bounds[span] != wide:
                opens, closes = (self.bind(day, "date") for day in bounds[span])
                within = f" filter (where paid_day between {opens} and {closes})"
            summed.append(f"{columns.SUMS[what]}{within} as {what}_{number}")
        opens, closes = self.bind(first, "date"), self.bind(last, "date")
        return (
            f"select customer_id, {', '.join(summed)} from customer_order"
            f" where shop_id = :shop_id and paid_day between {opens} and {closes}{among}"
            " group by customer_id"
        )
