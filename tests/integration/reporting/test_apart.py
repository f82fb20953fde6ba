"""Reports are made by processes apart: the service's own loop and memory stay free for facts."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy.engine import make_url
from starlette.types import Message

from contracts import topics
from demo.house import House as Services
from demo.house import token
from integration.reporting.conftest import SHOP, House, bearer, open_house, records
from integration.reporting.large import NET_MINOR, PRICE_MICROS, fill
from plumbing.frames import framed
from reporting.edges.reports.desk import MIB, Bounds
from reporting.edges.reports.wire import EffectOf, Setup
from reporting.edges.reports.worker import APP
from support.database import Db, connect
from support.eventually import eventually
from support.gate import Gate

pytestmark = pytest.mark.timeout(180)

MESSAGES: Final = 100_000
TICK_S: Final = 0.02
LATE_S: Final = 0.5  # far below Kafka's heartbeat of 3 s, far above what a busy machine takes
SMALL: Final = Bounds(waiting=2, waiting_of_a_shop=2)
BEGUN_WITHIN_S: Final = 30.0


@asynccontextmanager
async def held(db: Db) -> AsyncIterator[None]:
    """Let no report get on: each waits in its first query, as long as this takes."""
    conn = await connect(db.admin_url)
    try:
        await conn.execute(f'alter role reporting in database "{db.name}" set lock_timeout = 0')
        async with conn.transaction():
            await conn.execute("lock table reporting.shop in access exclusive mode")
            yield
    finally:
        await conn.close()


async def at_work(db: Db, number: int, how: str = "Lock") -> None:
    """Wait until so many reports of *db* have begun, and stand still, or are *how*."""
    conn = await connect(db.admin_url)

    async def so_many() -> bool:
        found = await conn.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and application_name = $1 and $2 in (wait_event_type, state)",
            APP,
            how,
        )
        return bool(found == number)

    try:
        await eventually(so_many, within_s=BEGUN_WITHIN_S)
    finally:
        await conn.close()


async def waiting(number: int, most: int) -> None:
    share = number / most
    await eventually(lambda: REGISTRY.get_sample_value("huiliu_reporting_waiting_ratio") == share)


def ask(house: House, first: str = "", shop: str = "tea") -> asyncio.Task[httpx.Response]:
    """Ask for a summary, from the day *first* on."""
    query = {"from": first} if first else {}
    return asyncio.create_task(house.answer("summary", query, shop=shop))


def day(number: int) -> str:
    return f"2026-01-{number:02}"


def begun() -> float:
    """Return how many reports this process has begun and ended."""
    name, labels = "huiliu_reporting_report_seconds_count", {"operation": "summary"}
    return REGISTRY.get_sample_value(name, labels) or 0


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("huiliu_reporting_refused_total", {"reason": reason}) or 0


def assert_not_now(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "urn:huiliu:problem:not-now"
    assert 5 <= int(answer.headers["retry-after"]) <= 30


def children(parent: int) -> list[int]:
    """Return the processes that make reports for *parent*."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
            command = (folder / "cmdline").read_text("utf-8")
            if int(stat[1]) == parent and "reporting.edges.reports.worker" in command:
                found.append(int(folder.name))
    return found


def told_at_start(pid: int) -> str:
    folder = Path(f"/proc/{pid}")
    return "".join((folder / name).read_text("utf-8") for name in ("cmdline", "environ"))


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def tick(late_s: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)  # the beat of what else runs on this loop
        late_s.append(loop.time() - due)


async def test_the_loop_goes_on_while_a_large_report_is_made(house: House) -> None:
    async with house.tx() as conn:
        orders = await fill(conn, "large", MESSAGES)
    late_s: list[float] = []
    ticking = asyncio.create_task(tick(late_s))

    report = await house.get("effect", shop="large")

    ticking.cancel()
    assert len(late_s) >= 10
    assert max(late_s) < LATE_S
    total = report["total"]
    assert (total["messages_sent"], total["messages_reached"]) == (MESSAGES, MESSAGES)
    assert total["cost_micros"] == MESSAGES * PRICE_MICROS
    assert (total["paid_orders"], total["paid_amount_minor"]) == (orders, orders * NET_MINOR)
    assert sum(one["paid_orders"] for one in report["rules"]) == orders


async def test_a_report_too_large_to_hold_is_told_so_and_a_shorter_one_is_made(db: Db) -> None:
    async with open_house(db, bounds=Bounds(memory_bytes=150 * MIB)) as house:
        async with house.tx() as conn:
            await fill(conn, "large", MESSAGES)
        before = refused("memory")

        problem = await house.get("effect", shop="large", status=422)
        shorter = await house.get(
            "effect", {"from": "2020-01-01", "until": "2020-01-02"}, shop="large"
        )

    assert problem["type"] == "urn:huiliu:problem:too-many-messages"
    assert problem["detail"] == "too many messages in this period: ask for a shorter one"
    assert shorter["total"]["messages_sent"] == 0
    assert refused("memory") == before + 1


