"""The service on a real Postgres, without Kafka: records go in by hand, the outbox is read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.domain.rule import Rule
from care_triggers.edges import lists
from care_triggers.edges.api import router
from care_triggers.edges.consumer import Consumer
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.rules_file import SHIPPED, read_rules
from care_triggers.edges.timers import due_timers
from care_triggers.errors import CareTriggersError
from care_triggers.settings import Settings
from contracts import topics
from contracts.events import OrderFacts, OrderLine, Shop
from plumbing.absence import Absence
from plumbing.records import Record
from plumbing.resources import open_engine
from plumbing.seal import Sealer
from support.bench import PARTITIONS, Bench
from support.database import Db
from web.app import build_api
from web.auth import issue_local_token

KEY = bytes(range(32))
SECRET = "0123456789abcdef0123456789abcdef"
SCOPES = ("care:read", "tasks:read", "tasks:write")
SHOP = Shop("tea", 1, "Tea", "Asia/Shanghai", "CNY", "CN", "zh", "茶", same_day_cutoff="13:30")


@dataclass(kw_only=True, eq=False)
class Care(Bench):
    """One care-triggers, driven step by step."""

    service: str = SERVICE
    house: House
    rules: dict[str, Rule]
    absence: Absence = field(default_factory=Absence)

    async def feed(self, topic: str, *events: Any, part: int | None = None) -> None:
        """Hand *events* to the topic's handler, as one batch in one transaction."""
        async with self.tx() as conn:
            await self.handle(conn, topic, *events, part=part)

    async def handle(
        self, conn: AsyncConnection, topic: str, *events: Any, part: int | None = None
    ) -> None:
        records = [
            one if isinstance(one, Record) else self.record(one, topic=topic, part=part)
            for one in events
        ]
        edge = Consumer(SERVICE, self.house, self.rules, self.absence)
        await edge.handlers()[topic](conn, records)

    async def fire(self, limit: int = 100) -> int:
        return await due_timers(self.engine, self.house, lambda: None, limit=limit)()

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
            house = House(PARTITIONS, Sealer(KEY))
            return Care(db=db, engine=engine, house=house, rules=read_rules(SHIPPED))

        yield make


@pytest.fixture
async def care(make_care: Callable[[], Awaitable[Care]]) -> Care:
    """A service that knows one shop with the shipped rules."""
    made = await make_care()
    await made.feed(topics.SHOPS, SHOP)
    return made


@pytest.fixture
async def http(care: Care) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        environment="test",
        database_url=SecretStr(care.db.url("care-triggers")),
        kafka_servers="127.0.0.1:9092",
        token_secret=SecretStr(SECRET),
        data_key=SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        http_port=0,
        ops_port=0,
    )
    api = build_api(
        "Care",
        [router, lists.router],
        settings,
        engine=care.engine,
        registry=CollectorRegistry(),
        errors=[CareTriggersError],
    )
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.headers["authorization"] = f"Bearer {issue_local_token(SECRET, 'tea', SCOPES)}"
        yield client
