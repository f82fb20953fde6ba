"""Reporting taken apart: records in, and its API with the processes that make its reports."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from contracts import topics
from contracts.events import (
    Cell,
    ChangeReason,
    Channel,
    Decision,
    DecisionResult,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    MessageRecalled,
    OrderFacts,
    RefundFacts,
    Rule,
    SegmentChanged,
    Shop,
    Watermark,
)
from plumbing.absence import Absence
from plumbing.records import Record
from plumbing.resources import open_engine
from reporting.edges.consumer import Consumer
from reporting.edges.reports.desk import Bounds, Desk, open_desk
from reporting.main import api
from reporting.settings import Settings
from support.bench import Bench, record_of
from support.database import Db
from support.now import NOW
from web.auth import issue_local_token

SERVICE = "reporting"
SECRET = "a secret of at least thirty-two characters"
TODAY = (NOW + timedelta(hours=8)).date()
SENT = NOW - timedelta(days=2)
HOUR = timedelta(hours=1)
DAY_S = 86_400

SHOP = Shop("tea", 3, "茶铺", "Asia/Shanghai", "CNY", "CN", "zh", "茶铺")
CAMPAIGN = Rule(
    "tea", "campaign", 1, "campaign_start", True, MessageClass.MARKETING, 54, (Channel.SMS,),
    3 * DAY_S, goal="sales",
)  # fmt: skip
REMIND = Rule(
    "tea", "unpaid_first", 1, "unpaid_first", True, MessageClass.SERVICE, 80, (Channel.SMS,),
    DAY_S, credits_own_order=True,
)  # fmt: skip
SHIPPED = Rule(
    "tea", "shipped", 1, "shipped", True, MessageClass.TRANSACTIONAL, 90, (Channel.SMS,), DAY_S
)


def plan(rule: Rule, number: int, customer: str, order: str | None = None) -> MessagePlanned:
    return MessagePlanned(
        rule.shop_id, customer, f"{rule.rule_id}-{number}", rule.rule_id, rule.version, rule.kind,
        rule.message_class, rule.priority, (Channel.SMS,), SENT, SENT + timedelta(days=1),
        f"k{number}", order_id=order,
    )  # fmt: skip


def delivery(planned: MessagePlanned, revision: int, state: DeliveryState, reason: str = "") -> Any:
    known = DeliveryChanged(
        planned.shop_id, planned.customer_id, planned.message_id, revision, state,
        planned.rule_id, planned.rule_version, planned.kind, reason, order_id=planned.order_id,
    )  # fmt: skip
    if state is not DeliveryState.SENT:
        return known
    return dataclasses.replace(
        known, channel=Channel.SMS, gateway="g", pieces=2, price_micros=90_000, currency="CNY",
        sent_at=SENT,
    )  # fmt: skip


def order(number: int, customer: str, **facts: Any) -> OrderFacts:
    return OrderFacts("tea", customer, f"o{number}", 1, currency="CNY", total_minor=20_000, **facts)


ORDERS = [
    order(1, "c1", placed_at=SENT + HOUR),
    order(1, "c1", paid_at=SENT + 2 * HOUR),
    OrderFacts("tea", "c1", "o1", 9, refunds=(RefundFacts("r", 9, 5_000, completed_at=NOW),)),
    order(2, "c2", placed_at=SENT - HOUR, paid_at=SENT + 2 * HOUR),
    order(3, "c3", placed_at=SENT - HOUR),
    order(4, "c1", placed_at=SENT + HOUR),
    dataclasses.replace(order(5, "c1", placed_at=SENT + HOUR, paid_at=SENT + HOUR), currency="USD"),
]
PLANS = [
    plan(CAMPAIGN, 1, "c1"),
    plan(REMIND, 2, "c2", "o2"),
    plan(REMIND, 3, "c3", "o3"),
    plan(REMIND, 4, "c4", "o4"),
    plan(SHIPPED, 5, "c1", "o1"),
]
DELIVERIES = [
    *(delivery(one, 1, DeliveryState.SENT) for one in [*PLANS[:3], PLANS[4]]),
    *(delivery(one, 2, DeliveryState.DELIVERED) for one in [*PLANS[:3], PLANS[4]]),
    delivery(PLANS[3], 1, DeliveryState.SUPPRESSED, "cancelled"),
]
MESSAGES = [
    *PLANS,
    MessageRecalled("tea", "c4", "unpaid_first-4", "paid"),
    Decision(
        "tea", "c5", "d1", "unpaid_first", 1, "unpaid_first", "k", DecisionResult.CANCELLED,
        "paid", SENT,
    ),
    Decision("tea", "c6", "d2", "shipped", 1, "shipped", "k", DecisionResult.SKIPPED, "signed"),
    Watermark(NOW),
]  # fmt: skip
SEGMENTS = [
    SegmentChanged("tea", "c1", 1, TODAY, Cell.JUST_BOUGHT, ChangeReason.EVENT, 1, 15_000),
    SegmentChanged("tea", "c2", 1, TODAY, Cell.JUST_BOUGHT, ChangeReason.EVENT, 1, 20_000),
    SegmentChanged("tea", "c2", 2, TODAY, Cell.NEW_HIGH, ChangeReason.TIME, 1, 20_000),
]


def records(topic: str, events: Sequence[Any]) -> list[Record]:
    return [
        record_of(event, offset, topic=topic, part=0, at=NOW) for offset, event in enumerate(events)
    ]


@dataclasses.dataclass(kw_only=True, eq=False)
class House(Bench):
    """The consumer and the API of one reporting, on one database."""

    service: str = SERVICE
    app: FastAPI
    client: httpx.AsyncClient
    desk: Desk
    consumer: Consumer = dataclasses.field(default_factory=lambda: Consumer(SERVICE, Absence()))

    async def read(self, topic: str, batch: Sequence[Record]) -> None:
        handle: dict[str, Callable[..., Awaitable[None]]] = {
            topics.SHOPS: self.consumer.on_shops,
            topics.RULES: self.consumer.on_rules,
            topics.ORDERS: self.consumer.on_orders,
            topics.MESSAGES: self.consumer.on_messages,
            topics.DELIVERIES: self.consumer.on_deliveries,
            topics.SEGMENTS: self.consumer.on_segments,
        }
        async with self.tx() as conn:
            await handle[topic](conn, batch)

    async def read_all(self) -> None:
        await self.read(topics.SHOPS, records(topics.SHOPS, [SHOP]))
        await self.read(topics.RULES, records(topics.RULES, [CAMPAIGN, REMIND, SHIPPED]))
        await self.read(topics.ORDERS, records(topics.ORDERS, ORDERS))
        await self.read(topics.MESSAGES, records(topics.MESSAGES, MESSAGES))
        await self.read(topics.DELIVERIES, records(topics.DELIVERIES, DELIVERIES))
        await self.read(topics.SEGMENTS, records(topics.SEGMENTS, SEGMENTS))

    async def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        shop: str = "tea",
        status: int = 200,
    ) -> Any:
        answer = await self.answer(path, query, shop=shop)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def answer(
        self, path: str, query: Mapping[str, str | int] | None = None, *, shop: str = "tea"
    ) -> httpx.Response:
        return await self.client.get(
            f"/v1/shops/{shop}/reports/{path}", params=dict(query or {}), headers=bearer(shop)
        )


def bearer(shop: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_local_token(SECRET, shop, ['reports:read'])}"}


@asynccontextmanager
async def open_house(
    db: Db, at_once: int = 1, bounds: Bounds | None = None, url: str = ""
) -> AsyncIterator[House]:
    """Open a reporting on *db*, whose reports are read at *url* when it says another."""
    settings = Settings(
        environment="test",
        database_url=SecretStr(db.url("reporting")),
        kafka_servers="nowhere:1",
        token_secret=SecretStr(SECRET),
        http_port=0,
        ops_port=0,
    )
    async with (
        open_engine(db.url("reporting"), app="reporting") as engine,
        open_desk(url or db.url("reporting"), at_once, bounds) as desk,
    ):
        app = api(settings, engine, desk, "reporting")
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield House(db=db, engine=engine, app=app, client=client, desk=desk)


@pytest.fixture
async def house(db: Db) -> AsyncIterator[House]:
    async with open_house(db) as house:
        yield house
