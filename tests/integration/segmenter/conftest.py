"""The segmenter on a real database: records in, rows and events out, time at will."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import customer_key, tombstone
from contracts.events import CustomerProfile, OrderFacts, Shop
from contracts.topics import CUSTOMERS, ORDERS
from plumbing import offsets
from plumbing.absence import Absence
from plumbing.offsets import Claim
from plumbing.records import Record
from plumbing.resources import open_engine
from segmenter.edges.audience.timers import judge_audiences
from segmenter.edges.consumer import Consumer
from segmenter.edges.members.desk import Post
from segmenter.edges.routes import ROUTERS
from segmenter.edges.timers import roll_days, score_days, walk_risks
from segmenter.errors import SegmenterError
from segmenter.settings import Settings
from support.bench import PARTITIONS, SENT_AT, Bench, CommitLost
from support.database import Db
from web.app import build_api
from web.auth import issue_local_token

SECRET = "0123456789abcdef0123456789abcdef"
SERVICE = "segmenter"
NOON = SENT_AT
CUSTOMERS_READ_WRITE = ("customers:read", "customers:write")
PLACE = (ORDERS, 0)
FORGET = (
    text("delete from customer_order"),
    text("delete from customer_tie"),
    text("delete from customer_state"),
    text("delete from segment_change"),
    text("delete from outbox"),
)


def consumer(absence: Absence) -> Consumer:
    return Consumer(SERVICE, PARTITIONS, sealer=None, absence=absence)


@dataclass(kw_only=True, eq=False)
class Segmenter(Bench):
    """What the service's edges do, called one by one."""

    service: str = SERVICE
    consumer: Consumer = field(default_factory=lambda: consumer(Absence()))

    async def orders(self, *facts: OrderFacts) -> None:
        await self.records([self.record(fact) for fact in facts])

    async def records(self, records: Sequence[Record]) -> None:
        async with self.tx() as conn:
            await self.consumer.on_orders(conn, records)

    async def shops(self, *shops: Shop) -> None:
        async with self.tx() as conn:
            await self.consumer.on_shops(conn, [self.record(shop) for shop in shops])

    async def profiles(self, *profiles: CustomerProfile) -> None:
        async with self.tx() as conn:
            await self.consumer.on_customers(conn, [self.record(one) for one in profiles])

    async def erase(self, shop_id: str, customer_id: str) -> None:
        gone = tombstone(CUSTOMERS, customer_key(shop_id, customer_id), source="test", at=NOON)
        async with self.tx() as conn:
            await self.consumer.on_customers(conn, [self.record(gone)])

    async def roll(self, *, limit: int = 5000) -> int:
        """Run passes until nobody has anything to do; return in how many transactions."""
        steps = 0
        while await roll_days(self.engine, partitions=PARTITIONS, limit=limit):
            steps += 1
        return steps

    async def score(self) -> None:
        while await score_days(self.engine):
            pass

    async def walk(self, *, limit: int = 5000) -> int:
        """Compare everybody's silence with the gaps of the day; return in how many transactions."""
        steps = 0
        while await walk_risks(self.engine, partitions=PARTITIONS, limit=limit):
            steps += 1
        return steps

    async def judge(self, *, limit: int = 5000) -> int:
        """Judge audiences until none has anything to do; return in how many transactions."""
        steps = 0
        while await judge_audiences(self.engine, partitions=PARTITIONS, limit=limit):
            steps += 1
        return steps

    async def forget(self) -> None:
        """Drop all that orders made, as before the first of them."""
        async with self.tx() as conn:
            for statement in FORGET:
                await conn.execute(statement)

    async def cells(self) -> dict[str, str]:
        rows = await self.rows("select customer_id, cell from customer_state")
        return {row["customer_id"]: row["cell"] for row in rows}


@dataclass(eq=False)
class Pod:
    """One process' reader of one partition."""

    segmenter: Segmenter
    consumer: Consumer = field(default_factory=lambda: consumer(Absence()))
    held: Claim | None = None

    async def claim(self) -> int:
        async with self.segmenter.tx() as conn:
            found = await offsets.claim(conn, SERVICE, *PLACE, owner="pod")
        assert found is not None
        self.held = found.claim
        return found.next_offset

    @asynccontextmanager
    async def fenced(self) -> AsyncIterator[tuple[AsyncConnection, int]]:
        assert self.held is not None
        async with self.segmenter.tx() as conn:
            yield conn, await offsets.fence(conn, self.held)

    async def handle(self, facts: Sequence[OrderFacts], *, lost: bool = False) -> None:
        records = [
            structs.replace(self.segmenter.record(fact), part=PLACE[1], offset=number)
            for number, fact in enumerate(facts)
        ]
        async with self.fenced() as (conn, next_offset):
            assert self.held is not None
            await self.consumer.on_orders(conn, records[next_offset:])
            await offsets.advance(conn, self.held, len(records))
            if lost:
                raise CommitLost


@pytest.fixture
async def segmenter(db: Db) -> AsyncIterator[Segmenter]:
    async with open_engine(db.url(SERVICE), app="test") as engine:
        made = Segmenter(db=db, engine=engine)
        await made.set_time(NOON)
        await made.shops(shop())
        yield made


@pytest.fixture
async def pod(segmenter: Segmenter) -> Pod:
    async with segmenter.tx() as conn:
        await offsets.create(conn, SERVICE, *PLACE, owner="", first=0)
    made = Pod(segmenter)
    await made.claim()
    return made


@pytest.fixture
async def http(segmenter: Segmenter) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        environment="test",
        database_url=SecretStr(segmenter.db.url(SERVICE)),
        kafka_servers="127.0.0.1:1",
        token_secret=SecretStr(SECRET),
        http_port=0,
        ops_port=0,
    )
    api = build_api(
        "Segmenter",
        ROUTERS,
        settings,
        engine=segmenter.engine,
        registry=CollectorRegistry(),
        errors=[SegmenterError],
    )
    api.state.post = Post(PARTITIONS)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api), base_url="http://test", headers=bearer()
    ) as client:
        yield client


def bearer(shop_id: str = "tea", scopes: Sequence[str] = CUSTOMERS_READ_WRITE) -> dict[str, str]:
    token = issue_local_token(SECRET, shop_id, scopes)
    return {"Authorization": f"Bearer {token}"}


def shop(shop_id: str = "tea", revision: int = 1, **more: Any) -> Shop:
    plain = {
        "name": shop_id,
        "zone": "Asia/Shanghai",
        "currency": "CNY",
        "country": "CN",
        "locale": "zh",
        "sms_signature": shop_id,
    }
    return Shop(shop_id, revision, **{**plain, **more})


def paid(
    order_id: str, customer_id: str = "ann", *, days_ago: float = 0, **more: Any
) -> OrderFacts:
    plain = {
        "shop_id": "tea",
        "version_us": 1,
        "paid_at": NOON - timedelta(days=days_ago),
        "currency": "CNY",
        "total_minor": 50_00,
    }
    return OrderFacts(customer_id=customer_id, order_id=order_id, **{**plain, **more})
