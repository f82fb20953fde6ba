"""What a cell of a file says: amounts exact, times in the shop's zone, words in ours.

Every cell is text. What it cannot be is a ValueError, which quotes no cell.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from care import phones
from ingest.domain import reading
from ingest.domain.columns import Field, Reads
from ingest.domain.money import BadAmount, to_minor
from ingest.domain.reading import Unmappable

_TIME: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?)?\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_DAY: Final = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?(?: 00:00:00)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_COUNT: Final = re.compile(r"(\d{1,9})(\.0+)?", re.ASCII)
# What a spreadsheet makes of a long number: its last digits are gone.
_ROUNDED: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Home:
    """What the shop knows that files leave out.

    Args:
        zone: Of times that name none.
        currency: Of amounts that name none.
        country: Of phone numbers and provinces, ISO 3166-1.
        said_at: When the file was sent: of what names no time.
    """

    zone: tzinfo
    currency: str
    country: str
    said_at: datetime


def value_of(cell: str, known: Field, currency: str, home: Home) -> Any:
    """Return what *cell* says, as the native API would be told it; None when that is nothing.

    Raises:
        ValueError: It is not what the field holds.
    """
    return _READERS[known.reads](cell, known, currency, home)


def _text(cell: str, *_: object) -> str:
    if _ROUNDED.fullmatch(cell):
        raise ValueError("a number that has lost its last digits: make the column text")
    return cell


def _personal(cell: str, *_: object) -> str | None:
    """Return None of what the platform has masked: it says nothing."""
    return None if "*" in cell else cell


def _count(cell: str, *_: object) -> int:
    counted = _COUNT.fullmatch(cell)
    if counted is None:
        raise ValueError("a whole number is expected")
    return int(counted[1])


def _phone(cell: str, _: Field, __: str, home: Home) -> str | None:
    """Return E.164; None of a number that the platform has masked: it says nothing."""
    if "*" in cell:
        return None
    number = phones.normalise(cell, home.country)
    if number is None:
        raise ValueError("no phone number")
    return number


def _minor(cell: str, _: Field, currency: str, __: Home) -> int:
    plain = unicodedata.normalize("NFKC", cell).strip("¥$€ 元")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        minor, is_exact = to_minor(plain, currency)
    except BadAmount as error:
        raise ValueError(str(error)) from None
    if not is_exact:
        raise ValueError(f"more digits than {currency} has")
    return minor


def _time(cell: str, _: Field, __: str, home: Home) -> str:
    """Return an RFC 3339 time; what names no offset is the shop's."""
    parts = _TIME.fullmatch(unicodedata.normalize("NFKC", cell))
    if parts is None:
        raise ValueError("no time: 2024-01-05 13:00:00 is one")
    year, month, day, hour, minute, second, fraction, offset = parts.groups()
    try:
        at = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
            tzinfo=_offset(offset) if offset else home.zone,
        )
        return reading.possible(at, "it").isoformat()
    except Unmappable:
        raise ValueError("a time from 1990 on is expected") from None
    except ValueError:
        raise ValueError("there is no such time") from None


def _offset(spelled: str) -> tzinfo:
    if spelled == "Z":
        return UTC
    digits = spelled[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if spelled[0] == "-" else away)


def _day(cell: str, *_: object) -> dict[str, int]:
    parts = _DAY.fullmatch(unicodedata.normalize("NFKC", cell))
    if parts is None:
        raise ValueError("no day: 1990-05-31 or 05-31 is one")
    year, month, day = parts.groups()
    born = {"month": int(month), "day": int(day)}
    return {**born, "year": int(year)} if year else born


def _word(cell: str, known: Field, *_: object) -> str | bool:
    words = known.words or {}
    said = words.get(unicodedata.normalize("NFKC", cell).casefold())
    if said is None:
        raise ValueError(f"one of {', '.join(words)} is expected")
    return said


_READERS: Final[Mapping[Reads, Callable[[str, Field, str, Home], Any]]] = {
    "text": _text,
    "personal": _personal,
    "phone": _phone,
    "money": _minor,
    "time": _time,
    "day": _day,
    "count": _count,
    "word": _word,
}
