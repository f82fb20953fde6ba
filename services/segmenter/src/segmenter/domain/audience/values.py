"""Values in a filter: read as what their field takes, or refused with what would be right."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from segmenter.domain.audience.fields import Field, Kind
from segmenter.domain.audience.tree import Value

MOST_IN_LIST: Final = 500
LONGEST_TEXT: Final = 200
MOST_WINDOW_DAYS: Final = 730
MOST_DAYS_AGO: Final = 40_000
_HIGHEST: Final = 10**15  # room for products with counts within 64 bits is the compiler's care
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_MONTH_DAY: Final = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)

Read: TypeAlias = Callable[[object], Value | None]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one value; *wanted* is what it takes, in words for whoever sent something else."""

    read: Read
    wanted: str


def _text(given: object) -> str | None:
    fits = isinstance(given, str) and 0 < len(given) <= LONGEST_TEXT and "\x00" not in given
    return str(given) if fits else None


def _whole(given: object) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int):
        return None
    return given if abs(given) <= _HIGHEST else None


def _decimal(given: object) -> Decimal | None:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        return None
    number = Decimal(str(given))
    return number if number.is_finite() and abs(number) <= _HIGHEST else None


def _day(given: object) -> date | None:
    if not isinstance(given, str) or len(given) != len("2026-11-11"):
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _month_day(given: object) -> int | None:
    found = _MONTH_DAY.fullmatch(given) if isinstance(given, str) else None
    return None if found is None else int(found[1]) * 100 + int(found[2])


def _boolean(given: object) -> bool | None:
    return given if isinstance(given, bool) else None


def _days_ago(given: object) -> int | None:
    days = _whole(given)
    return days if days is not None and 0 <= days <= MOST_DAYS_AGO else None


def _window(given: object) -> int | None:
    days = _whole(given)
    return days if days is not None and 1 <= days <= MOST_WINDOW_DAYS else None


def _percent(given: object) -> int | None:
    """Return hundredths of a percent: a sample is cut from ten thousand slots."""
    share = _decimal(given)
    slots = None if share is None else share * 100
    if slots is None or slots != slots.to_integral_value() or not 0 < slots <= 10_000:
        return None
    return int(slots)


TEXT: Final = Reader(_text, f"a text of 1 to {LONGEST_TEXT} characters")
DAY: Final = Reader(_day, "a day, as 2026-11-11")
WINDOW: Final = Reader(_window, f"a whole number of days, 1 to {MOST_WINDOW_DAYS}")
_NUMBER: Final = Reader(_whole, "a whole number")
_BOOLEAN: Final = Reader(_boolean, "true or false")
_DAYS_AGO: Final = Reader(_days_ago, f"a whole number of days, 0 to {MOST_DAYS_AGO}")

_OF_KIND: Final[Mapping[Kind, Reader]] = MappingProxyType(
    {
        Kind.TEXT: TEXT,
        Kind.NUMBER: _NUMBER,
        Kind.DECIMAL: Reader(_decimal, "a number"),
        Kind.MONEY: Reader(_whole, "money in minor units, a whole number"),
        Kind.DAY: DAY,
        Kind.MONTH_DAY: Reader(_month_day, "a day of the year, as 02-29"),
        Kind.BOOLEAN: _BOOLEAN,
        Kind.WORDS: TEXT,
        Kind.ON_DAYS: DAY,
        Kind.SAMPLE: Reader(_percent, "a share of 0.01 to 100, at most two decimals"),
    }
)
_OF_OPERATOR: Final[Mapping[str, Reader]] = MappingProxyType(
    {"is_missing": _BOOLEAN, "min_days_ago": _DAYS_AGO, "max_days_ago": _DAYS_AGO}
)
LISTS: Final = ("in", "any", "all")
PAIRS: Final = ("between",)


def reader_of(field: Field, operator: str) -> Reader:
    """Return what reads one value that *operator* compares *field* with."""
    found = _OF_OPERATOR.get(operator)
    if found is not None:
        return found
    if field.choices:
        return Reader(_choice(field.choices), "one of " + ", ".join(field.choices))
    return _OF_KIND[field.kind]


def _choice(choices: tuple[str, ...]) -> Read:
    def read(given: object) -> Value | None:
        return given if isinstance(given, str) and given in choices else None

    return read
