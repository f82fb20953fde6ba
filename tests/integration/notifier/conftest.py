"""Notifier against a real Postgres and real gateways; records are handed over without Kafka."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import customer_key, tombstone
from contracts.events import (
    Channel,
    Consent,
    CustomerProfile,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    MessageRecalled,
    Purpose,
    Rule,
    Shop,
    Text,
    Variable,
    Watermark,
)
from contracts.ids import message_id
from contracts.topics import CUSTOMERS, MESSAGES, RULES, SHOPS
from notifier.domain.gate import Terms
from notifier.domain.render import Outlet, Prices
from notifier.edges.consumer import Consumer
from notifier.edges.desk import Desk
from notifier.edges.gateways import Gateway, SmsGateway, open_client
from notifier.edges.receipt_store import ReceiptStore
from notifier.edges.receipts.aws import Aws
from notifier.edges.texts import Texts
from notifier.edges.timers import Deliveries, Sweep
from notifier.edges.vault import Vault
from notifier.main import api, reporters
from notifier.settings import Settings
from plumbing.absence import Absence
from plumbing.clock import business_clock, real_now
from plumbing.records import Record
from plumbing.resources import open_engine
from plumbing.seal import Sealer
from simulators.http_wire import HttpServer
from simulators.sms import Pace
from simulators.sms import SmsGateway as SmsSimulator
from support.bench import PARTITIONS, SENT_AT, Bench
from support.callers import ENTRIES, Detour, Post, SnsServer
from support.database import Db, connect
from support.eventually import eventually

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
TOKEN_SECRET = "a-token-secret-for-tests-0123456789abcdef"
SERVICE = "notifier"
SHANGHAI_NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
PHONE = "+8613800138000"

SHOP = Shop(
    shop_id="tea",
    revision=1,
    name="Tea House",
    zone="Asia/Shanghai",
    currency="CNY",
    country="CN",
    locale="zh",
    sms_signature="茶舍",
    email_from="hello@tea.example",
)
RULE = Rule(
    shop_id="tea",
    rule_id="shipped",
    version=1,
    kind="shipped",
    on=True,
    message_class=MessageClass.TRANSACTIONAL,
    priority=50,
    channels=(Channel.SMS, Channel.EMAIL),
    attribution_window_s=86_400,
    texts=(
        Text(Channel.SMS, "zh", "您的包裹已交给{{ courier }}，单号{{ waybill }}。"),
        Text(Channel.SMS, "en", "your parcel is with {{ courier }}, number {{ waybill }}."),
        Text(Channel.EMAIL, "zh", "{{ name }}，您的包裹已寄出：{{ waybill }}", "已寄出"),
    ),
)


@dataclass(kw_only=True, eq=False)
class House(Bench):
    """The notifier's parts on one database, and hands to move them."""

    service: str = SERVICE
    vault: Vault
    consumer: Consumer
    terms: Terms
    texts: Texts = field(default_factory=Texts)

    async def feed(self, *events: Any, part: int | None = None) -> None:
        """Hand *events*, all of one topic, to the consumer as one batch."""
        await self.feed_records(
            [
                # A watermark travels on several topics.
                self.record(one, topic=MESSAGES if isinstance(one, Watermark) else None, part=part)
                for one in events
            ]
        )

    async def feed_records(self, records: Sequence[Record]) -> None:
        handle = {
            MESSAGES: self.consumer.on_messages,
            CUSTOMERS: self.consumer.on_customers,
            SHOPS: self.consumer.on_shops,
            RULES: self.consumer.on_rules,
        }[records[0].topic]
        async with self.tx() as conn:
            await handle(conn, records)

    async def erase(self, customer_id: str) -> None:
        key = customer_key("tea", customer_id)
        gone = tombstone(CUSTOMERS, key, source="test", at=SENT_AT)
        await self.feed_records([self.record(gone)])

    async def business_time(self) -> datetime:
        async with self.tx() as conn:
            return await business_clock(conn)

    async def mark_fresh(self, *, age_s: float = 0.0) -> None:
        async with self.tx() as conn:
            at = await real_now(conn) - timedelta(seconds=age_s)
        for part in range(PARTITIONS):
            await self.feed(Watermark(at), part=part)

    async def message(self, one: MessagePlanned) -> Mapping[str, Any]:
        (row,) = await self.rows("select * from message where message_id = :id", id=one.message_id)
        return row

    async def state(self, one: MessagePlanned) -> tuple[DeliveryState, str]:
        row = await self.message(one)
        return DeliveryState(row["state"]), row["reason"]

    async def comes_to(
        self, one: MessagePlanned, state: DeliveryState, within_s: float = 10.0
    ) -> Mapping[str, Any]:
        async def check() -> Mapping[str, Any]:
            row = await self.message(one)
            assert row["state"] == state, (row["state"], row["reason"])
            return row

        found: Mapping[str, Any] = await eventually(check, within_s)
        return found

    async def states(self, one: MessagePlanned) -> list[tuple[int, DeliveryState, str]]:
        return [
            (event.revision, event.state, event.reason)
            for event in await self.announced(DeliveryChanged)
            if event.message_id == one.message_id
        ]

    def deliveries(self, gateways: Mapping[Channel, Gateway], **more: Any) -> Deliveries:
        return Deliveries(
            engine=self.engine,
            vault=self.vault,
            partitions=PARTITIONS,
            gateways=gateways,
            render=self.texts.render,
            terms=self.terms,
            on_commit=lambda: None,
            **more,
        )

    @asynccontextmanager
    async def delivering(
        self, gateways: Mapping[Channel, Gateway], **more: Any
    ) -> AsyncIterator[Deliveries]:
        stop = asyncio.Event()
        deliveries = self.deliveries(gateways, **more)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(deliveries.run(stop))
            try:
                yield deliveries
            finally:
                stop.set()

    async def sweep(self, *, claim_timeout_s: float = 60, unknown_close_s: float = 900) -> int:
        return await Sweep(
            engine=self.engine,
            vault=self.vault,
            partitions=PARTITIONS,
            claim_timeout_s=claim_timeout_s,
            unknown_close_s=unknown_close_s,
            on_commit=lambda: None,
        )()

    async def cut_connections(self) -> None:
        """End every connection of the notifier's pool, as a failing server would."""
        conn = await connect(self.db.admin_url)
        try:
            await conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'notifier' and datname = current_database()"
            )
        finally:
            await conn.close()

    def receipt_store(self, conn: AsyncConnection) -> ReceiptStore:
        return ReceiptStore(conn, self.vault, PARTITIONS)


