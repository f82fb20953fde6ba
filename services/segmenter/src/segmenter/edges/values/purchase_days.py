"""All that value and churn ask of a shop's orders: on which days somebody bought, for how much.

Orders of one day are one purchase, as in the papers. Each query names the shop, for the index;
which rows are seen is a matter of the role.
"""

from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.app.walk_churn import Met
from segmenter.domain.churn import MOST_GAP_DAYS, Gaps, Risk

STREAMED_ROWS: Final = 5_000

_GAPS: Final = text(
    """
    with days as (
      select distinct customer_id, paid_day from customer_order
      where shop_id = :shop_id and paid_day <= :day),
    steps as (
      select paid_day - lag(paid_day) over later as gap, row_number() over later - 1 as behind
      from days window later as (partition by customer_id order by paid_day))
    select least(behind, 3) as class, least(gap, :most) as days, count(*) as gaps
    from steps where gap is not null group by 1, 2 order by 1, 2
    """
)
# Customers alike are one row; of a large shop a part of the customers, chosen by their ids.
ALIKE: Final = text(
    """
    with days as (
      select customer_id, paid_day, sum(net_minor) as money,
             min(paid_day) over (partition by customer_id) as first_day
      from customer_order
      where shop_id = :shop_id and paid_day <= :day
        and (:every = 1 or (hashtext(customer_id) & 2147483647) % :every = 0)
      group by customer_id, paid_day),
    seen as (
      select count(*) - 1 as repeats, max(paid_day) - min(paid_day) as recency_days,
             cast(:day as date) - min(paid_day) as age_days,
             coalesce(sum(money) filter (where paid_day > first_day), 0) as repeats_minor
      from days group by customer_id)
    select repeats, recency_days, age_days, cast(repeats_minor as float8) as repeats_minor,
           count(*) as customers
    from seen group by 1, 2, 3, 4
    """
)
_COUNTED: Final = """
    case when frequency < 2 then frequency else (
      select count(distinct paid_day) from customer_order
      where customer_order.shop_id = customer_state.shop_id
        and customer_order.customer_id = customer_state.customer_id and paid_day <= :day)
    end as counted_days
    """
_PAGE: Final = text(
    f"""
    select customer_id, last_day, risk, coalesce(customer_churn.revision, 0) as revision,
           {_COUNTED}
    from customer_state left join customer_churn using (shop_id, customer_id)
    where customer_state.shop_id = :shop_id and customer_id > :after
    order by customer_id limit :limit
    """  # noqa: S608 - put together from constants
)
_AT_RISK: Final = text(
    f"""
    select customer_id, last_day, risk, customer_churn.revision, {_COUNTED}
    from customer_churn join customer_state using (shop_id, customer_id)
    where customer_churn.shop_id = :shop_id and risk = :risk and customer_id > :after
    order by customer_id limit :limit
    """  # noqa: S608 - put together from constants
)
_DAYS_OF: Final = text(
    """
    select paid_day, sum(net_minor) as money from customer_order
    where shop_id = :shop_id and customer_id = :customer_id and paid_day <= :day
    group by paid_day order by paid_day
    """
)


class PurchaseDay(NamedTuple):
    day: date
    net_minor: int


async def gaps_of(conn: AsyncConnection, shop_id: str, day: date) -> dict[int, Gaps]:
    """Return the gaps between counted days up to *day*, by class."""
    values = {"shop_id": shop_id, "day": day, "most": MOST_GAP_DAYS}
    found: dict[int, list[tuple[int, int]]] = {}
    for row in await conn.execute(_GAPS, values):
        found.setdefault(int(row[0]), []).append((row.days, row.gaps))
    return {
        number: Gaps(tuple(days for days, _ in some), tuple(count for _, count in some))
        for number, some in found.items()
    }


async def page_of_met(
    conn: AsyncConnection, shop_id: str, day: date, after: str, limit: int
) -> list[Met]:
    """Return customers by id, also such as never bought."""
    values = {"shop_id": shop_id, "day": day, "after": after, "limit": limit}
    return [_met(*row) for row in await conn.execute(_PAGE, values)]


async def at_risk(
    conn: AsyncConnection, shop_id: str, day: date, risk: Risk, after: str, limit: int
) -> list[Met]:
    """Return customers by id of whom *risk* was announced last."""
    values = {"shop_id": shop_id, "day": day, "risk": risk, "after": after, "limit": limit}
    return [_met(*row) for row in await conn.execute(_AT_RISK, values)]


async def days_of(
    conn: AsyncConnection, shop_id: str, customer_id: str, day: date
) -> list[PurchaseDay]:
    """Return one customer's counted days up to *day*, in their order."""
    values = {"shop_id": shop_id, "customer_id": customer_id, "day": day}
    return [PurchaseDay(row[0], int(row[1])) for row in await conn.execute(_DAYS_OF, values)]


def _met(
    customer_id: str, last_day: date | None, risk: str | None, revision: int, counted_days: int
) -> Met:
    return Met(customer_id, counted_days, last_day, None if risk is None else Risk(risk), revision)
