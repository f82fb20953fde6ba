"""A log of orders as shops push them, and the plain recomputation of what they add up to."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, TypeAlias

import msgspec
from aiokafka import AIOKafkaProducer

from contracts.codec import customer_key, encode
from contracts.events import OrderFacts
from contracts.topics import ORDERS
from load.bed import PARTITIONS
from plumbing.records import partition_of

SHOPS: Final = [f"shop-{number}" for number in range(10)]
TODAY: Final = date(2026, 3, 1)
END: Final = datetime(2026, 3, 1, 4, tzinfo=UTC)  # noon of the shops
SPAN_S: Final = 400 * 86_400
AVERAGE: Final = (1_000, 45_000_000)  # orders, and what they sum up to
RECENT: Final = 4_000

Who: TypeAlias = tuple[str, str]
Standing: TypeAlias = tuple[int, int, str]  # orders, money, cell


@dataclass(frozen=True, slots=True)
class Log:
    """*events* facts of *customers*: 95 % new orders, 4 % pushed again, 1 % with a refund.

    Orders come in the order of their time, over 400 days. With *skew* the customers are drawn by
    Zipf's law, else evenly. With *preloaded* each of them has ordered once before.
    """

    events: int
    customers: int
    skew: float | None = None
    seed: int = 7
    preloaded: bool = False

    @property
    def known(self) -> int:
        """How many facts come before the first of *events*."""
        return self.customers if self.preloaded else 0

    def before(self) -> Iterator[dict[str, Any]]:
        """Return one new order of each customer, mixed, where they are preloaded."""
        draw = random.Random(self.seed + 2)  # noqa: S311 - the same for both sides
        return self._orders(draw, draw.sample(range(self.known), self.known), 0)

    def facts(self) -> Iterator[dict[str, Any]]:
        draw = random.Random(self.seed)  # noqa: S311 - the same for both sides
        buys = random.Random(self.seed + 1)  # noqa: S311 - the same for both sides
        fresh = self._orders(buys, self._buyers(buys), self.known)
        recent: list[dict[str, Any]] = []
        for _ in range(self.events):
            kind = draw.random()
            if kind < 0.95 or not recent:
                recent.append(next(fresh))
                if len(recent) > RECENT:
                    del recent[: RECENT // 2]
                yield recent[-1]
                continue
            order = draw.choice(recent)
            yield order if kind < 0.99 else _refunded(order)

    def _orders(
        self, draw: random.Random, buyers: Iterable[int], first: int
    ) -> Iterator[dict[str, Any]]:
        for number, customer in enumerate(buyers, first):
            at = END - timedelta(seconds=SPAN_S * (1 - number / (self.known + self.events)))
            total = draw.randrange(1_000, 90_000)
            shop_id, customer_id = who(customer)
            yield {
                "shop_id": shop_id,
                "customer_id": customer_id,
                "order_id": str(5_000_000_000_000 + number),
                "version_us": int(at.timestamp()) * 1_000_000,
                "placed_at": _iso(at - timedelta(minutes=3)),
                "paid_at": _iso(at),
                "currency": "CNY",
                "total_minor": total,
                "discount_minor": draw.randrange(500),
                "freight_minor": 1_000,
                "pay_on_delivery": False,
                "is_test": False,
                "is_presale": False,
                "closes_at": _iso(at + timedelta(minutes=27)),
                "ship_by": _iso(at + timedelta(days=2)),
                "lines": [
                    _line(f"TEA-{number % 9999:04d}", "West Lake Longjing, first pick", total),
                    _line(f"CUP-{number % 997:04d}", "Celadon cup", 2_500),
                ],
                "region": {"country": "CN", "province": "Zhejiang", "city": "Hangzhou"},
            }

    def _buyers(self, draw: random.Random) -> Iterator[int]:
        if self.skew is None:
            while True:
                yield draw.randrange(self.customers)
        weights = list(accumulate(rank**-self.skew for rank in range(1, self.customers + 1)))
        while True:
            yield from draw.choices(range(self.customers), cum_weights=weights, k=10_000)


@dataclass(eq=False)
class Backlog:
    """A log in the topic, and what it must come to."""

    log: Log
    standings: dict[Who, Standing]
    orders: int
    crowd: int = 0  # customers with an order each that no log tells of, and most not in `standings`

    def differs(self, found: dict[Who, Standing]) -> str:
        wrong = sum(found.get(who) != held for who, held in self.standings.items())
        strange = len(found.keys() - self.standings.keys())
        return f"{wrong} customers differ, {strange} are unknown" if wrong or strange else ""


def who(number: int) -> Who:
    return SHOPS[number % len(SHOPS)], f"c-{number:08d}"


def shop_day(at: datetime) -> date:
    return (at + timedelta(hours=8)).date()


def cell(days: int, orders: int, money: int) -> str:
    """Return the cell, as the glossary has it, with nothing of the product's code."""
    if days <= 7:
        return "just_bought"
    if days > 365:
        return "lost"
    kind = (("new", "loyal") if days <= 90 else ("fading", "sleeping"))[orders > 1]
    return f"{kind}_{'high' if money * AVERAGE[0] >= AVERAGE[1] else 'low'}"


