"""Quintile scores in Postgres: all buyers of a shop compared in one statement."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.domain.scores import FEWEST_BUYERS, SPAN_DAYS, Cuts, ShopCuts

_TAKE: Final = text(
    """
    select shop_day.shop_id, shop_day.day from shop_day
    left join shop_score on shop_score.shop_id = shop_day.shop_id
    where phase = 'done' and next_midnight > :now
      and (shop_score.day is null or shop_score.day <> shop_day.day)
    order by shop_day.shop_id limit 1 for update of shop_day skip locked
    """
)
# Of each figure, better is larger. 5 * better < k * buyers: fewer than k fifths are better.
_CUT: Final = text(
    """
    with customer as materialized (
      select max(paid_day) - cast(:day as date) as recency, count(*) as frequency,
             sum(net_minor) as money
      from customer_order
      where shop_id = :shop_id and paid_day between :first and :day
      group by customer_id),
    figure as (
      select 'recency' as kind, cast(recency as numeric) as value, count(*) as customers
      from customer group by recency
      union all
      select 'frequency', frequency, count(*) from customer group by frequency
      union all
      select 'money', money, count(*) from customer group by money),
    ranked as (
      select kind, value,
             sum(customers) over (partition by kind order by value desc) - customers as better
      from figure),
    total as (select count(*) as buyers from customer)
    select kind, buyers,
           array[min(value) filter (where 5 * better < buyers),
                 min(value) filter (where 5 * better < 2 * buyers),
                 min(value) filter (where 5 * better < 3 * buyers),
                 min(value) filter (where 5 * better < 4 * buyers)] as cuts
    from ranked cross join total
    group by kind, buyers having buyers >= :fewest
    """
)
_SAVE: Final = text(
    """
    insert into shop_score (shop_id, day, buyers, recency_days, frequency, monetary_minor)
    values (:shop_id, :day, :buyers, :recency_days, :frequency, :monetary_minor)
    on conflict (shop_id) do update
    set day = excluded.day, buyers = excluded.buyers, recency_days = excluded.recency_days,
        frequency = excluded.frequency, monetary_minor = excluded.monetary_minor
    """
)
_LIVE: Final = text("select * from shop_score where shop_id = :shop_id and buyers > 0")


class ScoreStore:
    """Bound to one open transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def take_unscored(self, now: datetime) -> tuple[str, date] | None:
        """Return a shop, and its day, whose scores are of another day; nobody else takes it."""
        row = (await self._conn.execute(_TAKE, {"now": now})).one_or_none()
        return None if row is None else (row.shop_id, row.day)

    async def cut(self, shop_id: str, day: date) -> ShopCuts | None:
        """Compare all buyers of the 365 days that end with *day*; None when they are too few."""
        values = {
            "shop_id": shop_id,
            "day": day,
            "first": day - timedelta(days=SPAN_DAYS - 1),
            "fewest": FEWEST_BUYERS,
        }
        found = {row.kind: row for row in await self._conn.execute(_CUT, values)}
        if not found:
            return None
        cuts = {kind: [int(cut) for cut in row.cuts] for kind, row in found.items()}
        return ShopCuts(
            found["money"].buyers,
            _four([-cut for cut in cuts["recency"]]),
            _four(cuts["frequency"]),
            _four(cuts["money"]),
        )

    async def save_cuts(self, shop_id: str, day: date, cuts: ShopCuts | None) -> None:
        values = {
            "shop_id": shop_id,
            "day": day,
            "buyers": cuts.buyers if cuts else 0,
            "recency_days": list(cuts.recency_days) if cuts else [],
            "frequency": list(cuts.frequency) if cuts else [],
            "monetary_minor": list(cuts.monetary_minor) if cuts else [],
        }
        await self._conn.execute(_SAVE, values)

    async def live_cuts(self, shop_id: str) -> ShopCuts | None:
        """Return those of the last midnight; None if it had too few buyers, or there was none."""
        row = (await self._conn.execute(_LIVE, {"shop_id": shop_id})).one_or_none()
        if row is None:
            return None
        return ShopCuts(
            row.buyers, _four(row.recency_days), _four(row.frequency), _four(row.monetary_minor)
        )


def _four(cuts: Sequence[int]) -> Cuts:
    best, good, middle, poor = cuts
    return (best, good, middle, poor)
