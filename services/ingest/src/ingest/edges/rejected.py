"""What was signed and made no facts: kept, sealed, for an operator to look into."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ingest.edges.shops import ShopStore
from plumbing.seal import Sealer

_OUTLIVED = text(
    """
    delete from parked
    where id in (select id from parked
                 where received_at < clock_timestamp() - interval '45 days'
                 order by received_at limit 1000)
    returning shop_id, wait_key, event_id, fact
    """
)
_TASKS = text(
    """
    select count(*) as n,
           coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0) as oldest_s
    from rejected_push where task is not null
    """
)


def push_context(shop_id: str, digest: bytes) -> bytes:
    """Return what binds a kept body to its shop and digest."""
    return b"push:" + shop_id.encode() + b":" + digest


async def outlived(conn: AsyncConnection, sealer: Sealer) -> int:
    """Put away what waited 45 days for an order or a parcel; return how many these were."""
    rows = (await conn.execute(_OUTLIVED)).all()
    store = ShopStore(conn)
    for row in rows:
        digest = row.event_id.encode()
        await store.keep_push(
            shop_id=row.shop_id,
            connector_id="",
            digest=digest,
            reason=f"waited 45 days for {row.wait_key}",
            sealed=sealer.seal(row.fact, push_context(row.shop_id, digest)),
        )
    return len(rows)


async def open_tasks(conn: AsyncConnection) -> tuple[int, float]:
    """Return how many kept pushes ask for a person, and for how many seconds the oldest."""
    row = (await conn.execute(_TASKS)).one()
    return int(row.n), float(row.oldest_s)