def recomputed(
    facts: Iterable[dict[str, Any]],
) -> tuple[dict[Who, Standing], int]:
    """Return what everybody's orders add up to, each once, and how many orders there are."""
    orders: dict[tuple[str, str], tuple[Who, date, int, dict[str, int]]] = {}
    for fact in facts:
        customer = (fact["shop_id"], fact["customer_id"])
        day = shop_day(datetime.fromisoformat(fact["paid_at"]))
        refunds: dict[str, int] = {}
        new = (customer, day, int(fact["total_minor"]), refunds)
        held = orders.setdefault((fact["shop_id"], fact["order_id"]), new)
        for refund in fact.get("refunds", ()):
            held[3][refund["refund_id"]] = refund["amount_minor"]
    sums: dict[Who, tuple[int, int, date]] = {}
    for customer, day, total, back in orders.values():
        count, money, last = sums.get(customer, (0, 0, day))
        sums[customer] = (count + 1, money + total - sum(back.values()), max(last, day))
    standings = {
        customer: (count, money, cell((TODAY - last).days, count, money))
        for customer, (count, money, last) in sums.items()
    }
    return standings, len(orders)


async def fill(servers: str, facts: Iterable[dict[str, Any]], *, protobuf: bool = False) -> int:
    """Write *facts* to the orders' topic, as JSON or as the product does; return the bytes."""
    decode = msgspec.json.Decoder(OrderFacts).decode
    waiting: dict[int, list[tuple[bytes, bytes, list[tuple[str, bytes]]]]] = {
        part: [] for part in range(PARTITIONS)
    }
    size = 0
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=1 << 20,
    )

    async def send(part: int) -> None:
        batch = producer.create_batch()
        for key, value, headers in waiting[part]:
            batch.append(key=key, value=value, timestamp=None, headers=headers)
        waiting[part] = []
        await (await producer.send_batch(batch, ORDERS, partition=part))

    await producer.start()
    try:
        for fact in facts:
            key = customer_key(fact["shop_id"], fact["customer_id"])
            value, headers = msgspec.json.encode(fact), list[tuple[str, bytes]]()
            if protobuf:
                sent = encode(decode(value), source="ingest", at=END)
                value, headers = sent.value or b"", list(sent.headers)
            size += len(value)
            part = partition_of(key, PARTITIONS)
            waiting[part].append((key, value, headers))
            if len(waiting[part]) == 500:
                await send(part)
        for part, rest in waiting.items():
            if rest:
                await send(part)
    finally:
        await producer.stop()
    return size


def _refunded(order: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(order["paid_at"]) + timedelta(minutes=40)
    version_us = int(at.timestamp()) * 1_000_000
    refund = {
        "refund_id": "R-1",
        "version_us": version_us,
        "amount_minor": order["total_minor"] // 4,
        "agreed_at": _iso(at),
    }
    return {**order, "version_us": version_us, "refunds": [refund]}


def _line(sku: str, name: str, price_minor: int) -> dict[str, Any]:
    return {"sku": sku, "name": name, "quantity": 1, "price_minor": price_minor}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
