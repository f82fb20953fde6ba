"""Start, stop and exit codes of a process, over real sockets. No database is needed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from localstack import free_port
from support.eventually import eventually
from web.app import build_api
from web.ops import ops_app
from web.serve import run_service
from web.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    http_port: Port = 0
    ops_port: Port = 0


@dataclass
class House:
    """A service whose one route answers when it is told to."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[str] = field(default_factory=list)
    fails: bool = False
    settings: Settings = field(
        default_factory=lambda: Settings(
            environment="test",
            database_url=SecretStr("postgresql+asyncpg://u:p@127.0.0.1/x"),
            kafka_servers="127.0.0.1:1",
            token_secret=SecretStr("0123456789abcdef0123456789abcdef"),
            http_port=free_port(),
            ops_port=free_port(),
            stop_grace_s=5,
        )
    )

    async def run(self) -> None:
        router = APIRouter()
        router.add_api_route("/slow", self._slow, operation_id="slow")
        registry = CollectorRegistry()
        await run_service(
            build_api("T", [router], self.settings, registry=registry, public=["/slow"]),
            ops_app("web", {}, lambda: None, registry),
            [self._work],
            self.stop,
            self.settings,
            last=[self._relay],
        )

    async def get(self, path: str) -> httpx.Response:
        port = self.settings.http_port if path == "/slow" else self.settings.ops_port
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return await client.get(f"http://127.0.0.1:{port}{path}")

    async def status(self, path: str) -> int:
        try:
            return (await self.get(path)).status_code
        except httpx.TransportError:
            return 0

    async def ready(self) -> bool:
        return await self.status("/readyz") == 200

    async def unready(self) -> bool:
        return await self.status("/readyz") == 503

    async def refuses(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.settings.http_port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False

    async def _slow(self) -> str:
        self.entered.set()
        await self.release.wait()
        self.ended.append("request")
        return "answered"

    async def _work(self, stop: asyncio.Event) -> None:
        if self.fails:
            raise ZeroDivisionError
        await stop.wait()

    async def _relay(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.ended.append("relay")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    made.release.set()
    made.stop.set()


async def test_an_orderly_stop_answers_what_is_open_and_takes_nothing_new(house: House) -> None:
    running = asyncio.create_task(house.run())
    await eventually(house.ready, within_s=10)
    request = asyncio.create_task(house.get("/slow"))
    await house.entered.wait()

    house.stop.set()
    await eventually(house.unready, within_s=5)
    await eventually(house.refuses, within_s=5)
    assert not request.done()
    house.release.set()

    assert (await request).json() == "answered"
    await asyncio.wait_for(running, 10)
    assert house.ended == ["request", "relay"]
    assert await house.status("/readyz") == 0


async def test_a_task_that_fails_ends_the_process_with_1(house: House) -> None:
    house.fails = True
    with pytest.raises(SystemExit) as ended:
        await house.run()  # here, not in a task: its SystemExit would end the event loop

    assert ended.value.code == 1


async def test_a_port_that_is_taken_ends_the_process_with_2(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    running = asyncio.create_task(house.run())
    await eventually(house.ready, within_s=10)
    second = House(settings=house.settings)
    with pytest.raises(SystemExit) as ended:
        await second.run()
    house.stop.set()
    await asyncio.wait_for(running, 10)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("HUILIU_OPS_PORT: 127.0.0.1:")


PROGRAM = """
import asyncio, sys
from web.serve import start

async def run(stop):
    sys.stdout.write("running\\n")
    sys.stdout.flush()
    if sys.argv[1] == "fail":
        raise ZeroDivisionError("13800138000")
    await stop.wait()

start(run)
"""


@pytest.mark.parametrize(
    ("how", "number", "code"),
    [("wait", signal.SIGTERM, 0), ("wait", signal.SIGINT, 0), ("fail", None, 1)],
)
async def test_the_exit_code_tells_how_it_ended(
    how: str, number: signal.Signals | None, code: int
) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, how),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"running\n"
    if number is not None:
        child.send_signal(number)
    out, err = await asyncio.wait_for(child.communicate(), 20)

    assert child.returncode == code, err
    assert b"13800138000" not in out + err


async def test_a_head_without_end_is_cut_off(house: House) -> None:
    running = asyncio.create_task(house.run())
    await eventually(house.ready, within_s=10)
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.http_port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n" + b"x-more: yyyyyyyyyyyyyyyy\r\n" * 2800)

    assert await asyncio.wait_for(reader.read(12), 10) == b"HTTP/1.1 431"
    writer.close()
    house.stop.set()
    await asyncio.wait_for(running, 10)


async def test_a_crash_point_that_does_not_exist_refuses_the_start() -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "wait"),
        env={**os.environ, "HUILIU_CRASH": "after-lunch:1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(child.communicate(), 20)

    assert (child.returncode, err[:14]) == (2, b"HUILIU_CRASH: ")
