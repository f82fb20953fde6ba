"""What the API reads. The transaction sees one shop's rows only, so no query names the shop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import Cell
from segmenter.app.view import CellTotal, Group, Sums
from segmenter.domain.average import Average, span_of
from segmenter.domain.rfm import DaySum, Rfm
from segmenter.domain.scores import ShopCuts
from segmenter.domain.standing import ShopDay, Standing
from segmenter.edges.rows import standing_of
from segmenter.edges.score_store import ScoreStore
from segmenter.edges.shop_store import shop_day

_SHOP: Final = text(
    """
    select shop_id, zone, currency, day, average_orders, average_sum_minor,
           clock.business_now() as now
    from shop join shop_day using (shop_id) where shop_id = :shop_id
    """
)
_STANDING: Final = text("select * from customer_state where customer_id = :customer_id")
_SUMS: Final = text(
    """
    select paid_day, count(*) as orders, sum(net_minor) as net_minor from customer_order
    where customer_id = :customer_id and paid_day is not null group by paid_day
    """
)
_AVERAGE: Final = text(
    """
    select count(*) as orders, coalesce(sum(net_minor), 0) as sum_minor from customer_order
    where paid_day between :first and :last
    """
)
_LIVE_CELLS: Final = text(
    """
    select cell, count(*) as customers, sum(frequency) as orders, sum(monetary_minor) as money
    from customer_state where survivor_id is null or survivor_id = customer_id group by cell
    """
)
_GROUPS: Final = text(
    """
    with customer as (
      select max(paid_day) as last_day, count(*) as frequency, sum(net_minor) as money
      from customer_order where paid_day <= :day group by customer_id)
    select cast(:day as date) - last_day as recency_days, least(frequency, 2) as frequency_class,
           money * cast(:orders as bigint) >= :sum_minor as is_high,
           count(*) as customers, sum(frequency) as orders, sum(money) as money
    from customer group by 1, 2, 3
    """
)
_HOW_MANY: Final = text(
    """
    select count(*) from customer_state where survivor_id is null or survivor_id = customer_id
    """
)
_ALIASES: Final = text(
    """
    with recursive person(customer_id) as (
      select cast(:survivor_id as text)
      union
      select case when alias_id = person.customer_id then customer_tie.survivor_id
                  else alias_id end
      from person join customer_tie
        on person.customer_id in (alias_id, customer_tie.survivor_id))
    select customer_id from person join customer_state using (customer_id)
    where survivor_id = :survivor_id and customer_id <> :survivor_id order by customer_id
    """
)
_LIVE_PAGE: Final = text(
    """
    select * from customer_state
    where customer_id > :after and (cast(:cell as text) is null or cell = :cell)
      and (survivor_id is null or survivor_id = customer_id)
    order by customer_id limit :limit
    """
)
_PAGE: Final = text(
    """
    with page as (
      select shop_id, customer_id from customer_state
      where customer_id > :after and (survivor_id is null or survivor_id = customer_id)
      order by customer_id limit :limit)
    select customer_id, max(paid_day) as last_day, count(paid_day) as frequency,
           coalesce(sum(net_minor), 0) as money,
           max(paid_day) filter (where paid_day >= :opens) as last_within,
           count(paid_day) filter (where paid_day >= :opens) as frequency_within,
           coalesce(sum(net_minor) filter (where paid_day >= :opens), 0) as money_within
    from page
    left join (select * from customer_order where paid_day <= :day) as bought
      using (shop_id, customer_id)
    group by customer_id order by customer_id
    """
)
_CHANGES: Final = text(
    """
    select * from segment_change
    where customer_id = :customer_id and revision < :before order by revision desc limit :limit
    """
)
_TRAITS: Final = text(
    """
    select gender, country, province, city, has_mobile, customer_class from customer_traits
    where customer_id = :customer_id and not erased
    """
)


@dataclass(frozen=True, slots=True)
class Change:
    revision: int
    as_of: date
    before: Cell
    after: Cell
    reason: str
    recency_days: int | None
    frequency: int
    monetary_minor: int
    announced_at: datetime


class ViewStore:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def shop(self, shop_id: str) -> tuple[ShopDay, datetime] | None:
        """Return the shop with its live day, and now in business time."""
        row = (await self._conn.execute(_SHOP, {"shop_id": shop_id})).one_or_none()
        return None if row is None else (shop_day(row), row.now)

    async def standing(self, customer_id: str) -> Standing | None:
        row = (await self._conn.execute(_STANDING, {"customer_id": customer_id})).one_or_none()
        return None if row is None else standing_of(row)

    async def sums(self, customer_id: str) -> list[DaySum]:
        rows = await self._conn.execute(_SUMS, {"customer_id": customer_id})
        return [DaySum(row.paid_day, row.orders, int(row.net_minor)) for row in rows]

    async def cuts(self, shop_id: str, as_of: date | None) -> ShopCuts | None:
        """Return those of the last midnight, or of *as_of* from the orders known now."""
        scores = ScoreStore(self._conn)
        return await (scores.live_cuts(shop_id) if as_of is None else scores.cut(shop_id, as_of))

    async def aliases(self, survivor_id: str) -> list[str]:
        rows = await self._conn.execute(_ALIASES, {"survivor_id": survivor_id})
        return [row.customer_id for row in rows]

    async def average(self, day: date) -> Average:
        first, last = span_of(day)
        row = (await self._conn.execute(_AVERAGE, {"first": first, "last": last})).one()
        return Average(row.orders, int(row.sum_minor))

    async def live_cells(self) -> dict[Cell, CellTotal]:
        return {Cell(row.cell): _total(row) for row in await self._conn.execute(_LIVE_CELLS)}

    async def groups(self, day: date, average: Average) -> list[Group]:
        values = {"day": day, "orders": average.orders, "sum_minor": average.sum_minor}
        return [
            Group(row.recency_days, row.frequency_class, row.is_high, _total(row))
            for row in await self._conn.execute(_GROUPS, values)
        ]

    async def how_many(self) -> int:
        return int((await self._conn.execute(_HOW_MANY)).scalar_one())

    async def live_page(
        self, cell: Cell | None, after: str, limit: int
    ) -> list[tuple[str, Standing]]:
        values = {"cell": cell, "after": after, "limit": limit}
        rows = await self._conn.execute(_LIVE_PAGE, values)
        return [(row.customer_id, standing_of(row)) for row in rows]

    async def page(self, day: date, window_days: int | None, after: str, limit: int) -> list[Sums]:
        opens = day if window_days is None else day - timedelta(days=window_days - 1)
        values = {"day": day, "opens": opens, "after": after, "limit": limit}
        rows = await self._conn.execute(_PAGE, values)
        return [_sums(row, day, within=window_days is not None) for row in rows]

    async def changes(self, customer_id: str, before: int, limit: int) -> list[Change]:
        values = {"customer_id": customer_id, "before": before, "limit": limit}
        return [
            Change(
                row.revision,
                row.as_of,
                Cell(row.before),
                Cell(row.after),
                row.reason,
                row.recency_days,
                row.frequency,
                row.monetary_minor,
                row.announced_at,
            )
            for row in await self._conn.execute(_CHANGES, values)
        ]

    async def traits(self, customer_id: str) -> Mapping[str, Any] | None:
        row = (await self._conn.execute(_TRAITS, {"customer_id": customer_id})).one_or_none()
        return None if row is None else dict(row._mapping)  # noqa: SLF001 - a public API of Row


def _total(row: Row[Any]) -> CellTotal:
    return CellTotal(row.customers, int(row.orders), int(row.money))


def _sums(row: Row[Any], day: date, *, within: bool) -> Sums:
    life = Rfm(_days(row.last_day, day), row.frequency, int(row.money))
    window = Rfm(_days(row.last_within, day), row.frequency_within, int(row.money_within))
    return Sums(row.customer_id, life, window if within else None)


def _days(last_day: date | None, day: date) -> int | None:
    return None if last_day is None else (day - last_day).days
