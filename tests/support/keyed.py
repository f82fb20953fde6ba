"""Writers that put numbered events of a key into the shelf's outbox, as a handler would."""

from random import Random

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.outbox import put
from plumbing.records import OutRecord, partition_of
from plumbing.resources import worker_tx
from support import shelf

PARTITIONS = 2
LOCK = text("select pg_advisory_xact_lock(hashtextextended(:key, 1))")
NEXT = text(
    "insert into effect as e values ('shop', :key, 1) on conflict (shop_id, item) "
    "do update set times = e.times + 1 returning times"
)


def event(topic: str, key: str, n: int) -> OutRecord:
    raw = key.encode()
    headers = (("ce_id", b"%d" % n), ("odd", b"\x00\xff"))
    return OutRecord(topic, partition_of(raw, PARTITIONS), raw, f"{key}-{n}", b"%d" % n, headers)


async def put_next(conn: AsyncConnection, topic: str, key: str) -> None:
    """Put the key's next number, under the key's lock as a handler holds its row's."""
    await conn.execute(LOCK, {"key": key})
    n = await conn.scalar(NEXT, {"key": key})
    assert n is not None
    await put(conn, [event(topic, key, n)])


async def write(engine: AsyncEngine, topic: str, keys: list[str], rounds: int, seed: int) -> None:
    """Put *rounds* events of each key, a transaction each, in an order of this writer's own."""
    random = Random(seed)  # noqa: S311 - no secret
    for _ in range(rounds):
        for key in random.sample(keys, len(keys)):
            async with worker_tx(engine, shelf.ROLE) as conn:
                await put_next(conn, topic, key)
