"""The values that events of the native API are made of, each with its bounds.

Errors come in a small fixed vocabulary: type, format, range, unknown, missing. None quotes a value.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, LiteralString, Self, TypeAlias
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contracts.events import Birthday, OrderLine, RefundFacts, Region
from ingest.domain.attributes import Value
from ingest.domain.facts import normal_number
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import MOST_MINOR
from ingest.domain.reading import EARLIEST, LATEST, micros
from web.bodies import Strict

ZONES: Final = frozenset(available_timezones())

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MOST_NUMBER: Final = 10**12  # with three decimals: what a float holds exactly
_LONGEST: Final = 200
_MOST_CHOICES: Final = 50
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_REFUND_INSTANTS: Final = {
    "opened": "opened_at",
    "agreed": "agreed_at",
    "refused": "refused_at",
    "withdrawn": "withdrawn_at",
    "refunded": "completed_at",
}


def instant(value: object) -> datetime:
    """Return an RFC 3339 time as aware UTC; digits below a microsecond are cut off."""
    if not isinstance(value, str):
        raise PydanticCustomError("type", "an RFC 3339 time is expected, as text")
    if not _RFC_3339.fullmatch(value):
        raise PydanticCustomError("format", "an RFC 3339 time with an offset is expected")
    try:
        # It takes all of RFC 3339 but lower case, and cuts the fraction by itself.
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("format", "there is no such time") from None
    if not EARLIEST <= at < LATEST:
        raise PydanticCustomError("range", "a time from 1990 on is expected")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def calendar_day(value: object) -> date:
    if not isinstance(value, str):
        raise PydanticCustomError("type", "a day is expected, as text")
    if not _DAY.fullmatch(value):
        raise PydanticCustomError("format", "a day as YYYY-MM-DD is expected")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("format", "there is no such day") from None


def own_value(value: object) -> Value:
    """Return a value of an attribute, of whatever type; the shop's definition is asked later."""
    match value:
        case None | bool():
            return value
        case int() | Decimal() | float():
            # A parser other than ours makes a float; printed, it is what was written.
            number = Decimal(str(value)) if isinstance(value, float) else value
            if not -_MOST_NUMBER < value < _MOST_NUMBER or number != round(number, 3):
                raise PydanticCustomError("range", "12 digits are the most, and 3 decimals")
            return number
        case str():
            return _own_text(value)
        case list() if len(value) <= _MOST_CHOICES:
            return [_own_text(one) for one in value]
        case _:
            raise PydanticCustomError(
                "type", "a text, a number, true, false, null or a short list of texts is expected"
            )


def _as_json(value: Value) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _own_text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("type", "a list of texts is expected")
    if len(value) > _LONGEST or "\x00" in value:
        raise PydanticCustomError("range", "a text of at most 200 characters is expected")
    return value


def _one_of(known: frozenset[str], expected: LiteralString) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise PydanticCustomError("unknown", expected)
        return value

    return AfterValidator(check)


def _waybill(value: str) -> str:
    number = normal_number(value)
    if not number or len(number) > 128:
        raise PydanticCustomError("format", "a waybill number is expected")
    return number


Instant: TypeAlias = Annotated[
    datetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day: TypeAlias = Annotated[
    date, BeforeValidator(calendar_day), WithJsonSchema({"type": "string", "format": "date"})
]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
# No table of those who read the facts can hold a NUL.
Name: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Minor: TypeAlias = Annotated[int, Field(ge=0, le=MOST_MINOR)]
Currency: TypeAlias = Annotated[
    str,
    _one_of(frozenset(MINOR_DIGITS), "an ISO 4217 code is expected"),
    WithJsonSchema({"type": "string", "format": "iso-4217", "pattern": "^[A-Z]{3}$"}),
]
Country: TypeAlias = Annotated[
    str,
    _one_of(COUNTRIES, "an ISO 3166-1 code of two letters is expected"),
    WithJsonSchema({"type": "string", "format": "iso-3166-1", "pattern": "^[A-Z]{2}$"}),
]
Zone: TypeAlias = Annotated[
    str,
    _one_of(ZONES, "an IANA time zone is expected"),
    WithJsonSchema({"type": "string", "format": "iana-zone"}),
]
Waybill: TypeAlias = Annotated[Id, AfterValidator(_waybill)]
# An empty text takes a value away.
Phone: TypeAlias = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14})?$")]
Email: TypeAlias = Annotated[
    str, Field(max_length=254, pattern=r"^([^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+)?$")
]


_OWN_TEXT: Final = {"type": "string", "maxLength": _LONGEST}
OwnValue: TypeAlias = Annotated[
    Value,
    PlainValidator(own_value),
    PlainSerializer(_as_json, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                _OWN_TEXT,
                {"type": "number"},
                {"type": "boolean"},
                {"type": "array", "items": _OWN_TEXT, "maxItems": _MOST_CHOICES},
                {"type": "null"},
            ]
        }
    ),
]


class Place(Strict):
    country: Country
    province: Name = ""
    city: Name = ""

    def region(self) -> Region:
        return Region(self.country, self.province, self.city)


class LineItem(Strict):
    sku: Id
    name: Name = ""
    quantity: int = Field(ge=1, le=1_000_000)
    price: Minor

    def line(self) -> OrderLine:
        return OrderLine(self.sku, self.name, self.quantity, self.price)


Lines: TypeAlias = Annotated[list[LineItem], Field(max_length=500)]


class Refund(Strict):
    refund_id: Id
    amount: int | None = Field(None, ge=1, le=MOST_MINOR)
    at: Instant
    state: str = Field("refunded", pattern="^(opened|agreed|refused|withdrawn|refunded)$")

    def facts(self) -> RefundFacts:
        step: dict[str, Any] = {_REFUND_INSTANTS[self.state]: self.at}
        return RefundFacts(self.refund_id, micros(self.at), amount_minor=self.amount, **step)


class Born(Strict):
    month: int = Field(ge=1, le=12)
    day: int = Field(ge=1, le=31)
    year: int | None = Field(None, ge=1900, le=2200)
    lunar: bool = False
    leap_month: bool = False

    @model_validator(mode="after")
    def _is_a_day(self) -> Self:
        if self.lunar:
            good = self.day <= 30
        else:
            year = 2000 if self.year is None else self.year  # a leap year: 29 February may be
            good = not self.leap_month and _exists(year, self.month, self.day)
        if not good:
            raise PydanticCustomError("range", "there is no such day")
        return self

    def birthday(self) -> Birthday:
        return Birthday(self.month, self.day, self.year, self.lunar, self.leap_month)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