@dataclass(kw_only=True, eq=False)
class Front:
    """The notifier's API as it is composed, with every gateway that may report; and SNS."""

    client: httpx.AsyncClient
    sns: SnsServer

    async def post(self, post: Post) -> httpx.Response:
        # From where Aliyun posts, as far as it matters.
        headers = {"x-forwarded-for": "203.0.113.7", **post.headers}
        return await self.client.post(
            post.url,
            content=post.body,
            headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        )


@asynccontextmanager
async def open_front(house: House) -> AsyncIterator[Front]:
    settings = Settings.model_validate(
        {
            "environment": "test",
            "database_url": house.db.url(SERVICE),
            "kafka_servers": "unused:1",
            "token_secret": TOKEN_SECRET,
            "data_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "sms": {"url": "http://unused/", "secret": SECRET},
            "smtp": {"host": "unused"},
            "receipts": ENTRIES,
            "trusted_proxies": 1,
        }
    )
    sns = SnsServer()
    async with (
        HttpServer(sns) as server,
        httpx.AsyncClient(transport=Detour(lambda: server.address)) as to_aws,
    ):
        desk = Desk(
            engine=house.engine,
            vault=house.vault,
            partitions=PARTITIONS,
            reporters=reporters(settings),
            gateways={Channel.SMS: "sms", Channel.EMAIL: "smtp"},
            aws=Aws(client=to_aws, unix_time=time.time),
            trusted_proxies=settings.trusted_proxies,
            unix_time=time.time,
            on_commit=lambda: None,
        )
        app = api(settings, house.engine, desk, house.vault, SERVICE)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Front(client=client, sns=sns)


@asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve *talk* on a port of 127.0.0.1; at the end every connection is closed."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            running.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if running:
            await asyncio.wait(running, timeout=2)


@pytest.fixture
async def house(db: Db) -> AsyncIterator[House]:
    """A shop with one rule, at noon; nobody is known yet."""
    vault = Vault(Sealer(bytes(range(32))))
    outlets = {
        Channel.SMS: Outlet("sms", Prices("CNY", 45_000, {"US": 8_000})),
        Channel.EMAIL: Outlet("smtp", Prices("CNY", 0), "care@huiliu.invalid"),
    }
    async with open_engine(db.url(SERVICE), app="test", pool=16) as engine:
        made = House(
            db=db,
            engine=engine,
            vault=vault,
            consumer=Consumer(SERVICE, vault, PARTITIONS, Absence()),
            terms=Terms(outlets, spread=timedelta(minutes=30)),
        )
        await made.set_time(SHANGHAI_NOON)
        await made.feed(SHOP)
        await made.feed(RULE)
        yield made


@pytest.fixture
async def front(house: House) -> AsyncIterator[Front]:
    async with open_front(house) as made:
        yield made


@pytest.fixture
def client(front: Front) -> httpx.AsyncClient:
    return front.client


@pytest.fixture
async def sms() -> AsyncIterator[SmsSimulator]:
    async with SmsSimulator(secret=SECRET, pace=Pace(drip_every_s=0.05)) as gateway:
        yield gateway


@pytest.fixture
async def sms_gateway(sms: SmsSimulator) -> AsyncIterator[SmsGateway]:
    async with open_client(50) as client:
        yield SmsGateway(
            client=client, url=sms.url, secret=SECRET, within_s=1.0, unix_time=time.time
        )


def person(customer_id: str = "c1", *, revision: int = 1, **fields: Any) -> CustomerProfile:
    values: dict[str, Any] = {"phone": PHONE, "email": "li@mail.example", "name": "小李"}
    return CustomerProfile("tea", customer_id, revision, **(values | fields))


def planned(once: str = "p1", customer_id: str = "c1", **fields: Any) -> MessagePlanned:
    one = MessagePlanned(
        shop_id="tea",
        customer_id=customer_id,
        message_id=message_id("tea", "shipped", once, "1"),
        rule_id="shipped",
        rule_version=1,
        kind="shipped",
        message_class=MessageClass.TRANSACTIONAL,
        priority=50,
        channels=(Channel.SMS,),
        due_at=SHANGHAI_NOON - timedelta(minutes=1),
        expires_at=SHANGHAI_NOON + timedelta(hours=24),
        once_key=once,
        order_id=f"o-{once}",
        variables=(Variable("courier", "顺丰"), Variable("waybill", f"SF{once}")),
    )
    return replace(one, **fields)


def consent(*, given: bool = True, channel: Channel = Channel.SMS) -> Consent:
    return Consent(channel, Purpose.MARKETING, given, SHANGHAI_NOON - timedelta(days=9))


def recalled(one: MessagePlanned, reason: str = "paid") -> MessageRecalled:
    return MessageRecalled(one.shop_id, one.customer_id, one.message_id, reason)
