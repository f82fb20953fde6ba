"""Orders of the native API, from their JSON to the bytes of their facts: what most posts are.

Only what is right and plainly spelled is read here: no refunds, no escape, no key twice, times in
capitals down to microseconds. Whatever is not so is left to `native`, which reads all kinds and
says what is wrong; both must take the same orders for good, and make the same bytes of them.

The reader is compiled (`_swift.pyx`). Where it is not, all goes the way of `native`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from contracts import codec
from contracts.events import OrderFacts
from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import MOST_MINOR
from ingest.domain.reading import EARLIEST, LATEST, micros

if TYPE_CHECKING:
    from ingest.edges._swift import Reader, Row

Order: TypeAlias = tuple[bytes, bytes, int]  # customer, fact without its shop, newest instant in us

_NEEDED: Final = (
    "kind",
    "customer_id",
    "order_id",
    "version",
    "sku",
    "quantity",
    "price",
    "country",
)
_PASSED: Final = (
    *("version", "placed_at", "deposit_paid_at", "paid_at"),
    *("signed_at", "confirmed_at", "cancelled_at", "restored_at"),
)
_AHEAD: Final = ("closes_at", "balance_opens_at", "balance_closes_at", "ship_by")
_ORDER: Final = {
    "kind": "word",
    "customer_id": "id",
    "order_id": "id",
    **dict.fromkeys((*_PASSED, *_AHEAD), "instant"),
    "currency": "currency",
    **dict.fromkeys(("total", "discount", "freight"), "minor"),
    **dict.fromkeys(("pay_on_delivery", "is_test", "is_presale"), "flag"),
    "items": "lines",
    "region": "place",
}
_LINE: Final = {"sku": "id", "name": "name", "quantity": "quantity", "price": "minor"}
_PLACE: Final = {"country": "country", "province": "name", "city": "name"}
# Where the API calls it otherwise than the fact.
_CALLED: Final = {
    **{name: f"{name}_minor" for name in ("total", "discount", "freight", "price")},
    "items": "lines",
}


@dataclass(frozen=True, slots=True)
class Plain:
    """One order, or a batch of nothing else."""

    raw: bytes
    single: bool
    orders: Sequence[Order]

    def __len__(self) -> int:
        return len(self.orders)

    def newest_us(self) -> int:
        """Return the latest instant, in UTC microseconds, of what cannot lie ahead of now."""
        return max([newest_us for _, _, newest_us in self.orders])

    def ready(self, shop_id: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the key and the message of each order's fact."""
        key, begun = _of(shop_id)
        for customer, rest, _ in self.orders:
            yield key + customer, begun + rest


def plain(raw: bytes) -> Plain | None:
    """Return the orders that *raw* is, or holds; None says nothing about what it is."""
    return _read(raw, many=_is_batch(raw))


def single(raw: bytes) -> Plain | None:
    """Return the order that *raw* is; None if it is a batch, or anything else."""
    return None if _is_batch(raw) else _read(raw, many=False)


def _is_batch(raw: bytes) -> bool:
    return raw.startswith(b'{"events":')


def _read(raw: bytes, *, many: bool) -> Plain | None:
    orders = None if _READER is None else _READER.read(raw, many)
    return None if orders is None else Plain(raw, not many, orders)


@lru_cache(maxsize=1000)
def _of(shop_id: str) -> tuple[bytes, bytes]:
    """Return what the keys and the messages of a shop's orders begin with."""
    return codec.customer_key(shop_id, ""), codec.begun(OrderFacts, shop_id=shop_id)


def _rows(kinds: dict[str, str], numbers: dict[str, int]) -> list["Row"]:
    """Return the reader's table of a message, as the wire orders it."""
    rows = [
        (name, kind, numbers.get(_CALLED.get(name, name), 0), name in _NEEDED, name in _PASSED)
        for name, kind in kinds.items()
    ]
    return sorted(rows, key=lambda row: row[2])


def _reader() -> "Reader | None":
    try:
        from ingest.edges._swift import Reader  # noqa: PLC0415 - it may be missing
    except ImportError:
        return None
    return Reader(
        _rows(_ORDER, codec.numbers(OrderFacts)),
        _rows(_LINE, codec.numbers(OrderFacts, "lines", "items")),
        _rows(_PLACE, codec.numbers(OrderFacts, "region")),
        codec.numbers(OrderFacts, "lines")["items"],
        MINOR_DIGITS,
        COUNTRIES,
        micros(EARLIEST),
        micros(LATEST),
        MOST_MINOR,
    )


_READER: Final = _reader()
COMPILED: Final = _READER is not None
