"""Cohorts in Postgres. The transaction sees one shop's rows only, so no query names the shop."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.app.cohorts import Bought

_BOUGHT: Final = text(
    """
    with month as (
      select customer_id, cast(date_trunc('month', paid_day) as date) as month, count(*) as orders,
             sum(net_minor) as money
      from customer_order where paid_day <= :as_of group by 1, 2),
    since as (
      select *, min(month) over (partition by customer_id) as first from month)
    select first, month, count(*) as customers, sum(orders) as orders, sum(money) as money
    from since where first >= :first group by first, month
    """
)


class CohortStore:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def bought_by_cohort(
        self, first: date, as_of: date
    ) -> Mapping[tuple[date, date], Bought]:
        """Return, by months of the first purchase and of purchases, what was bought."""
        rows = await self._conn.execute(_BOUGHT, {"first": first, "as_of": as_of})
        return {
            (row.first, row.month): Bought(row.customers, int(row.orders), int(row.money))
            for row in rows
        }
