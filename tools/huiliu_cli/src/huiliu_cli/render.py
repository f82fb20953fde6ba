"""Answers for people: whatever a service tells, as lines and tables.

What comes over the network may hold anything, so nothing of it is read as markup, and control
characters never reach the terminal.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNKNOWN_WIDTH: Final = 200  # into a file or a pipe nothing is cut


def console() -> Console:
    shown = Console(highlight=False, emoji=False, markup=False)
    if not shown.is_terminal:
        shown.width = UNKNOWN_WIDTH
    return shown


def show_json(value: Any) -> None:
    """Write *value* for machines: ASCII only, so that no control character slips through."""
    Console(soft_wrap=True, highlight=False, emoji=False, markup=False).print(
        json.dumps(value, indent=2)
    )


def show_rows(rows: Sequence[Mapping[str, Any]], nothing: str, *columns: str) -> None:
    """Write *rows* as a table of these *columns* (default: all that occur)."""
    if not rows:
        console().print(nothing)
        return
    names = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in names))
    console().print(table)


def show(answer: Mapping[str, Any]) -> None:
    """Write single values as lines, and each list of objects as a table under its name."""
    tables = {name: value for name, value in answer.items() if is_rows(value)}
    lines = Table.grid(padding=(0, 2))
    for name, value in answer.items():
        if name not in tables:
            lines.add_row(Text(name.replace("_", " "), style="bold"), cell(value))
    if lines.row_count:
        console().print(lines)
    for name, rows in tables.items():
        console().print(Text(f"\n{name.replace('_', ' ')}", style="bold"))
        show_rows(rows, "none")


def is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def cell(value: Any) -> Text:
    match value:
        case None:
            return Text("-")
        case bool():
            return Text("yes" if value else "no")
        case str():
            return Text(printable(value))
        case _:
            return Text(printable(json.dumps(value, ensure_ascii=False)))


def printable(text: str) -> str:
    return "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
