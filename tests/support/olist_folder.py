"""A folder in the Olist layout, made up: a year of orders with all that is odd in the real one."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

BEGINS: Final = datetime(2017, 2, 1)  # noqa: DTZ001 - the files have local times
DAYS: Final = 330
ORDERS: Final = 420
PEOPLE: Final = 150
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
# In that night clocks in Sao Paulo went forward: no day began at midnight.
NO_MIDNIGHT: Final = datetime(2017, 10, 15, 0, 20)  # noqa: DTZ001
STATUSES: Final = ("canceled", "unavailable", "invoiced", "processing", "shipped")

Row = Sequence[object]


@dataclass(eq=False)
class _Writer:
    random: Random
    days: int
    orders: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    reviews: list[Row] = field(default_factory=list)
    customers: list[Row] = field(default_factory=list)

    def order(self, number: int) -> None:
        random = self.random
        order_id, customer_id = f"{number:032x}", f"{number + 7_000_000:032x}"
        who = random.randrange(PEOPLE)
        self.customers.append(
            (customer_id, f"{who:032x}", "01000", random.choice(("são paulo", "manaus")), "SP")
        )
        placed = BEGINS + DAY * random.randrange(self.days) + MINUTE * random.randrange(1440)
        if number % 40 == 0 and BEGINS + DAY * self.days > NO_MIDNIGHT:
            placed = NO_MIDNIGHT
        status = STATUSES[number // 10 % 5] if number % 10 == 0 else "delivered"
        times = list(self._times(number, status, placed))
        estimated = (placed + DAY * random.randrange(4, 25)).replace(hour=0, minute=0)
        if number % 9 == 0 and times[2]:
            estimated = times[2].replace(hour=0, minute=0)  # late by the clock, not by the day
        self.orders.append((order_id, customer_id, status, placed, *times, estimated))
        self._money(number, order_id)
        if number % 4 == 0:
            at = (times[2] or placed) + DAY
            self._review(number, order_id, at)

    def _times(self, number: int, status: str, placed: datetime) -> Iterator[datetime | None]:
        """Yield approval, hand-over and delivery; some are missing, some in no good order."""
        random = self.random
        approved = placed + MINUTE * random.choice((0, 12, 75, 600, 4_000))
        carried = approved + MINUTE * random.randrange(600, 6_000)
        delivered = carried + MINUTE * random.randrange(600, 40_000)
        if number % 17 == 0:
            carried = approved - MINUTE * 5
        if number % 50 == 7:
            delivered = carried - DAY
        yield None if number % 60 in (0, 3) else approved
        left = status in ("delivered", "shipped") or number % 100 == 0
        yield carried if left else None
        yield delivered if status == "delivered" else None

    def _money(self, number: int, order_id: str) -> None:
        random = self.random
        for item in range(1, random.choice((1, 1, 1, 2, 3)) + 1):
            price = f"{random.randrange(500, 90_000) / 100:.2f}"
            product = f"{random.randrange(40):032x}"
            self.items.append((order_id, item, product, "s", BEGINS, price, "15.10"))
        if number % 70 == 5:
            return  # no payment at all
        parts = random.choice((1, 1, 1, 2, 4))
        for part in range(1, parts + 1):
            value = f"{random.randrange(1, 90_000) / 100:.2f}"
            self.payments.append((order_id, part, "credit_card", 1, value))
        if number % 30 == 2:
            self.payments.append((order_id, parts + 1, "voucher", 1, "0.00"))

    def _review(self, number: int, order_id: str, at: datetime) -> None:
        review_id = f"{number // 8:032x}"  # some answers are about two orders
        text = 'Não chegou,\n"ainda"' if number % 8 == 0 else ""
        stars = self.random.choice((1, 2, 3, 4, 5, 5))
        asked = at.replace(hour=0, minute=0)
        self.reviews.append((review_id, order_id, stars, "", text, asked, at))


def write_folder(folder: Path, seed: int, days: int = DAYS) -> Path:
    """Write the five files into *folder*, the same for the same *seed*."""
    print(f"seed {seed}")  # noqa: T201 - so that a red run can be played again
    made = _Writer(Random(seed), days)  # noqa: S311 - no secret
    for number in range(1, ORDERS + 1):
        made.order(number)
    columns = {
        "orders": "order_id customer_id order_status order_purchase_timestamp order_approved_at"
        " order_delivered_carrier_date order_delivered_customer_date"
        " order_estimated_delivery_date",
        "order_items": "order_id order_item_id product_id seller_id shipping_limit_date price"
        " freight_value",
        "order_payments": "order_id payment_sequential payment_type payment_installments"
        " payment_value",
        "order_reviews": "review_id order_id review_score review_comment_title"
        " review_comment_message review_creation_date review_answer_timestamp",
        "customers": "customer_id customer_unique_id customer_zip_code_prefix customer_city"
        " customer_state",
    }
    rows = {
        "orders": made.orders,
        "order_items": made.items,
        "order_payments": made.payments,
        "order_reviews": made.reviews,
        "customers": made.customers,
    }
    for name, header in columns.items():
        with (folder / f"olist_{name}_dataset.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header.split())
            writer.writerows(rows[name])
    return folder
