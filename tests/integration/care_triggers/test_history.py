"""A file of history, read as ingest reads it, moves nobody to write to anyone."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from contracts import topics
from contracts.events import MessagePlanned
from ingest.edges.imports.reader import said
from ingest.edges.imports.wire import Chunk, Job
from plumbing.records import Record

LONG_AGO = (timedelta(days=3), timedelta(days=30), timedelta(days=365), timedelta(days=900))


def records(content: str, now: datetime) -> list[Record]:
    """Return what a consumer reads of an imported file."""
    job = Job(
        shop_id="tea",
        zone="Asia/Shanghai",
        currency="CNY",
        country="CN",
        kind="orders",
        form="csv",
        encoding="utf-8-sig",
        mapping={},
        said_at=now.isoformat(),
        limit=now.isoformat(),
        partitions=4,
        traceparent="",
        skip=0,
    )
    chunks = [one for one in said(job, BytesIO(content.encode())) if isinstance(one, Chunk)]
    return [
        Record(one.topic, one.part, 0, one.key, one.value, one.headers, 0)
        for chunk in chunks
        for one in chunk.records
    ]


def orders(now: datetime, *ages: timedelta) -> str:
    """Return a file of orders, each unpaid and each paid and signed."""
    rows = ["order_id,customer_id,placed_at,paid_at,signed_at,total,sku,quantity,price"]
    for number, age in enumerate(ages):
        at = now - age
        rows += [
            f"u-{number},c-{number},{at.isoformat()},,,200,S,1,200",
            f"p-{number},d-{number},{at.isoformat()},{at.isoformat()},{at.isoformat()},200,S,1,200",
        ]
    return "\n".join(rows)


async def test_orders_of_the_past_cause_no_message_however_they_ended(care: Any) -> None:
    now = await care.now()
    read = records(orders(now, *LONG_AGO), now)
    assert len(read) == 2 * len(LONG_AGO)

    await care.feed(topics.ORDERS, *read)
    await care.advance(timedelta(days=1))
    await care.fire()

    assert await care.rows("select key from timer") == []
    assert await care.announced(MessagePlanned) == []


async def test_an_unpaid_order_of_a_moment_ago_is_reminded_of_though_a_file_brought_it(
    care: Any,
) -> None:
    now = await care.now()

    await care.feed(topics.ORDERS, *records(orders(now, timedelta(minutes=1)), now))
    await care.advance(timedelta(hours=1))
    await care.fire()

    (message,) = await care.announced(MessagePlanned)
    assert message.order_id == "u-0"
