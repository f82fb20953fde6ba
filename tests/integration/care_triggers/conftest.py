"""The service on a real Postgres, without Kafka: records go in by hand, the outbox is read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from care_triggers.domain.rule import Rule
from care_triggers.edges.consumer import Consumer
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.rules_file import SHIPPED, read_rules
from care_triggers.edges.timers import due_timers
from contracts import topics
from contracts.codec import Encoded, decode, encode
from contracts.events import OrderFacts, OrderLine, Shop
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.records import Record, place, unpack_headers
from plumbing.resources import open_engine, worker_role, worker_tx
from plumbing.seal import Sealer
from support.database import Db, connect

KEY = bytes(range(32))
PARTITIONS = 4
SHOP = Shop("tea", 1, "Tea", "Asia/Shanghai", "CNY", "CN", "zh", "茶", same_day_cutoff="13:30")


@dataclass
class Care:
    """One care-triggers, driven step by step."""

    db: Db
    engine: AsyncEngine
    house: House
    rules: dict[str, Rule]
    absence: Absence = field(default_factory=Absence)
    _offsets: "count[int]" = field(default_factory=count)

    async def feed(self, topic: str, *events: Any, part: int | None = None) -> None:
        """Hand *events* to the topic's handler, as one batch in one transaction."""
        async with worker_tx(self.engine, worker_role(SERVICE)) as conn:
            await self.handle(conn, topic, *events, part=part)

    async def handle(
        self, conn: AsyncConnection, topic: str, *events: Any, part: int | None = None
    ) -> None:
        records = [self.record(topic, one, part) for one in events]
        edge = Consumer(SERVICE, self.house, self.rules, self.absence)
        await edge.handlers()[topic](conn, records)

    def record(self, topic: str, event: Any, part: int | None = None) -> Record:
        sent = event
        if not isinstance(event, Encoded | Record):
            sent = encode(
                event, source="test", at=datetime.fromtimestamp(0).astimezone(), topic=topic
            )
        if isinstance(sent, Record):
            return sent
        out = place(sent, PARTITIONS, part)
        stamp_ms = 0  # long ago: an unknown shop is not waited for
        return Record(
            topic, out.part, next(self._offsets), out.key, out.value, tuple(out.headers), stamp_ms
        )

    async def fire(self, limit: int = 100) -> int:
        return await due_timers(self.engine, self.house, lambda: None, limit=limit)()

    async def now(self) -> datetime:
        async with self.engine.connect() as conn:
            return await business_now(conn)

    async def advance(self, by: timedelta) -> None:
        """Move business time forward."""
        conn = await connect(self.db.clock_url)
        try:
            await conn.execute("update clock.shift set by_interval = by_interval + $1", by)
        finally:
            await conn.close()

    async def sent(self, *kinds: type[Any]) -> list[Any]:
        """Return what lies in the outbox, in its order."""
        return [event for _, event in await self.outbox() if not kinds or isinstance(event, kinds)]

    async def outbox(self) -> list[tuple[int, Any]]:
        rows = await self.rows("select part, key, value, headers from outbox order by seq")
        return [(row.part, decode(unpack_headers(row.headers), row.value, row.key)) for row in rows]

    async def rows(self, query: str, **params: Any) -> list[Any]:
        async with worker_tx(self.engine, worker_role(SERVICE)) as conn:
            return list((await conn.execute(text(query), params)).all())

    def order(self, order_id: str = "o-1001", version: int = 1, **known: Any) -> OrderFacts:
        shop, customer = known.pop("shop_id", "tea"), known.pop("customer_id", "ann")
        return OrderFacts(shop, customer, order_id, version, **known)

    def placed(self, at: datetime, order_id: str = "o-1001", **known: Any) -> OrderFacts:
        line = OrderLine("tea", "乌龙茶", 1, 12_800)
        facts = {"total_minor": 12_800, "currency": "CNY", "lines": (line,), **known}
        return self.order(order_id, placed_at=at, **facts)


@pytest.fixture
async def make_care(db: Db) -> AsyncIterator[Callable[[], Awaitable[Care]]]:
    async with open_engine(db.url(SERVICE), app=SERVICE) as engine:

        async def make() -> Care:
            return Care(db, engine, House(PARTITIONS, Sealer(KEY)), read_rules(SHIPPED))

        yield make


@pytest.fixture
async def care(make_care: Callable[[], Awaitable[Care]]) -> Care:
    """A service that knows one shop with the shipped rules."""
    made = await make_care()
    await made.feed(topics.SHOPS, SHOP)
    return made
