"""A filter, checked: groups of conditions, down to tests of one field each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from segmenter.domain.audience.fields import Field

Value: TypeAlias = (
    str | int | Decimal | bool | date | tuple[str, ...] | tuple[int, ...] | tuple[date, ...]
)


BEGINNING: Final = date(1900, 1, 1)  # nobody bought before


@dataclass(frozen=True, slots=True)
class Span:
    """The last so many days, today included; or between two days, both included; or ever."""

    window_days: int | None = None
    from_day: date | None = None
    to_day: date | None = None

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day; what is dated ahead of *today* never counts."""
        first = self.from_day or BEGINNING
        if self.window_days is not None:
            first = today - timedelta(days=self.window_days - 1)
        return first, today if self.to_day is None else min(self.to_day, today)


EVER: Final = Span()


@dataclass(frozen=True, slots=True)
class Today:
    """The shop, and the day for which its live cells are true."""

    shop_id: str
    zone: str
    currency: str
    day: date


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Leaf:
    """All *tests* of one field; true when all are. On a missing value every test is false."""

    path: str
    field: Field
    tests: tuple[Comparison, ...]
    span: Span = EVER
    name: str = ""  # of the shop's own attribute; of a sample its salt
    picks: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    path: str
    operator: Literal["and", "or"]
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    path: str
    part: "Node"


Node: TypeAlias = Leaf | Group | Not


@dataclass(frozen=True, slots=True)
class Question:
    """Who is meant: whom *chosen* names, without whom any of *excluded* names."""

    chosen: Node
    excluded: tuple[Node, ...] = ()


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and all below it, each before its parts."""
    yield node
    if isinstance(node, Group):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)
