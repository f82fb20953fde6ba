"""Without Postgres a pod is not ready and says 503; it neither ends nor stays unwell."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.conftest import SERVICE
from plumbing.resources import open_engine
from support.database import Db
from support.eventually import eventually
from support.gate import Gate
from web.app import build_api
from web.database import check_database, database_answers
from web.ops import ops_app
from web.settings import ServiceSettings
from web.shop_session import Engine, shop_tx

router = APIRouter()


@router.get("/who", operation_id="who")
async def who(engine: Engine) -> str:
    async with shop_tx(engine, SERVICE, "tea") as conn:
        return str(await conn.scalar(text("select current_user")))


Get = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
async def gated(settings: ServiceSettings) -> AsyncIterator[AsyncEngine]:
    async with open_engine(settings.database_url.get_secret_value(), app=SERVICE) as engine:
        yield engine


@pytest.fixture
def get(settings: ServiceSettings, gated: AsyncEngine) -> Get:
    registry = CollectorRegistry()
    api = build_api("T", [router], settings, engine=gated, registry=registry, public=["/who"])
    ops = ops_app(SERVICE, {"database": database_answers(gated)}, lambda: None, registry)
    ops.state.phase = "serving"

    async def get(path: str) -> httpx.Response:
        app = api if path == "/who" else ops
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return get


async def test_a_pod_is_ready_only_while_postgres_answers(get: Get, gate: Gate) -> None:
    for _ in range(2):
        assert (await get("/readyz")).status_code == 200
        assert (await get("/who")).json() == "segmenter_api"

        await gate.shut()
        assert (await get("/readyz")).json()["checks"] == {"database": "does not answer"}
        assert (await get("/livez")).status_code == 200
        refused = await get("/who")
        assert refused.status_code == 503
        assert 5 <= int(refused.headers["retry-after"]) <= 30

        await gate.open()


async def test_a_start_waits_for_postgres(
    settings: ServiceSettings, gated: AsyncEngine, gate: Gate
) -> None:
    await gate.shut()
    start = asyncio.create_task(check_database(gated, SERVICE, settings, asyncio.Event()))
    done, _ = await asyncio.wait({start}, timeout=0.3)
    assert not done

    await gate.open()
    await eventually(start.done, within_s=10)
    start.result()


async def test_a_start_that_waits_can_be_stopped(
    settings: ServiceSettings, gated: AsyncEngine, gate: Gate
) -> None:
    await gate.shut()
    stop = asyncio.Event()
    start = asyncio.create_task(check_database(gated, SERVICE, settings, stop))
    await asyncio.wait({start}, timeout=0.1)
    stop.set()

    await asyncio.wait_for(start, 5)


@pytest.mark.parametrize(
    ("login", "why"),
    [
        pytest.param("admin", "superuser", id="a superuser"),
        pytest.param("owner", "no member of", id="the owner"),
        pytest.param("other", "no member of", id="another service"),
        pytest.param("unknown", "does not know this login", id="nobody"),
    ],
)
async def test_a_login_that_is_not_fit_ends_the_process_with_2(
    db: Db,
    settings: ServiceSettings,
    capsys: pytest.CaptureFixture[str],
    login: str,
    why: str,
) -> None:
    urls = {
        "admin": db.admin_url,
        "owner": db.owner_url(SERVICE),
        "other": db.url("notifier"),
        "unknown": db.url(SERVICE).replace(f"//{SERVICE}:", "//nobody:"),
    }
    asked = settings.model_copy(update={"database_url": SecretStr(urls[login])})
    async with open_engine(urls[login], app=SERVICE) as engine:
        with pytest.raises(SystemExit) as ended:
            await check_database(engine, SERVICE, asked, asyncio.Event())

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("HUILIU_DATABASE_URL: ")
    assert why in said


async def test_production_refuses_a_shifted_clock(
    db: Db, settings: ServiceSettings, gated: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    production = settings.model_copy(update={"environment": "production"})
    await check_database(gated, SERVICE, production, asyncio.Event())

    async with open_engine(db.clock_url, app="keeper") as keeper, keeper.begin() as conn:
        await conn.execute(text("update clock.shift set by_interval = interval '1 hour'"))
    await check_database(gated, SERVICE, settings, asyncio.Event())
    with pytest.raises(SystemExit):
        await check_database(gated, SERVICE, production, asyncio.Event())

    assert "clock is shifted" in capsys.readouterr().err
