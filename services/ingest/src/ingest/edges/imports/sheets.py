"""The rows of a file, one after the other, every cell as text."""

import csv
import os
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from io import BytesIO, TextIOWrapper
from itertools import chain
from typing import Any, BinaryIO, Final

from ingest.domain.rows import Row

MOST_LINE_CHARS: Final = 1024 * 1024
MOST_WHOLE_BYTES: Final = 128 * 1024 * 1024  # of what cannot be read as it comes
MOST_UNPACKED_BYTES: Final = 2 * 1024 * 1024 * 1024  # read in pieces, and thrown away
MOST_STRINGS_BYTES: Final = 128 * 1024 * 1024  # of the table of texts, which is kept

FETCHED_ROWS: Final = 500
# It fetches nothing, writes nothing, and has one thread.
_DUCKDB: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class BadFile(ValueError):
    """The file cannot be read, or not further; the text is for who sent it."""


def csv_rows(file: BinaryIO, encoding: str) -> Iterator[Row]:
    """Yield the rows of text that is separated by comma, tab or semicolon, as its header shows."""
    lines = _lines(TextIOWrapper(file, encoding=encoding, newline=""))
    first = next(lines, "")
    separator = max(",\t;", key=first.count)
    reader = csv.reader(chain([first], lines), delimiter=separator, strict=False)
    number = 1
    try:
        for cells in reader:
            if any(cells):
                yield Row(number, cells)
            number = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"line {number}: {error}; is a quotation mark left open?") from None


def _lines(text: TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MOST_LINE_CHARS):
        if len(line) == MOST_LINE_CHARS:
            raise BadFile(f"a line is longer than {MOST_LINE_CHARS} characters")
        yield line


def xlsx_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of a workbook's first sheet."""
    # Imported here: a CSV needs nothing of it.
    from openpyxl import load_workbook  # noqa: PLC0415

    raw = _whole(file)
    try:
        _check_size(raw)
        book = load_workbook(BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        yield from _cells(sheet.iter_rows(values_only=True))
    except (BadFile, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the file is to blame
        # openpyxl raises whatever a broken part makes it stumble over.
        raise BadFile(f"it is no workbook that can be read ({type(error).__name__})") from None


def parquet_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of a Parquet file, its columns' names as the first."""
    import duckdb  # noqa: PLC0415 - an extra, and only of who reads such a file

    held = os.memfd_create("parquet")
    with os.fdopen(held, "wb") as memory:
        memory.write(_whole(file))
        memory.flush()
        try:
            with duckdb.connect(config=_DUCKDB) as database:
                database.execute(f"select * from read_parquet('/proc/self/fd/{held}')")  # noqa: S608 - ours
                yield Row(1, [str(one[0]) for one in database.description or ()])
                number = 2
                while rows := database.fetchmany(FETCHED_ROWS):
                    yield from _cells(rows, number)
                    number += len(rows)
        except duckdb.Error as error:
            raise BadFile(
                f"it is no Parquet file that can be read ({type(error).__name__})"
            ) from None


def _whole(file: BinaryIO) -> bytes:
    raw = file.read(MOST_WHOLE_BYTES + 1)
    if len(raw) > MOST_WHOLE_BYTES:
        raise BadFile(f"such a file may have {MOST_WHOLE_BYTES} bytes: send more as CSV")
    return raw


def _cells(rows: Iterable[tuple[Any, ...]], first: int = 1) -> Iterator[Row]:
    for number, values in enumerate(rows, first):
        cells = [_text(one) for one in values]
        if any(cells):
            yield Row(number, cells)


def _check_size(raw: bytes) -> None:
    """Refuse what would unpack to very much; more than it says is never unpacked."""
    with zipfile.ZipFile(BytesIO(raw)) as packed:
        parts = packed.infolist()
    strings = sum(one.file_size for one in parts if one.filename.endswith("sharedStrings.xml"))
    if sum(one.file_size for one in parts) > MOST_UNPACKED_BYTES or strings > MOST_STRINGS_BYTES:
        raise BadFile("the workbook unpacks to too much: send it as CSV")


def _text(value: object) -> str:
    """Return a cell as it is shown; a number with the 15 digits that a spreadsheet keeps."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return format(value, ".15g")
        case datetime():
            return value.isoformat(" ", "microseconds" if value.microsecond else "seconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
