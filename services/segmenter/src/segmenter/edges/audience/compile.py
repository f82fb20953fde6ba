"""A checked filter as SQL: one statement, and nothing of a user's in it but bound values.

Every test is closed: unknown becomes false at once, so `and`, `or`, `not` never meet a null.
Orders are added up once for all spans that a filter names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from care.calendar import start_of_day
from segmenter.domain.audience.fields import ATTRIBUTE, Kind
from segmenter.domain.audience.tree import (
    EVER,
    Comparison,
    Leaf,
    Node,
    Not,
    Question,
    Span,
    Today,
    walk,
)
from segmenter.domain.scores import SPAN_DAYS
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
class Compiled:
    """What a question comes to.

    Args:
        rows: A query with the customers asked about: `customer_id`, and a column for each test.
        conditions: Of every node of the question, by its path, over these columns.
        member: The condition of being meant.
        values: What is bound.
        adds_up: Whether orders are added up over a span.
    """

    rows: str
    conditions: Mapping[str, str]
    member: str
    values: Mapping[str, Any]
    adds_up: bool


def compile_question(question: Question, today: Today, *, only: bool = False) -> Compiled:
    """Return the SQL of *question*.

    Args:
        question: Checked.
        today: What "the last so many days" end with.
        only: Whether just the customers of the bound list `only` are asked about.
    """
    work = _Work(today)
    nodes = (question.chosen, *question.excluded)
    conditions: dict[str, str] = {}
    for part in nodes:
        conditions |= {node.path: work.node(node) for node in walk(part)}
    member = conditions[question.chosen.path]
    for node in question.excluded:
        member = f"({member} and not {conditions[node.path]})"
    return Compiled(work.rows(only=only), conditions, member, work.values, bool(work.sums))


@dataclass(slots=True)
class _Work:
    today: Today
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[Span, int] = field(default_factory=dict)
    sums: dict[tuple[int, str], None] = field(default_factory=dict)  # span, what of it
    leaves: dict[str, str] = field(default_factory=dict)  # tests, by the names of their columns
    nodes: dict[str, str] = field(default_factory=dict)  # conditions, by path
    details: dict[str, str] = field(default_factory=dict)  # what is joined beside, by its name
    beside: dict[str, None] = field(default_factory=dict)  # tables with a row for a customer
    has_traits: bool = False

    def __post_init__(self) -> None:
        self.values |= {"shop_id": self.today.shop_id}

    def node(self, node: Node) -> str:
        found = self.nodes.get(node.path)
        if found is None:
            found = self.nodes[node.path] = self._node(node)
        return found

    def _node(self, node: Node) -> str:
        if isinstance(node, Leaf):
            tests = " and ".join(self._test(node, test) for test in node.tests)
            name = f"c{len(self.leaves)}"
            self.leaves[name] = f"coalesce({tests}, false)"
            return name
        if isinstance(node, Not):
            return f"(not {self.node(node.part)})"
        return "(" + f" {node.operator} ".join(self.node(part) for part in node.parts) + ")"

    def bind(self, value: object, of: str) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = list(value) if isinstance(value, tuple) else value
        return f"cast(:{name} as {of})"

    def _test(self, leaf: Leaf, test: Comparison) -> str:
        if leaf.field.kind is Kind.SAMPLE:
            slot = columns.SLOT.format(salt=self.bind(leaf.name, "text"))
            return f"{slot} < {self.bind(test.value, 'bigint')}"
        if leaf.field.kind is Kind.ON_DAYS:
            return self._bought_on(test)
        if leaf.field.name in columns.RATIOS:
            return self._ratio(leaf, test)
        return self._of_value(leaf, self._value(leaf), test)

    def _of_value(self, leaf: Leaf, value: str, test: Comparison) -> str:
        if test.operator == "is_missing":
            return f"({value}) is {'' if test.value else 'not '}null"
        if leaf.field.kind is Kind.WORDS:
            return self._words(leaf, value, test)
        if leaf.field.kind is Kind.DAY:
            return self._day(leaf, value, test)
        return self._compared(value, test, _TYPES[leaf.field.kind])

    def _compared(self, value: str, test: Comparison, of: str) -> str:
        if test.operator == "in":
            return f"{value} = any({self.bind(test.value, of + '[]')})"
        if test.operator == "contains":
            return f"position({self.bind(test.value, of)} in {value}) > 0"
        if test.operator == "starts_with":
            return f"starts_with({value}, {self.bind(test.value, of)})"
        if test.operator == "between":
            return self._between(value, test)
        return f"{value} {_COMPARE[test.operator]} {self.bind(test.value, of)}"

    def _between(self, value: str, test: Comparison) -> str:
        """Return the test of a day of the year: a range may pass New Year's Eve."""
        assert isinstance(test.value, tuple)  # noqa: S101 - the parser reads no other
        first, last = (self.bind(one, "integer") for one in test.value)
        return (
            f"case when {first} <= {last} then {value} between {first} and {last}"
            f" else {value} >= {first} or {value} <= {last} end"
        )

    def _words(self, leaf: Leaf, value: str, test: Comparison) -> str:
        words = self.bind(test.value, "text[]")
        if leaf.field.name == "address_tags":
            return f"{value} {'&&' if test.operator == 'any' else '@>'} {words}"
        return f"{value} {'?|' if test.operator == 'any' else '?&'} {words}"

    def _day(self, leaf: Leaf, value: str, test: Comparison) -> str:
        operator, day = test.operator, test.value
        if isinstance(day, int):
            operator = "lte" if operator == "min_days_ago" else "gte"
            day = self.today.day - timedelta(days=day)
        assert isinstance(day, date)  # noqa: S101 - the parser reads no other
        if leaf.field.name == ATTRIBUTE:  # printed days sort as days do
            return f"{value} {_COMPARE[operator]} {self.bind(day.isoformat(), 'text')}"
        return f"{value} {_COMPARE[operator]} {self.bind(day, 'date')}"

    def _ratio(self, leaf: Leaf, test: Comparison) -> str:
        """Return the test of so much per order, without a division; without orders, unknown."""
        orders = self._sum(leaf.span, "orders")
        if test.operator == "is_missing":
            return f"{orders} {'=' if test.value else '>'} 0"
        what = columns.RATIOS[leaf.field.name]
        much = self._sum(leaf.span, what) if what in columns.SUMS else self._counted(leaf, what)
        value = self.bind(test.value, "numeric")
        return f"{orders} > 0 and {much} {_COMPARE[test.operator]} {value} * {orders}"

    def _bought_on(self, test: Comparison) -> str:
        days = self.bind(test.value, "date[]")
        today = self._today()
        return (
            "s.customer_id in (select customer_id from customer_order"  # noqa: S608 - names of ours
            f" where shop_id = :shop_id and paid_day = any({days}) and paid_day <= {today})"
        )

    def _value(self, leaf: Leaf) -> str:
        name = leaf.field.name
        if name in columns.STANDING:
            return self._dated(columns.STANDING[name])
        if name in columns.MEASURES:
            found = self._sum(leaf.span, columns.MEASURES[name])
            return f"({found} > 0)" if name == "bought" else found
        if name in columns.DETAILS:
            return self._counted(leaf, name)
        if name in columns.SCORES:
            return self._score(name)
        return self._beside(leaf)

    def _beside(self, leaf: Leaf) -> str:
        """Return a value of another table that has a row for a customer."""
        name = leaf.field.name
        if name in columns.BESIDE:
            table, value = columns.BESIDE[name]
            self.beside[table] = None
            return value
        self.has_traits = True
        if name == ATTRIBUTE:
            return self._attribute(leaf)
        return self._dated(columns.TRAITS[name])

    def _attribute(self, leaf: Leaf) -> str:
        name = self.bind(leaf.name, "text")
        printed = columns.PRINTED.format(name=name)
        template = columns.OF_ATTRIBUTES[leaf.field.kind]
        return template.format(printed=printed, name=name)

    def _today(self) -> str:
        self.values["today"] = self.today.day
        return "cast(:today as date)"

    def _dated(self, expression: str) -> str:
        """Bind what an expression names of the day and the zone."""
        day = self.today.day
        if ":today" in expression:
            expression = expression.replace(":today", self._today())
        if ":currency" in expression:
            self.values["currency"] = self.today.currency
            expression = expression.replace(":currency", "cast(:currency as text)")
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

    def _score(self, name: str) -> str:
        """Return one more than the number of figures that are reached; unknown without any."""
        what, compared, figures = columns.SCORES[name]
        span = Span(window_days=SPAN_DAYS)
        number = self.spans.setdefault(span, len(self.spans))
        self.sums[number, what] = None
        cuts = (columns.CUT.format(figures=figures, place=place) for place in range(1, 5))
        reached = (compared.format(sum=f"w.{what}_{number}", cut=cut) for cut in cuts)
        return self._dated("1 + " + " + ".join(f"cast({one} as integer)" for one in reached))

    def _counted(self, leaf: Leaf, what: str) -> str:
        """Have *what* counted in its own table, over the leaf's span, of what the leaf picks."""
        table, measure, instant, counts = columns.DETAILS[what]
        first, last = leaf.span.days(self.today.day)
        opens, closes = (
            self.bind(start_of_day(day, self.today.zone), "timestamptz")
            for day in (first, last + timedelta(days=1))
        )
        where = [
            "o.shop_id = :shop_id",
            f"{instant} >= {opens}",
            f"{instant} < {closes}",
            self._dated(counts),
        ]
        for pick, texts in leaf.picks:
            chosen = f"{pick} = any({self.bind(texts, 'text[]')})"
            among = f"select sku from product where shop_id = :shop_id and {chosen}"  # noqa: S608 - names of ours
            where.append(f"o.{chosen}" if pick == "sku" else f"o.sku in ({among})")
        key = (
            f"select customer_id, {self._dated(measure)} as much from {table} o"  # noqa: S608 - names of ours
            f" where {' and '.join(where)}"
        )
        name = f"d{len(self.details)}"
        self.details[name] = key
        return f"coalesce({name}.much, 0)"

    def rows(self, *, only: bool) -> str:
        """Return the query of all who are asked about, with the tests as columns."""
        among = " and {}customer_id = any(cast(:only as text[]))" if only else ""
        joined = "customer_state s"
        if self.has_traits:
            joined += " left join customer_traits t using (shop_id, customer_id)"
        for table in self.beside:
            joined += f" left join {table} using (shop_id, customer_id)"
        if self.sums:
            joined += f" left join ({self._orders(among.format(''))}) w using (customer_id)"
        for name, counted in self.details.items():
            grouped = f"{counted}{among.format('')} group by customer_id"
            joined += f" left join ({grouped}) {name} using (customer_id)"
        tests = "".join(f", {test} as {name}" for name, test in self.leaves.items())
        return (
            f"select s.customer_id{tests} from {joined}"  # noqa: S608 - names of ours
            f" where s.shop_id = :shop_id and {columns.PERSON}{among.format('s.')}"
        )

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
            f"select customer_id, {', '.join(summed)} from customer_order"  # noqa: S608 - names of ours
            f" where shop_id = :shop_id and paid_day between {opens} and {closes}{among}"
            " group by customer_id"
        )
