"""A shop whose goods are bought together, and its past as plain rows for an oracle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

import duckdb

from contracts.events import OrderFacts, OrderLine, Product, RefundFacts
from integration.segmenter.conftest import NOON, Segmenter
from integration.segmenter.detailed import Details
from segmenter.edges.timers import pair_goods

PAIRED: Final = {"s00": "s01", "s02": "s03", "s04": "s05", "s06": "s00", "s07": "s02"}
CROWD: Final = 102  # of so many lines on a day each has more than a hundred others
TODAY: Final = date(2026, 3, 1)

# Written from features.md F18, not from our code.
REFERENCE = """
with span as (
  select *, case when month(day) in (12, 1, 2) then 'winter' when month(day) <= 5 then 'spring'
                 when month(day) <= 8 then 'summer' else 'autumn' end as season
  from line where day between cast($day as date) - 365 and cast($day as date) - 1),
looked as (
  select customer, sku, day, '' as season from span
  union all select customer, sku, day, season from span),
crowded as (
  select a.customer, a.sku, a.day from span a join span b
    on a.customer = b.customer and abs(date_diff('day', a.day, b.day)) <= 30
  group by all having count(*) - 1 > 100),
quiet as (select * from looked anti join crowded using (customer, sku, day)),
item as (select season, sku, count(distinct customer) as n from looked group by all),
everyone as (select season, count(distinct customer) as n from looked group by all),
pair as (
  select a.season, a.sku, b.sku as other, count(distinct a.customer) as n
  from quiet a join quiet b on a.season = b.season and a.customer = b.customer
    and a.sku <> b.sku and abs(date_diff('day', a.day, b.day)) <= 30
  group by all)
select p.sku, p.season, p.other, a.n, b.n, p.n, e.n
from pair p join item a on (a.season, a.sku) = (p.season, p.sku)
join item b on (b.season, b.sku) = (p.season, p.other)
join everyone e on e.season = p.season
where p.n >= 5 and (p.n::hugeint * e.n * 10) > (a.n::hugeint * b.n * 12)
order by all
"""
CYCLES = """
with gap as (
  select sku, (lead(day) over (partition by sku, customer order by day) - day) / quantity as days
  from line where day between cast($day as date) - 365 and cast($day as date) - 1)
select sku, count(*), greatest(1, floor(median(days) + 0.5)) from gap where days is not null
group by sku having count(*) >= 30 order by sku
"""


@dataclass(frozen=True, slots=True)
class Order:
    order_id: str
    customer: str
    paid_at: datetime | None
    lines: tuple[tuple[str, int], ...]  # sku, quantity
    currency: str = "CNY"
    refunded_minor: int = 0
    total_minor: int = 1000
    signed_at: datetime | None = None

    def fact(self) -> OrderFacts:
        refunds = [
            RefundFacts(f"r{self.order_id}", 1, self.refunded_minor, agreed_at=self.paid_at)
            for _ in range(self.refunded_minor > 0)
        ]
        return OrderFacts(
            "tea",
            self.customer,
            self.order_id,
            1,
            placed_at=self.paid_at or NOON,
            paid_at=self.paid_at,
            signed_at=self.signed_at,
            currency=self.currency,
            total_minor=self.total_minor,
            lines=tuple(OrderLine(sku, sku, quantity, 100) for sku, quantity in self.lines),
            refunds=tuple(refunds),
        )

    @property
    def counts(self) -> bool:
        left = self.total_minor - self.refunded_minor
        return self.paid_at is not None and left > 0 and self.currency == "CNY"


def past(random: Random, *, orders: int = 1000, customers: int = 45) -> list[Order]:
    """Return orders of 400 days: habits that go together, and what must not count."""
    made: list[Order] = []
    for number in range(orders):
        sku = f"s{random.randint(0, 14):02}"
        lines = {sku: random.choice([1, 1, 1, 2, 3])}
        if sku in PAIRED and random.random() < 0.6:
            lines[PAIRED[sku]] = 1
        at = NOON - timedelta(minutes=random.randint(-60 * 12, 60 * 24 * 400))
        made.append(
            Order(
                f"o{number}",
                f"c{random.randint(1, customers):02}",
                None if random.random() < 0.05 else at,
                tuple(lines.items()),
                currency="USD" if random.random() < 0.05 else "CNY",
                refunded_minor=random.choice([0] * 8 + [10, 1000]),
                signed_at=at + timedelta(days=3) if random.random() < 0.5 else None,
            )
        )
    at = NOON - timedelta(days=20)
    crowd = [f"w{n:03}" for n in range(CROWD - 15)] + [f"s{n:02}" for n in range(15)]
    made += [Order(f"x{n}", f"reseller{n}", at, tuple((sku, 1) for sku in crowd)) for n in range(6)]
    edge = [f"v{n:03}" for n in range(CROWD - 1)]
    made += [Order(f"y{n}", f"large{n}", at, tuple((sku, 1) for sku in edge)) for n in range(5)]
    return made


def product(sku: str, revision: int = 1, **more: Any) -> Product:
    return Product("tea", sku, revision, **more)


async def tell(segmenter: Segmenter, orders: Sequence[Order], *products: Product) -> None:
    """Hand all of it to both reading groups."""
    facts = [order.fact() for order in orders]
    await segmenter.orders(*facts)
    details = Details(segmenter=segmenter)
    await details.orders(*facts)
    if products:
        await details.products(*products)


async def pair(segmenter: Segmenter, *, limit: int = 5000) -> int:
    """Run passes until nobody has anything to do; return in how many transactions."""
    steps = 0
    while await pair_goods(segmenter.engine, limit=limit):
        steps += 1
    return steps


def oracle(orders: Sequence[Order]) -> duckdb.DuckDBPyConnection:
    """Return a database with all that was `bought` for yuan, and of it what counts as `line`.

    A line is a customer, a sku and a day in Shanghai.
    """
    conn = duckdb.connect()
    conn.execute("set timezone = 'UTC'")
    conn.execute(
        "create table bought (order_id text, customer text, paid_at timestamptz,"
        " signed_at timestamptz, sku text, quantity bigint, refunded bigint, counts boolean)"
    )
    rows = [
        (
            *(one.order_id, one.customer, one.paid_at, one.signed_at),
            *(sku, quantity, one.refunded_minor, one.counts),
        )
        for one in orders
        if one.paid_at is not None and one.currency == "CNY"
        for sku, quantity in one.lines
    ]
    conn.executemany("insert into bought values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    conn.execute(
        "create table line as select customer, sku,"
        " cast(timezone('Asia/Shanghai', paid_at) as date) as day, sum(quantity) as quantity"
        " from bought where counts group by all"
    )
    return conn
