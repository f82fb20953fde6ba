"""A day in a tea shop, told in the shop's own time: what people do, and when.

Pure: `script` returns what is pushed at which instant. Names and numbers are made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from simulators.shops import Line, Node, Person, Purchase

Fact: TypeAlias = dict[str, Any]
Route: TypeAlias = tuple[str, tuple[Node, ...]]  # a waybill and where its parcel has been

SHOP_ID: Final = "tea-house"
ZONE: Final = ZoneInfo("Asia/Shanghai")
SHOP: Final[Fact] = {
    "name": "茶语",
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "country": "CN",
    "locale": "zh",
    "sms_signature": "茶语",
    "same_day_cutoff": "13:30",
    "email_from": "care@tea-house.example",
}
OPENS: Final = time(8, 30)
CUSTOMERS: Final = 60
ITEMS: Final = (
    ("longjing", "明前龙井", 16_800),
    ("puer", "陈年普洱", 25_800),
    ("jasmine", "茉莉花茶", 12_800),
    ("pot", "紫砂壶", 39_900),
)


@dataclass(frozen=True, slots=True)
class Push:
    """What the shop's systems say at one instant.

    `pushes` are for the native API, `courier` for the courier's webhook, `platform` for the shop
    platform's webhook, `replies` come back from customers by SMS.
    """

    at: datetime
    what: str
    facts: tuple[Fact, ...] = ()
    courier: tuple[Route, ...] = ()
    platform: tuple[Purchase, ...] = ()
    replies: tuple[tuple[str, str], ...] = ()


def customer_id(number: int) -> str:
    return f"c-{number:03}"


def phone(number: int) -> str:
    return f"+86138001{number:05}"


def script(day: date) -> list[Push]:
    """Return the pushes of *day* and the morning after, in order of time."""
    teller = _Teller(day)
    pushes = [
        *teller.morning(),
        *teller.reminded(),
        *teller.parcels(),
        *teller.birthdays(),
        *teller.reviews(),
        *teller.evening(),
    ]
    return sorted(pushes, key=lambda push: push.at)


class _Teller:
    """The day as a few stories; each customer has a part in one of them."""

    UNPAID: Final = range(1, 25)
    PAID: Final = range(25, 37)
    BIRTHDAY: Final = range(37, 45)
    REVIEWS: Final = range(45, 51)
    EVENING: Final = range(51, 57)
    PLATFORM: Final = range(57, 61)
    # These left no number, so they get e-mail; 43 has a birthday.
    BY_MAIL: Final = (34, 35, 36, 43)

    def __init__(self, day: date) -> None:
        self._day = day

    def at(self, hour: int, minute: int, second: int = 0, days: int = 0) -> datetime:
        day = self._day + timedelta(days=days)
        return datetime.combine(day, time(hour, minute, second), ZONE)

    def order(self, number: int, placed: datetime, **facts: Any) -> Fact:
        sku, name, price = ITEMS[number % len(ITEMS)]
        return {
            "kind": "order",
            "order_id": f"T{self._day:%m%d}{number:04}",
            "customer_id": customer_id(number),
            "version": placed.isoformat(),
            "placed_at": placed.isoformat(),
            "currency": "CNY",
            "total": price,
            "items": [{"sku": sku, "name": name, "quantity": 1, "price": price}],
            "region": {"country": "CN", "province": "浙江省", "city": "杭州市"},
            **facts,
        }

    def payment(self, number: int, at: datetime) -> Fact:
        """Return a fact that only says: this order is paid."""
        return {
            "kind": "order",
            "order_id": f"T{self._day:%m%d}{number:04}",
            "customer_id": customer_id(number),
            "version": at.isoformat(),
            "paid_at": at.isoformat(),
        }

    def person(self, number: int) -> Fact:
        born = number in self.BIRTHDAY
        return {
            "kind": "customer",
            "customer_id": customer_id(number),
            "version": self.at(7, 0).isoformat(),
            "name": f"顾客{number}",
            "phone": None if number in self.BY_MAIL else phone(number),
            "email": f"{customer_id(number)}@customers.example",
            "birthday": {"month": self._day.month, "day": self._day.day} if born else None,
            # One of those whose day it is never agreed to marketing.
            "consent": {"sms": number != self.BIRTHDAY[0], "email": number in self.BY_MAIL},
        }

    def morning(self) -> Iterator[Push]:
        people = range(1, CUSTOMERS + 1)
        yield Push(self.at(8, 30), "customers", tuple(self.person(number) for number in people))
        paid = [
            self.order(number, self.at(8, 40), paid_at=self.at(8, 41).isoformat())
            for number in self.PAID
        ]
        yield Push(self.at(8, 42), "orders, paid at once", tuple(paid))

    def reminded(self) -> Iterator[Push]:
        """24 leave their order unpaid: 8 pay in time, one in the last seconds, 6 once reminded."""
        placed = self.at(8, 50)
        orders = [self.order(number, placed) for number in self.UNPAID]
        orders[-1]["total"] = 9_900  # too small for a reminder
        yield Push(placed, "orders, unpaid", tuple(orders))
        early = [self.payment(number, self.at(9, 5)) for number in self.UNPAID[:8]]
        yield Push(self.at(9, 5), "payments in time", tuple(early))
        late = self.payment(self.UNPAID[8], self.at(9, 19, 49))
        yield Push(self.at(9, 19, 50), "a payment in the last seconds", (late,))
        after = [self.payment(number, self.at(10, 10)) for number in self.UNPAID[9:15]]
        yield Push(self.at(10, 10), "payments after the reminder", tuple(after))
        refund = {
            **self.payment(self.UNPAID[9], self.at(10, 10)),
            "version": self.at(16, 0).isoformat(),
            "refunds": [
                {
                    "refund_id": "R1",
                    "amount": 5_000,
                    "at": self.at(16, 0).isoformat(),
                    "state": "refunded",
                }
            ],
        }
        yield Push(self.at(16, 1), "a refund", (refund,))

    def parcels(self) -> Iterator[Push]:
        """Every paid order ships; the first in two parcels. The courier reports by webhook."""
        numbers = [(number, f"YT{number:010}") for number in self.PAID]
        numbers.append((self.PAID[0], "YT9000000001"))
        shipped = [
            {
                "kind": "shipment",
                "order_id": f"T{self._day:%m%d}{number:04}",
                "customer_id": customer_id(number),
                "carrier": "yuantong",
                "number": waybill,
                "state": "picked_up",
                "at": self.at(11, 0).isoformat(),
            }
            for number, waybill in numbers
        ]
        yield Push(self.at(11, 1), "parcels handed over", tuple(shipped))
        route = (Node(self.at(11, 0), "1", "快件已揽收"), Node(self.at(19, 30), "301", "已签收"))
        signed = tuple((waybill, route) for _, waybill in numbers[:4])
        yield Push(self.at(19, 31), "the courier: signed", courier=signed)

    def birthdays(self) -> Iterator[Push]:
        """Three of those who were wished well buy something that afternoon; one opts out."""
        placed = self.at(15, 0)
        orders = [
            self.order(number, placed, paid_at=self.at(15, 2).isoformat())
            for number in self.BIRTHDAY[1:4]
        ]
        yield Push(self.at(15, 3), "birthday people buy", tuple(orders))
        yield Push(self.at(14, 0), "a reply: T", replies=((phone(self.BIRTHDAY[5]), "T"),))

    def reviews(self) -> Iterator[Push]:
        """Three praise, three complain; one of these thinks better of it within minutes."""
        written = [
            self._review(number, rating, self.at(13, 0))
            for number, rating in zip(self.REVIEWS, (5, 4, 5, 1, 2, 3), strict=True)
        ]
        yield Push(self.at(13, 0), "reviews", tuple(written))
        better = self._review(self.REVIEWS[-1], 5, self.at(13, 10))
        yield Push(self.at(13, 10), "a review improved", (better,))

    def evening(self) -> Iterator[Push]:
        """Orders too late for a text tonight; half of them are paid before the morning."""
        placed = self.at(20, 45)
        orders = tuple(self.order(number, placed) for number in self.EVENING)
        yield Push(placed, "orders in the evening", orders)
        paid = [self.payment(number, self.at(23, 0)) for number in self.EVENING[:3]]
        yield Push(self.at(23, 0), "payments at night", tuple(paid))
        by_hook = tuple(self._purchase(number) for number in self.PLATFORM)
        yield Push(self.at(12, 2), "orders by the shop platform's webhook", platform=by_hook)
        yield Push(self.at(9, 45, days=1), "the next morning")

    def _purchase(self, number: int) -> Purchase:
        sku, name, price = ITEMS[number % len(ITEMS)]
        line = Line(sku, name, price)
        return Purchase(
            number=number, person=Person(number), lines=[line], placed_at=self.at(12, 0)
        )

    def _review(self, number: int, rating: int, at: datetime) -> Fact:
        return {
            "kind": "review",
            "review_id": f"V{number}",
            "order_id": f"T{self._day:%m%d}{number:04}",
            "customer_id": customer_id(number),
            "rating": rating,
            "text": "很好" if rating > 3 else "碎了",
            "at": at.isoformat(),
        }


def count(push: Push) -> int:
    """Return how many things *push* says."""
    return len(push.facts) + len(push.courier) + len(push.platform) + len(push.replies)
