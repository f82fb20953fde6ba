"""A folder in the public Olist layout as facts for the native API: real orders, 2016 to 2018.

What is read, and what is made of it:

orders      purchase: an order, placed, by the `customer_unique_id` of its customer.
            approval: the order is paid, if some payment is known of it.
            handed to the carrier: a parcel, picked up, with its estimated day. Its number is the
            order's id, for the files name no waybill.
            delivered: the same parcel, delivered.
            status canceled or unavailable: cancelled at the last instant that the row names.
payments    the sum is the order's total, vouchers included.
items       the order's lines; their price and freight are the total where no payment is known.
customers   the order's region.
reviews     score and message, written when the customer answered.

Instants are local times of America/Sao_Paulo without an offset; one that happened twice means the
first. The files tell what happened in no good order: parcels leave before the payment is approved,
a few arrive before they left. Each fact goes out as it stands, for the product must cope: a parcel
that was delivered had been handed over by then.

With `Paid.AT_PURCHASE` an order with a payment counts from the day of its purchase, approved or
not. That is how figures of this data are usually published; it is for comparing with them only.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from demo.house import Failed

Fact: TypeAlias = dict[str, Any]
T = TypeVar("T")

ZONE: Final = ZoneInfo("America/Sao_Paulo")
CURRENCY: Final = "BRL"
SHOP: Final[Fact] = {
    "name": "Olist",
    "zone": str(ZONE),
    "currency": CURRENCY,
    "country": "BR",
    "locale": "en",
    "sms_signature": "Olist",
}
GONE: Final = frozenset({"canceled", "unavailable"})
MOST_CHARS: Final = 4000  # of a review

ORDERS: Final = "olist_orders_dataset.csv"
ITEMS: Final = "olist_order_items_dataset.csv"
PAYMENTS: Final = "olist_order_payments_dataset.csv"
REVIEWS: Final = "olist_order_reviews_dataset.csv"
CUSTOMERS: Final = "olist_customers_dataset.csv"
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    ORDERS: (
        *("order_id", "customer_id", "order_status", "order_purchase_timestamp"),
        *("order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date"),
        "order_estimated_delivery_date",
    ),
    ITEMS: ("order_id", "product_id", "price", "freight_value"),
    PAYMENTS: ("order_id", "payment_value"),
    REVIEWS: (
        *("review_id", "order_id", "review_score", "review_comment_message"),
        *("review_creation_date", "review_answer_timestamp"),
    ),
    CUSTOMERS: ("customer_id", "customer_unique_id", "customer_city", "customer_state"),
}


class BadFolder(Failed):
    """The folder cannot be read as Olist's; the text says what is expected where."""


class Paid(Enum):
    """From when on an order counts as paid."""

    WHEN_APPROVED = "approved"
    AT_PURCHASE = "purchase"


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    customer_id: str
    status: str
    placed_at: datetime
    approved_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    estimated_day: date | None
    total_minor: int | None
    has_payment: bool
    lines: Sequence[Fact]
    region: Fact

    @property
    def is_gone(self) -> bool:
        return self.status in GONE

    @property
    def last_at(self) -> datetime:
        known = (self.placed_at, self.approved_at, self.handed_over_at, self.delivered_at)
        return max(at for at in known if at is not None)


