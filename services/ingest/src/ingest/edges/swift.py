"""Orders of the native API, read at once from their bytes: what most posts are.

Only what is right and plainly spelled is read here. Whatever is not, or might not be, is left to
`native`, which reads all kinds and says what is wrong; so both must take the same orders for good,
and make the same facts of them.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
import orjson
from msgspec import Meta
from msgspec.structs import astuple

from contracts.events import OrderFacts, OrderLine, Region
from ingest.domain.facts import Item, Ready
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import MOST_MINOR
from ingest.domain.reading import EARLIEST, LATEST, micros

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Name: TypeAlias = Annotated[str, Meta(max_length=200)]
Minor: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_MINOR)]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]

# Times that msgspec takes and RFC 3339, or we, do not: what it would round, offsets without a
# colon. A text that only looks so costs a slower reading. Each holds one of the other three, which
# are found in half of the time.
_ODD: Final = re.compile(rb':\d\d(?:\.\d{7}|(?:\.\d+)?[+-]\d{4}")')
_FINE: Final = re.compile(rb"\.\d{7}")
_EAST: Final = re.compile(rb'\+\d{4}"')
_WEST: Final = re.compile(rb'-\d{4}"')
# A blank in a time, and one that would hide a name from who counts names.
_BLANK: Final = re.compile(rb" (?:\d\d:\d|:)")
# Escapes, a control character that is legal, and blanks that a compact writer has not.
_RARE: Final = b"\\\x7f\t\r\n"


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """No field that we do not know."""


_Fields: Final = msgspec.defstruct(
    "_Fields", [(one.name, Any) for one in dataclasses.fields(OrderFacts)], gc=False
)


class _Line(_Strict):
    sku: Id
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    price_minor: Minor = msgspec.field(name="price")
    name: Name = ""


class _Place(_Strict):
    country: str
    province: Name = ""
    city: Name = ""


class Order(_Strict):
    """An order without refunds; the fields are those of `native.Order`."""

    # After `kind` all stand in the order of `OrderFacts`, as `_values` wants it.
    kind: Literal["order"]  # msgspec's tag would be optional
    customer_id: Id
    order_id: Id
    version: Instant
    placed_at: Instant | None = None
    deposit_paid_at: Instant | None = None
    paid_at: Instant | None = None
    signed_at: Instant | None = None
    confirmed_at: Instant | None = None
    cancelled_at: Instant | None = None
    restored_at: Instant | None = None
    currency: str | None = None
    total: Minor | None = None
    discount: Minor | None = None
    freight: Minor | None = None
    pay_on_delivery: bool | None = None
    is_test: bool | None = None
    is_presale: bool | None = None
    closes_at: Instant | None = None
    balance_opens_at: Instant | None = None
    balance_closes_at: Instant | None = None
    ship_by: Instant | None = None
    items: Annotated[tuple[_Line, ...], Meta(max_length=500)] | None = None
    region: _Place | None = None

    def item(self, shop_id: str) -> Item:
        items, region = self.items, self.region
        lines = (
            None
            if items is None
            else tuple(
                [OrderLine(one.sku, one.name, one.quantity, one.price_minor) for one in items]
            )
        )
        place = None if region is None else Region(region.country, region.province, region.city)
        return Item(Ready(OrderFacts(*self._values(shop_id, lines, place))))

    def fields(self, shop_id: str) -> object:
        """Return what the fact of `item` has, to be encoded at once: a tenth of the time."""
        # A line has the fields of `OrderLine`, a place those of `Region`.
        return _Fields(*self._values(shop_id, self.items, self.region))

    def _values(self, shop_id: str, lines: object, region: object) -> tuple[Any, ...]:
        """Return the fields of `OrderFacts`, in its order."""
        values = astuple(self)
        return (
            shop_id,
            self.customer_id,
            self.order_id,
            micros(self.version),
            *values[_PAST],
            None,  # a hint of a payment is no business of this API
            *values[_TOLD],
            lines,
            region,
            (),  # nor are refunds, of this way
        )

    def instants(self) -> Iterator[tuple[str, datetime | None]]:
        """Yield, by JSON pointer, what cannot lie ahead of now."""
        yield "/version", self.version
        yield "/placed_at", self.placed_at
        yield "/deposit_paid_at", self.deposit_paid_at
        yield "/paid_at", self.paid_at
        yield "/signed_at", self.signed_at
        yield "/confirmed_at", self.confirmed_at
        yield "/cancelled_at", self.cancelled_at
        yield "/restored_at", self.restored_at

    def newest(self) -> datetime:
        """Return the latest of what cannot lie ahead of now."""
        passed: tuple[datetime | None, ...] = astuple(self)[_PASSED]
        return max([at for at in passed if at is not None])

    def is_bounded(self, values: tuple[Any, ...]) -> bool:
        """Tell whether codes are known and times in range: what types alone do not say.

        *values* are those of its fields, here and in `names`: they are taken once.
        """
        if not (
            (self.currency is None or self.currency in MINOR_DIGITS)
            and (self.region is None or self.region.country in COUNTRIES)
        ):
            return False
        for at in values[_PASSED] + values[_AHEAD]:
            # To compare times of two zones exactly is dear, and seldom needed.
            if at is not None and at.year not in _YEARS and not EARLIEST <= at < LATEST:
                return False
        return True

    def names(self, values: tuple[Any, ...]) -> int:
        """Return how many names the JSON has if it gives each of these values, once, and no null.

        An empty text counts as not given: who counts then finds more, and looks closer.
        """
        count = len(_NAMES) - values.count(None)
        for line in self.items or ():
            count += 4 if line.name else 3
        if self.region is not None:
            count += 1 + bool(self.region.province) + bool(self.region.city)
        return count


_YEARS: Final = frozenset(range(EARLIEST.year + 1, LATEST.year - 1))  # in bounds in any zone
_NAMES: Final = Order.__struct_fields__
_PASSED: Final = slice(_NAMES.index("version"), _NAMES.index("restored_at") + 1)
_AHEAD: Final = slice(_NAMES.index("closes_at"), _NAMES.index("ship_by") + 1)
_PAST: Final = slice(_PASSED.start + 1, _PASSED.stop)
_TOLD: Final = slice(_PASSED.stop, _AHEAD.stop)


class _Orders(_Strict):
    events: Annotated[list[Order], Meta(min_length=1, max_length=500)]


_ORDER: Final = msgspec.json.Decoder(Order)
_ORDERS: Final = msgspec.json.Decoder(_Orders)


def order(raw: bytes) -> Order | None:
    """Return the order that *raw* is; None says nothing about what it is."""
    if _needs_care(raw):
        return None
    try:
        read = _ORDER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    values = astuple(read)
    return read if read.is_bounded(values) and _names_once(raw, read.names(values)) else None


def orders(raw: bytes) -> Sequence[Order] | None:
    """Return the orders of a batch that holds nothing else."""
    if _needs_care(raw):
        return None
    try:
        read = _ORDERS.decode(raw).events
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    names = 1
    for one in read:
        values = astuple(one)
        if not one.is_bounded(values):
            return None
        names += one.names(values)
    return read if _names_once(raw, names) else None


def _needs_care(raw: bytes) -> bool:
    """Tell whether an escape, a control character, an odd time or blank may be in it.

    What else makes strict JSON dear, msgspec refuses: fractions where an integer is due, control
    characters in a text, what is not UTF-8. How deep it may nest, the types say.
    """
    if len(raw.translate(None, _RARE)) < len(raw) or _BLANK.search(raw):
        return True
    may_be_odd = _FINE.search(raw) or _WEST.search(raw) or _EAST.search(raw)
    return may_be_odd is not None and _ODD.search(raw) is not None


def _names_once(raw: bytes, names: int) -> bool:
    """Tell whether no object of *raw*, which was read, names a key twice: msgspec takes the last.

    Without escapes a quote ends or begins a text, and before a colon it ends a name. Each of
    *names* is there once at least; so, if there are no more, each is there just once. Else it may
    still be as a compact writer spells it, with a null or an empty text.
    """
    return raw.count(b'":') == names or _is_compact(raw)


def _is_compact(raw: bytes) -> bool:
    try:
        return orjson.dumps(orjson.loads(raw)) == raw
    except orjson.JSONDecodeError:
        return False
