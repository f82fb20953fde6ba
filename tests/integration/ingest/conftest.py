"""Ingest's parts on a database of their own, without processes: the API is called in place."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.codec import decode
from contracts.events import Shop
from ingest.edges import api, connectors, customers, events, hooks, merges
from ingest.edges.directory import Directory
from ingest.edges.hot import HotEvents, HotHooks
from ingest.edges.imports import api as imports
from ingest.edges.imports.upload import Uploads
from ingest.edges.ports import Ports, Registry
from ingest.edges.publisher import Patience, Publisher
from ingest.edges.push_log import PushLog
from ingest.edges.quotas import Quotas
from ingest.errors import IngestError
from ingest.settings import Settings
from plumbing.bundle import items_of
from plumbing.records import OutRecord, Record, unpack_headers
from plumbing.resources import open_engine, worker_role, worker_tx
from plumbing.seal import Sealer, data_key
from support.database import Db, connect
from web.app import build_api
from web.auth import issue_local_token
from web.hot import HotPath
from web.metrics import http_metrics

SECRET = "a-secret-of-more-than-thirty-two-characters"
KEY = base64.b64encode(bytes(range(32))).decode()
NOWHERE = "127.0.0.1:9"  # the discard port: nothing listens there
SHOP = "north"
SCOPES = (
    *("events:write", "shops:read", "shops:write", "connectors:read", "connectors:write"),
    *("customers:read", "customers:write", "imports:read", "imports:write"),
)


def utc_now() -> datetime:
    return datetime.now(UTC)


def bearer(shop_id: str = SHOP, scopes: Sequence[str] = SCOPES) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_local_token(SECRET, shop_id, scopes)}"}


@dataclass(eq=False)
class Closed:
    """Ingest's API with neither Kafka nor Postgres behind it: what it would keep is a 503."""

    ports: Ports
    http: httpx.AsyncClient

    async def post(self, event: Any, shop_id: str = SHOP) -> httpx.Response:
        return await self.http.post(
            f"/v1/shops/{shop_id}/events", json=event, headers=bearer(shop_id)
        )


@dataclass(eq=False)
class House:
    """Ingest in place: its API over HTTP, its parts by name, its tables by plain SQL."""

    db: Db
    engine: AsyncEngine
    ports: Ports
    http: httpx.AsyncClient
    sealer: Sealer
    slow: list[str]  # paths that went FastAPI's way
    _admin: asyncpg.Connection = field(repr=False)

    async def rows(self, statement: str, *args: Any) -> list[dict[str, Any]]:
        found = await self._admin.fetch(statement, *args)
        return [dict(row) for row in found]

    async def run(self, statement: str, *args: Any) -> None:
        await self._admin.execute(statement, *args)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[AsyncConnection]:
        async with worker_tx(self.engine, worker_role("ingest")) as conn:
            yield conn

    async def spooled(self) -> list[Any]:
        """Return the events in the spool, in order."""
        found = []
        for row in await self.rows("select * from ingest.ingest_spool order by seq"):
            value = self.sealer.unseal(row["sealed"], b"spool:" + row["event_id"].encode())
            found.append(decode(unpack_headers(row["headers"]), value, row["key"]))
        return found

    async def outbox(self) -> list[Any]:
        """Return (topic, event) of the outbox, in order."""
        async with self.worker() as conn:
            rows = (await conn.execute(text("select * from outbox order by seq"))).all()
        return [
            (row.topic, decode(one.headers, one.value, one.key))
            for row in rows
            for one in items_of(row)
        ]

    async def post(self, event: Any, shop_id: str = SHOP) -> httpx.Response:
        return await self.http.post(
            f"/v1/shops/{shop_id}/events", json=event, headers=bearer(shop_id)
        )


def record(sent: OutRecord, offset: int = 0) -> Record:
    """Return what a consumer reads of *sent*."""
    return Record(sent.topic, sent.part, offset, sent.key, sent.value, sent.headers, 0)


@pytest.fixture
def front(request: pytest.FixtureRequest) -> str:
    """Which way requests go: "hot" as in the process, or "api" alone; see `pushing.BOTH_WAYS`."""
    way: str = getattr(request, "param", "hot")
    return way