@dataclass(frozen=True, slots=True)
class Review:
    review_id: str
    order_id: str
    customer_id: str
    rating: int
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    orders: Sequence[Order]
    reviews: Sequence[Review]

    @property
    def last_order_day(self) -> date:
        """Return the last day with an order that was not cancelled."""
        return max(
            (one.placed_at.date() for one in self.orders if not one.is_gone),
            default=max(one.placed_at.date() for one in self.orders),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One fact, and when it happened."""

    at: datetime
    fact: Fact


def read(folder: Path) -> History:
    """Read the five files.

    Raises:
        BadFolder: One is missing, lacks a column, or holds a value that does not fit.
    """
    if not folder.is_dir():
        raise BadFolder(f"{folder} is no folder. {_EXPECTED}")
    missing = [name for name in COLUMNS if not (folder / name).is_file()]
    if missing:
        raise BadFolder(f"{folder} lacks {', '.join(missing)}. {_EXPECTED}")
    orders = list(_orders(folder))
    if not orders:
        raise BadFolder(f"{folder / ORDERS} holds no order")
    owner = {one.order_id: one.customer_id for one in orders}
    return History(orders, list(_reviews(folder, owner)))


def facts(history: History, paid: Paid = Paid.WHEN_APPROVED) -> list[Told]:
    """Return all that the files tell, in the order in which it happened."""
    told = [one for order in history.orders for one in _of_order(order, paid)]
    told += [_of_review(review) for review in history.reviews]
    return sorted(told, key=lambda one: one.at)


def _of_order(order: Order, paid: Paid) -> Iterator[Told]:
    about = {"kind": "order", "order_id": order.order_id, "customer_id": order.customer_id}

    def said(at: datetime, **what: Any) -> Told:
        return Told(at, {**about, "version": at.isoformat(), **what})

    yield said(
        order.placed_at,
        placed_at=order.placed_at.isoformat(),
        currency=CURRENCY,
        total=order.total_minor,
        items=list(order.lines) or None,
        region=order.region,
    )
    paid_at = order.placed_at if paid is Paid.AT_PURCHASE else order.approved_at
    if order.has_payment and paid_at is not None:
        yield said(paid_at, paid_at=paid_at.isoformat())
    if order.is_gone:
        yield said(order.last_at, cancelled_at=order.last_at.isoformat())
    for at, state in ((order.handed_over_at, "picked_up"), (order.delivered_at, "delivered")):
        if at is not None:
            yield Told(at, _shipment(order, at, state))


def _shipment(order: Order, at: datetime, state: str) -> Fact:
    day = order.estimated_day
    return {
        "kind": "shipment",
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "number": order.order_id,
        "state": state,
        "at": at.isoformat(),
        "estimated_day": None if day is None else day.isoformat(),
    }


def _of_review(review: Review) -> Told:
    fact = {
        "kind": "review",
        # One answer may be about several orders: the file repeats its id.
        "review_id": f"{review.review_id}-{review.order_id}",
        "order_id": review.order_id,
        "customer_id": review.customer_id,
        "rating": review.rating,
        "text": review.text or None,
        "at": review.at.isoformat(),
    }
    return Told(review.at, fact)


def _orders(folder: Path) -> Iterator[Order]:
    people = {row("customer_id"): row for row in _rows(folder / CUSTOMERS)}
    payments: dict[str, list[int]] = defaultdict(list)
    for row in _rows(folder / PAYMENTS):
        payments[row("order_id")].append(row.read("payment_value", _minor))
    items: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in _rows(folder / ITEMS):
        price, freight = row.read("price", _minor), row.read("freight_value", _minor)
        items[row("order_id")].append((row("product_id"), price, freight))
    for row in _rows(folder / ORDERS):
        person = people.get(row("customer_id"))
        if person is None:
            raise row.wrong("customer_id", f"an id that {CUSTOMERS} knows")
        estimated_at = row.maybe("order_estimated_delivery_date", _instant)
        bought, paid = items[row("order_id")], payments[row("order_id")]
        total = sum(price + freight for _, price, freight in bought) if bought else None
        yield Order(
            order_id=row("order_id"),
            customer_id=person("customer_unique_id"),
            status=row("order_status"),
            placed_at=row.read("order_purchase_timestamp", _instant),
            approved_at=row.maybe("order_approved_at", _instant),
            handed_over_at=row.maybe("order_delivered_carrier_date", _instant),
            delivered_at=row.maybe("order_delivered_customer_date", _instant),
            estimated_day=None if estimated_at is None else estimated_at.date(),
            total_minor=sum(paid) if paid else total,
            has_payment=bool(paid),
            lines=_lines(bought),
            region={
                "country": "BR",
                "province": person("customer_state"),
                "city": person("customer_city"),
            },
        )


def _lines(bought: Sequence[tuple[str, int, int]]) -> list[Fact]:
    """Return one line for each product and price: the file has a row for each piece."""
    pieces = Counter((product, price) for product, price, _ in bought)
    return [
        {"sku": product, "quantity": number, "price": price}
        for (product, price), number in sorted(pieces.items())
    ]


def _reviews(folder: Path, owner: Mapping[str, str]) -> Iterator[Review]:
    for row in _rows(folder / REVIEWS):
        if row("order_id") not in owner:
            raise row.wrong("order_id", f"an id that {ORDERS} knows")
        answered_at = row.maybe("review_answer_timestamp", _instant)
        yield Review(
            review_id=row("review_id"),
            order_id=row("order_id"),
            customer_id=owner[row("order_id")],
            rating=row.read("review_score", _stars),
            text=row("review_comment_message").strip()[:MOST_CHARS],
            at=answered_at or row.read("review_creation_date", _instant),
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a file, and where it stands."""

    path: Path
    line: int
    values: Mapping[str, str | None]

    def __call__(self, column: str) -> str:
        return self.values[column] or ""

    def read(self, column: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self(column))
        except (ValueError, InvalidOperation):
            raise self.wrong(column, _WANTED[parse]) from None

    def maybe(self, column: str, parse: Callable[[str], T]) -> T | None:
        return self.read(column, parse) if self(column) else None

    def wrong(self, column: str, expected: str) -> BadFolder:
        return BadFolder(
            f"{self.path}, line {self.line}: {column} is {self(column)!r}; expected {expected}"
        )


def _rows(path: Path) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [one for one in COLUMNS[path.name] if one not in (reader.fieldnames or ())]
            if missing:
                raise BadFolder(f"{path} lacks the columns {', '.join(missing)}. {_EXPECTED}")
            for values in reader:
                yield _Row(path, reader.line_num, values)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFolder(f"{path} cannot be read: {error}") from error


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError("the files have local times")
    return at.replace(tzinfo=ZONE)


def _minor(text: str) -> int:
    scaled = Decimal(text).scaleb(2)
    if not scaled.is_finite() or scaled < 0 or scaled != int(scaled):
        raise ValueError("no amount of money")
    return int(scaled)


def _stars(text: str) -> int:
    stars = int(text)
    if not 1 <= stars <= 5:
        raise ValueError("no number of stars")
    return stars


_WANTED: Final[Mapping[Callable[[str], Any], str]] = {
    _instant: "a local time like 2018-08-29 11:06:11",
    _minor: "an amount like 99.90",
    _stars: "1 to 5",
}
_EXPECTED: Final = (
    "Expected is a folder with the files of the Olist data set (on Kaggle: "
    "olistbr/brazilian-ecommerce): " + ", ".join(COLUMNS)
)