async def test_more_reports_than_may_wait_are_told_to_come_again(db: Db) -> None:
    async with open_house(db, bounds=SMALL) as house:
        await house.read_all()
        async with held(db):
            first = ask(house, day(1))
            await at_work(db, 1)
            others = [ask(house, day(2)), ask(house, day(3))]
            await waiting(2, SMALL.waiting)

            before = refused("queue")
            assert_not_now(await ask(house, day(4)))
            assert refused("queue") == before + 1

        assert {(await one).status_code for one in (first, *others)} == {200}


async def test_who_asks_for_what_waits_shares_it_but_not_what_has_begun(db: Db) -> None:
    async with open_house(db, bounds=SMALL) as house:
        await house.read_all()
        before = begun()
        async with held(db):
            first = ask(house)
            await at_work(db, 1)
            others = [ask(house) for _ in range(5)]
            await waiting(1, SMALL.waiting)
            other_shop = ask(house, shop="coffee")
            await waiting(2, SMALL.waiting)

        answers = [await one for one in (first, *others)]
        assert (await other_shop).status_code == 404

    assert [one.status_code for one in answers] == [200] * 6
    assert len({one.content for one in answers[1:]}) == 1
    assert answers[1].json()["as_of"] > answers[0].json()["as_of"]
    assert begun() == before + 3


async def test_who_goes_away_takes_the_report_from_nobody_else(db: Db) -> None:
    async with open_house(db, bounds=SMALL) as house:
        await house.read_all()
        before = begun()
        async with held(db):
            first = ask(house)
            await at_work(db, 1)
            goes, stays = ask(house, day(2)), ask(house, day(2))
            alone = ask(house, day(3))
            await waiting(2, SMALL.waiting)

            goes.cancel()
            alone.cancel()
            first.cancel()
            await waiting(1, SMALL.waiting)

        assert (await stays).status_code == 200
    assert begun() == before + 2  # the first had begun; that of who was alone is not made


async def test_a_caller_whose_connection_ends_lets_its_report_go(db: Db) -> None:
    async with open_house(db, bounds=SMALL) as house:
        await house.read_all()
        async with held(db):
            first = ask(house)
            await at_work(db, 1)
            calling, hang_up, heard = hanging_up(house)
            await waiting(1, SMALL.waiting)

            hang_up()

            await calling
            await waiting(0, SMALL.waiting)
            assert heard == []
        assert (await first).status_code == 200


def hanging_up(house: House) -> tuple[asyncio.Task[None], Any, list[Message]]:
    """Ask over a connection that ends when the second of what is returned is called."""
    ended, heard = asyncio.Event(), list[Message]()
    told = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for one in told:
            return one
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        heard.append(message)

    path = "/v1/shops/tea/reports/summary"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"authorization", bearer("tea")["Authorization"].encode())],
        "client": ("127.0.0.1", 1), "server": ("test", 80), "root_path": "",
    }  # fmt: skip
    return asyncio.create_task(house.app(scope, receive, send)), ended.set, heard


async def test_a_report_does_not_wait_for_ever(db: Db) -> None:
    async with open_house(db, bounds=replace(SMALL, waits_s=0.2)) as house:
        await house.read_all()
        async with held(db):
            first = ask(house, day(1))
            await at_work(db, 1)
            assert_not_now(await ask(house, day(2)))
        assert (await first).status_code == 200


async def test_a_report_that_takes_too_long_is_broken_off(db: Db) -> None:
    async with open_house(db, bounds=replace(SMALL, takes_s=1.0)) as house:
        await house.read_all()
        before = refused("time")
        async with held(db):
            assert_not_now(await ask(house))

        assert refused("time") == before + 1
        assert children(os.getpid()) == []


async def test_a_shop_has_a_part_of_the_places_only(db: Db) -> None:
    bounds = Bounds(waiting=4, waiting_of_a_shop=1)
    async with open_house(db, bounds=bounds) as house:
        await house.read_all()
        async with held(db):
            first = ask(house, day(1))
            await at_work(db, 1)
            second = ask(house, day(2))
            await waiting(1, bounds.waiting)

            assert_not_now(await ask(house, day(3)))
            other = ask(house, shop="coffee")
            await waiting(2, bounds.waiting)

        assert [(await one).status_code for one in (first, second, other)] == [200, 200, 404]