@pytest.fixture
async def make_house(db: Db, front: str) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def make(servers: str = NOWHERE) -> House:
            engine = await stack.enter_async_context(open_engine(db.url("ingest"), app="ingest"))
            admin = await connect(db.admin_url)
            stack.push_async_callback(admin.close)
            sealer = Sealer(data_key(KEY))
            ports = _ports(engine, sealer, servers)
            await ports.directory.refresh()
            slow: list[str] = []
            client = _client(engine, ports, db.url("ingest"), front, slow)
            http = await stack.enter_async_context(client)
            return House(db, engine, ports, http, sealer, slow, admin)

        yield make


@pytest.fixture
async def house(make_house: Callable[..., Any]) -> House:
    """Without Kafka: whatever is accepted lies in the spool, to be looked at."""
    made: House = await make_house()
    await add_shop(made)
    return made


@pytest.fixture
async def closed(front: str) -> AsyncIterator[Closed]:
    url = f"postgresql+asyncpg://ingest:nobody@{NOWHERE}/huiliu"
    async with open_engine(url, app="ingest") as engine:
        ports = _ports(engine, Sealer(data_key(KEY)), NOWHERE)
        ports.directory.note_shop(Shop(SHOP, 1, "North", "Asia/Shanghai", "CNY", "CN", "zh", ""))
        async with _client(engine, ports, url, front, []) as http:
            yield Closed(ports, http)


async def add_shop(house: House, shop_id: str = SHOP) -> None:
    answer = await house.http.post(
        "/v1/shops",
        headers=bearer("*"),
        json={
            "shop_id": shop_id,
            "name": "North",
            "zone": "Asia/Shanghai",
            "currency": "CNY",
            "country": "CN",
        },
    )
    assert answer.status_code == 201, answer.text


def _ports(engine: AsyncEngine, sealer: Sealer, servers: str) -> Ports:
    publisher = Publisher(
        engine=engine,
        servers=servers,
        sealer=sealer,
        partitions=4,
        patience=Patience(1.0, 5.0),
        now=utc_now,
    )
    registry = Registry(engine=engine, sealer=sealer, partitions=4, now=utc_now, wake=lambda: None)
    return Ports(
        directory=Directory(engine=engine, sealer=sealer, now=utc_now),
        publisher=publisher,
        registry=registry,
        push_log=PushLog(engine),
        sealer=sealer,
        quotas=Quotas(default=0),
        uploads=Uploads(engine=engine, sealer=sealer),
        trusted_proxies=0,
        shop_zone="Asia/Shanghai",
        partitions=4,
        now=utc_now,
        wake=lambda: None,
        merges_customers=True,
    )


@asynccontextmanager
async def _client(
    engine: AsyncEngine, ports: Ports, url: str, front: str, slow: list[str]
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        environment="test",
        database_url=SecretStr(url),
        kafka_servers=NOWHERE,
        token_secret=SecretStr(SECRET),
        data_key=SecretStr(KEY),
        http_port=0,
        ops_port=0,
    )
    registry = CollectorRegistry()
    app = build_api(
        "Ingest",
        [
            *(api.router, customers.router, connectors.router, events.router, hooks.router),
            *(imports.router, merges.router),
        ],
        settings,
        engine=engine,
        registry=registry,
        errors=[IngestError],
        public=["/v1/hooks/{connector_id}"],
        uploads={imports.PATH: 4 * 1024 * 1024},
    )
    app.state.ports = ports

    async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
        slow.append(scope["path"])
        await app(scope, receive, send)

    served: ASGIApp = slowly
    if front == "hot":
        served = _whole(
            HotPath(
                slowly,
                [HotEvents(ports, app.state.verifier), HotHooks(ports)],
                gate=app.state.gate,
                metrics=http_metrics(registry),
                errors=[IngestError],
            )
        )
    transport = httpx.ASGITransport(served, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def _whole(app: ASGIApp) -> ASGIApp:
    """Hand a body over in one piece, as the server does with a small one; the client sends two."""

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        parts = [await receive()]
        while parts[-1].get("more_body", False):
            parts.append(await receive())
        body = b"".join(part.get("body", b"") for part in parts)
        messages = iter([{"type": "http.request", "body": body}])

        async def once() -> Message:
            return next(messages, None) or await receive()

        await app(scope, once, send)

    return whole


@pytest.fixture
def call() -> Callable[..., Any]:
    """Post raw bytes as an event of the shop; keyword arguments are further headers."""

    async def post(house: Closed, raw: bytes, **headers: str) -> httpx.Response:
        given = {**bearer(), "content-type": "application/json"}
        given = {name.lower(): value for name, value in given.items()} | headers
        return await house.http.post(f"/v1/shops/{SHOP}/events", content=raw, headers=given)

    return post
