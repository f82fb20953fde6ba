"""Customers by the million, written into a database as the segmenter itself would leave them.

Each has one order. Their days and sums are a plain function of their number, here and in SQL: a
run can tell what anybody must come to without holding all of them. Sums are far from the average,
half of them on either side; 3 in 100 grow cold at the next midnight, the others not for ten days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg

from load.frame import Progress
from load.orders_log import SHOPS, TODAY, Backlog, Log, recomputed, who

PAGE: Final = 500_000
ZONE: Final = ZoneInfo("Asia/Shanghai")
LOW_MINOR: Final = 10_000
HIGH_MINOR: Final = 80_000
COLD_DAYS: Final = 90  # since the last order: tomorrow somebody is no longer new
PER_HUNDRED: Final = 3  # who are that far

_NUMBERS: Final = f"""
    with numbers as (
      select n, 'shop-' || n % $3::int as shop_id, 'c-' || lpad(n::text, 8, '0') as customer_id,
             (4000000000000 + n)::text as order_id,
             date '{TODAY}' - case when n % 100 < {PER_HUNDRED} then {COLD_DAYS}
                                   else 10 + n % 71 end as paid_day,
             case when n % 2 = 0 then {HIGH_MINOR} else {LOW_MINOR} end as net_minor
      from generate_series($1::int, $2::int - 1) n
    ), orders as (
      select *, extract(epoch from paid_day + time '04:00')::bigint * 1000000 as paid_us
      from numbers
    )
    """  # noqa: S608 - put together from constants
_ORDERS: Final = f"""
    {_NUMBERS}
    insert into segmenter.customer_order
      (shop_id, order_id, customer_id, paid_day, net_minor, state)
    select shop_id, order_id, customer_id, paid_day, net_minor,
           jsonb_build_array(paid_us, paid_us, customer_id, 'CNY', net_minor, false)
    from orders
    """  # noqa: S608 - put together from constants
_STATES: Final = f"""
    {_NUMBERS}
    insert into segmenter.customer_state
      (shop_id, customer_id, frequency, monetary_minor, first_day, last_day, due_day, cell,
       is_high, revision)
    select shop_id, customer_id, 1, net_minor, paid_day, paid_day, paid_day + {COLD_DAYS + 1},
           case when n % 2 = 0 then 'new_high' else 'new_low' end, n % 2 = 0, 1
    from orders
    """  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class Crowd:
    customers: int
    shops: int = len(SHOPS)

    @property
    def growing_cold(self) -> int:
        """How many change place at the next midnight."""
        whole, rest = divmod(self.customers, 100)
        return whole * PER_HUNDRED + min(rest, PER_HUNDRED)

    async def settle(self, conn: asyncpg.Connection, progress: Progress) -> None:
        """Write all into an empty database, and have its statistics and maps made."""
        for begin in range(0, self.customers, PAGE):
            end = min(begin + PAGE, self.customers)
            await conn.execute(_ORDERS, begin, end, self.shops, timeout=900)
            await conn.execute(_STATES, begin, end, self.shops, timeout=900)
            progress.at(end)
        await conn.execute("vacuum (analyze)", timeout=900)

    def backlog(self, log: Log, facts: Iterable[dict[str, Any]]) -> Backlog:
        """Return what *log* comes to, of those alone of whom *facts*, which are its own, tell."""
        told = list(facts)
        touched = sorted({int(fact["customer_id"][2:]) for fact in told})
        standings, orders = recomputed(chain(map(first_order, touched), told))
        return Backlog(log, standings, orders - len(touched), self.customers)


def first_order(number: int) -> dict[str, Any]:
    """Return what the customer's only order so far came as."""
    shop_id, customer_id = who(number)
    days = COLD_DAYS if number % 100 < PER_HUNDRED else 10 + number % 71
    paid_at = datetime.combine(TODAY - timedelta(days=days), datetime.min.time(), ZONE)
    return {
        "shop_id": shop_id,
        "customer_id": customer_id,
        "order_id": str(4_000_000_000_000 + number),
        "paid_at": (paid_at + timedelta(hours=12)).isoformat(),
        "total_minor": HIGH_MINOR if number % 2 == 0 else LOW_MINOR,
    }
