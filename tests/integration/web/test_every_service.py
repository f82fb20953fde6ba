"""The five APIs as they are put together: no route opens by mistake, none breaks on odd input."""

import asyncio
import base64
import importlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from demo.house import SERVICES
from plumbing.resources import schema_of
from support.database import Db, connect
from support.routes import SHOP, doors, failing, opened_by_mistake
from web.hot import HotPath

SECRET = "0123456789abcdef0123456789abcdef"
Run: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

OPEN_DOORS = 2  # at most: hooks, receipts


# A shop of its own kind in each service: what a column is called tells what fits it.
TEA = {"shop_id": SHOP, "zone": "Asia/Shanghai", "currency": "CNY", "country": "CN", "locale": "zh"}
OF_TYPE: dict[str, Any] = {"text": "", "bigint": 1, "boolean": False, "jsonb": {}}


async def add_shop(db: Db, schema: str) -> None:
    admin = await connect(db.admin_url)
    columns = await admin.fetch(
        "select column_name, data_type from information_schema.columns where table_schema = $1"
        " and table_name = 'shop' and is_nullable = 'NO' and column_default is null",
        schema,
    )
    row = {name: TEA.get(name, OF_TYPE.get(kind)) for name, kind in columns}
    names = ", ".join(row)
    await admin.execute(
        f"insert into {schema}.shop ({names})"  # noqa: S608 - names that the catalog gave
        f" select {names} from jsonb_populate_record(null::{schema}.shop, $1)",
        json.dumps(row),
    )
    await admin.close()


@pytest.fixture(params=SERVICES)
async def served(
    request: pytest.FixtureRequest, db: Db, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ASGIApp]:
    """What `main.serve` would serve, with a real database and without Kafka."""
    service: str = request.param
    await add_shop(db, schema_of(service))
    main = importlib.import_module(f"{service.replace('-', '_')}.main")
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": db.url(service),
        "KAFKA_SERVERS": "127.0.0.1:1",
        "TOKEN_SECRET": SECRET,
        "DATA_KEY": base64.b64encode(b"k" * 32).decode(),
        "SMS__URL": "http://127.0.0.1:1/",
        "SMS__SECRET": "whsec_" + base64.b64encode(b"k" * 32).decode(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"HUILIU_{name}", value)
    made: asyncio.Queue[ASGIApp] = asyncio.Queue()
    done = asyncio.Event()

    async def keep(api: ASGIApp, *_: Any, **__: Any) -> None:
        made.put_nowait(api)
        await done.wait()

    runs: list[Run] = []
    monkeypatch.setattr(main.logs, "configure", lambda *_: None)
    monkeypatch.setattr(main, "start", runs.append)
    monkeypatch.setattr(main, "run_service", keep)
    main.serve()
    running = asyncio.create_task(runs[0](asyncio.Event()))
    waiting = asyncio.create_task(made.get())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    yield await waiting
    done.set()
    await running


# One test, for the figures of a composed service can be registered once in a process.
async def test_every_route_is_shut_sound_and_documented(served: ASGIApp) -> None:
    app = served.app if isinstance(served, HotPath) else served
    assert isinstance(app, FastAPI)
    assert await opened_by_mistake(app, SECRET, served) == []
    assert len([door for door in doors(app) if door.scope is None]) <= OPEN_DOORS

    assert await failing(app, SECRET, served) == []

    listed = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert listed == {(door.method, door.template) for door in doors(app)}
