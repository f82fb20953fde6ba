"""Rows of a shop's file to events of the native API, or why they are none.

What comes out is read by the native API's own strict reader: nothing is checked twice here.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from ingest.domain.cells import Home, value_of
from ingest.domain.columns import FIELDS, Columns, Field

MOST_ROWS: Final = 1_000_000  # of a file
MOST_LINES: Final = 500  # of an order, as in the native API
MOST_REASONS: Final = 5  # of one row

Document: TypeAlias = dict[str, Any]

_OF_A_LINE: Final = "items."
_OF_THE_BUYER: Final = frozenset({"name", "phone", "email", "address"})
_WITH_MONEY: Final = frozenset({"total", "discount", "freight", "items", "refunds"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file; *number* is its first line, the header's being 1."""

    number: int
    cells: Sequence[str]


class Seen:
    """The ids that came, a 64-bit hash of each: two of a million meet once in 10^7 files.

    It takes the same memory whatever comes.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        size = 1 << (2 * most).bit_length()
        self._mask = size - 1
        self._slots = array("Q", bytes(8 * size))

    def add(self, name: str) -> bool:
        """Note *name*; False when it came before."""
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        mark = int.from_bytes(digest, "big") or 1
        place = mark & self._mask
        while self._slots[place]:
            if self._slots[place] == mark:
                return False
            place = (place + 1) & self._mask
        self._slots[place] = mark
        return True


@dataclass(slots=True)
class _Reading:
    """What was found wrong on the way."""

    columns: Columns
    home: Home
    wrong: list[str] = field(default_factory=list)

    def blame(self, name: str, why: str) -> None:
        self.wrong.append(f"{self.columns.title(name)}: {why}")


def note(group: Sequence[Row], columns: Columns, seen: Seen) -> None:
    """Remember that *group* came: what `documents` does too."""
    seen.add(columns.cell(group[0].cells, columns.of_a_record))


def grouped(rows: Iterable[Row], columns: Columns) -> Iterator[list[Row]]:
    """Yield the rows of one record together: those of an order that stand together.

    An order's are cut behind one line too many, so that no file can make this grow; what follows
    is then an order that came before.
    """
    name, most = columns.of_a_record, MOST_LINES + 1 if columns.kind == "orders" else 1
    group: list[Row] = []
    known = ""
    for row in rows:
        said = columns.cell(row.cells, name)
        if group and (said != known or not said or len(group) == most):
            yield group
            group = []
        group.append(row)
        known = said
    if group:
        yield group


def documents(
    group: Sequence[Row], columns: Columns, home: Home, seen: Seen
) -> list[Document] | str:
    """Return the events that *group* is, as the native API is sent them, or why it is none."""
    found = _Reading(columns, home)
    name = columns.of_a_record
    said = columns.cell(group[0].cells, name)
    if not said:
        found.blame(name, "it is missing")
    elif not seen.add(said):
        return (
            f"the order came before: its rows must stand together, and be at most {MOST_LINES}"
            if columns.kind == "orders"
            else "the customer came before"
        )
    if len(group) > MOST_LINES:
        return f"an order has at most {MOST_LINES} rows"
    made = _order(group, found) if columns.kind == "orders" else _customer(group[0], found)
    return "; ".join(found.wrong[:MOST_REASONS]) if found.wrong else made


def blamed(pointer: str, columns: Columns) -> str:
    """Return what the file calls the place that a JSON pointer into one of its events names."""
    path = ".".join(step for step in pointer.split("/") if step and not step.isdigit())
    for name, known in FIELDS[columns.kind].items():
        if known.path == path:
            return columns.title(name)
    return path or "the row"


def _order(group: Sequence[Row], found: _Reading) -> list[Document]:
    currency = _same(group, "currency", found).upper() or found.home.currency
    order: Document = {"kind": "order"}
    person: Document = {"kind": "customer"}
    for name, known in FIELDS["orders"].items():
        if not known.path.startswith(_OF_A_LINE) and name != "currency":
            value = _value(_same(group, name, found), known, name, currency, found)
            _put(person if name in _OF_THE_BUYER else order, known.path, value)
    lines = [one for one in (_line(row, currency, found) for row in group) if one]
    if lines:
        order["items"] = lines
    if "refunds" in order:
        order["refunds"] = [order["refunds"]]
    if not order.keys().isdisjoint(_WITH_MONEY):
        order["currency"] = currency
    if "region" in order:
        order["region"]["country"] = found.home.country
    _set_version(order, found)
    if len(person) == 1 or found.wrong:
        return [order]
    return [order, {**person, "customer_id": order.get("customer_id"), "version": order["version"]}]


def _set_version(order: Document, found: _Reading) -> None:
    """Let it be as old as its latest time, unless the file says when it changed."""
    times = [at for name, at in order.items() if name.endswith("_at")]
    if "version" in order:
        return
    if times:
        order["version"] = max(map(datetime.fromisoformat, times)).isoformat()
    elif not found.wrong:
        found.wrong.append("no time: one is needed, such as placed_at")


def _line(row: Row, currency: str, found: _Reading) -> Document:
    """Return one line of an order, empty when the row names no goods."""
    line: Document = {}
    for name, known in FIELDS["orders"].items():
        if known.path.startswith(_OF_A_LINE):
            cell = found.columns.cell(row.cells, name)
            _put(
                line,
                known.path.removeprefix(_OF_A_LINE),
                _value(cell, known, name, currency, found),
            )
    return line if "sku" in line else {}


def _customer(row: Row, found: _Reading) -> list[Document]:
    customer: Document = {"kind": "customer"}
    for name, known in FIELDS["customers"].items():
        cell = found.columns.cell(row.cells, name)
        _put(customer, known.path, _value(cell, known, name, found.home.currency, found))
    consent = customer.get("consent", {})
    if "version" not in customer and True in consent.values():
        found.wrong.append("a consent needs updated_at: the time since which it is given")
    if "region" in customer:
        customer["region"]["country"] = found.home.country
    customer.setdefault("version", found.home.said_at.isoformat())
    return [customer]


def _same(group: Sequence[Row], name: str, found: _Reading) -> str:
    """Return what the rows of one order say alike; a row may leave it out."""
    cells = {found.columns.cell(row.cells, name) for row in group} - {""}
    if len(cells) > 1:
        found.blame(name, "the rows of one order differ")
    return min(cells, default="")


def _put(into: Document, path: str, value: Any) -> None:
    if value is None:
        return
    outer, dot, inner = path.partition(".")
    if dot:
        into.setdefault(outer, {})[inner] = value
    else:
        into[outer] = value


def _value(cell: str, known: Field, name: str, currency: str, found: _Reading) -> Any:
    """Return what a cell says; None when it is empty, or wrong, which is noted."""
    if not cell:
        return None
    try:
        return value_of(cell, known, currency, found.home)
    except ValueError as error:
        found.blame(name, str(error))
        return None