async def test_a_shop_that_has_no_report_at_work_goes_before_one_that_has(db: Db) -> None:
    bounds = Bounds(waits_s=15.0)
    async with open_house(db, at_once=2, bounds=bounds) as house:
        await house.read_all()
        coffee = replace(SHOP, shop_id="coffee")
        await house.read(topics.SHOPS, records(topics.SHOPS, [coffee]))
        async with held(db):
            firsts = [ask(house, day(1)), ask(house, day(2))]
            await at_work(db, 2)
            third = ask(house, day(3))
            await waiting(1, bounds.waiting)
            other = ask(house, shop="coffee")
            await waiting(2, bounds.waiting)

            os.kill(children(os.getpid())[0], signal.SIGKILL)

            await waiting(1, bounds.waiting)
            assert_not_now(await third)  # the other went before, and this one lost patience

        assert (await other).status_code == 200
        assert sorted([(await one).status_code for one in firsts]) == [200, 503]


async def test_a_process_that_dies_is_replaced(db: Db) -> None:
    async with open_house(db) as house:
        await house.read_all()
        before = refused("died")
        async with held(db):
            asked = ask(house)
            await at_work(db, 1)
            [first] = children(os.getpid())
            os.kill(first, signal.SIGKILL)
            assert_not_now(await asked)

        assert (await ask(house)).status_code == 200
        [second] = children(os.getpid())
        os.kill(second, signal.SIGKILL)
        await eventually(lambda: not Path(f"/proc/{second}").exists())
        assert (await ask(house)).status_code == 200

        assert refused("died") == before + 1
    assert children(os.getpid()) == []


async def test_the_end_of_the_service_ends_its_processes_and_refuses_what_they_made(db: Db) -> None:
    async with open_house(db, bounds=SMALL) as house:
        await house.read_all()
        async with held(db):
            asked = [ask(house, day(1)), ask(house, day(2))]
            await at_work(db, 1)

            await house.desk.close()

            assert children(os.getpid()) == []
            for one in asked:
                assert_not_now(await one)


async def test_a_killed_service_leaves_no_process_behind(db: Db, tmp_path: Path) -> None:
    services = Services("127.0.0.1:9", db.admin_url, db.name, tmp_path, environment="test")
    pod = await services.start("reporting")
    headers = {"Authorization": f"Bearer {token('tea', ['reports:read'], ttl_s=600)}"}
    async with (
        held(db),
        httpx.AsyncClient(base_url=pod.url, headers=headers, trust_env=False, timeout=60) as client,
    ):

        async def serves() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get("/openapi.json")).is_success
            return False

        await eventually(serves, within_s=40)
        asked = asyncio.create_task(client.get("/v1/shops/tea/reports/summary"))
        await at_work(db, 1)
        [worker] = children(pod.process.pid)

        pod.kill()

        with pytest.raises(httpx.TransportError):
            await asked
        await eventually(lambda: not is_alive(worker))


async def test_a_process_notices_the_end_of_its_parent_while_it_computes(house: House) -> None:
    async with house.tx() as conn:
        await fill(conn, "large", MESSAGES)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "reporting.edges.reports.worker"), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    process.stdin.write(framed(Setup(house.db.url("reporting"), Bounds().memory_bytes)))
    process.stdin.write(framed(EffectOf("large", None, None, None)))
    await at_work(house.db, 1, "idle in transaction")  # it has read some rows

    process.stdin.close()

    said, _ = await process.communicate()
    assert (said, process.returncode) == (b"", 0)


async def test_without_postgres_a_report_is_refused_and_is_made_when_it_is_back(db: Db) -> None:
    there = make_url(db.url("reporting"))
    gate = Gate(there.host or "", there.port or 5432)
    here = there.set(host="127.0.0.1", port=gate.here).render_as_string(hide_password=False)
    await gate.open()
    async with open_house(db, url=here) as house:
        await house.read_all()
        assert (await ask(house)).status_code == 200

        await gate.shut()
        for _ in range(2):
            away = await ask(house)
            assert (away.status_code, away.json()["type"]) == (
                503,
                "urn:huiliu:problem:unavailable",
            )
            assert 5 <= int(away.headers["retry-after"]) <= 30
        await gate.open()

        assert (await ask(house)).status_code == 200
    await gate.shut()


async def test_a_fault_is_logged_by_its_kind_and_not_shown(
    db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(db) as house:
        await house.read_all()
        admin = await connect(db.admin_url)
        await admin.execute("alter table reporting.order_fact drop column net_minor")
        await admin.close()

        with caplog.at_level(logging.ERROR):
            problem = await house.get("summary", status=500)

    assert problem == {
        "type": "urn:huiliu:problem:internal", "title": "Internal Server Error", "status": 500,
    }  # fmt: skip
    [line] = [one for one in caplog.records if one.getMessage() == "report failed"]
    assert line.__dict__["operation"] == "summary"
    assert line.__dict__["error"].startswith("ProgrammingError")


async def test_no_secret_is_in_the_arguments_or_the_environment_of_a_process(house: House) -> None:
    await house.read_all()
    await house.get("summary")

    [pid] = children(os.getpid())

    password = make_url(house.db.url("reporting")).password or ""
    assert password not in told_at_start(pid)
