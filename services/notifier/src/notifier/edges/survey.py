"""What waits in the tables, for the gauges: asked for by a loop, never by a scrape."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from notifier import metrics
from plumbing.resources import worker_tx

_WAITING: Final = text(
    """
    select (select count(*) from (select from message where state = 'planned'
                                  limit 100000) counted) as planned,
           due.n as due, due.oldest_s,
           (select count(*) from message where state in ('claimed', 'unknown')) as unsettled,
           coalesce((select extract(epoch from clock_timestamp() - min(at))
                     from watermark where part < :partitions), 0) as watermark_age_s,
           coalesce((select extract(epoch from clock_timestamp() - min(received_at))
                     from gateway_receipt), 0) as parked_age_s
    from (
      -- A message that was planned late is due at birth: late it is from its birth on.
      select count(*) as n,
             coalesce(extract(epoch from max(least(clock.business_now() - next_at,
                                                   clock_timestamp() - since))), 0) as oldest_s
      from (select next_at, since from message
            where state = 'planned' and next_at <= clock.business_now()
            order by next_at limit 10000) first_due
    ) due
    """
)


async def survey(engine: AsyncEngine, role: str, partitions: int) -> int:
    """Refresh the gauges; nothing is left to do afterwards, as `plumbing.poll` wants to know."""
    async with worker_tx(engine, role) as conn:
        row = (await conn.execute(_WAITING, {"partitions": partitions})).one()
    metrics.PLANNED.set(row.planned)
    metrics.DUE.set(row.due)
    metrics.OLDEST_DUE.set(float(row.oldest_s))
    metrics.UNSETTLED.set(row.unsettled)
    metrics.WATERMARK_AGE.set(float(row.watermark_age_s))
    metrics.PARKED_AGE.set(float(row.parked_age_s))
    return 0
