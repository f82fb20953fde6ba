"""A shop's model of value: fitted once a day by a process apart, which may die or freeze."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from contracts.events import Variable
from integration.segmenter.conftest import NOON, SERVICE, Segmenter, bearer, paid, shop
from integration.segmenter.past import come_to, live_through
from segmenter.domain.value import Buying, History, expected_purchases, p_alive
from segmenter.edges.values.fitter import MIB, Bounds, Fitter, open_fitter
from segmenter.edges.values.store import Due, ModelStore
from segmenter.edges.values.wire import Model
from segmenter.edges.values.worker import APP
from support.database import Db, connect
from support.eventually import eventually

pytestmark = pytest.mark.timeout(180)

TODAY: Final = NOON.date()
BEGUN_WITHIN_S: Final = 60.0
SLOW: Final = Bounds(takes_s=100.0)  # two slow cores, and others on them


@asynccontextmanager
async def fitting(segmenter: Segmenter, bounds: Bounds = SLOW) -> AsyncIterator[Fitter]:
    async with open_fitter(segmenter.engine, segmenter.db.url(SERVICE), bounds) as fitter:
        yield fitter


@asynccontextmanager
async def held(db: Db) -> AsyncIterator[None]:
    """Let no fit get on: each waits in its first query, as long as this takes."""
    conn = await connect(db.admin_url)
    try:
        async with conn.transaction():
            await conn.execute("lock table segmenter.customer_state in access exclusive mode")
            yield
    finally:
        await conn.close()


async def at_work(db: Db) -> None:
    """Wait until a fit has begun, and stands still."""
    conn = await connect(db.admin_url)

    async def waits() -> bool:
        found = await conn.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and application_name = $1 and wait_event_type = 'Lock'",
            APP,
        )
        return bool(found)

    try:
        await eventually(waits, within_s=BEGUN_WITHIN_S)
    finally:
        await conn.close()


async def state(segmenter: Segmenter) -> dict[str, Any]:
    (row,) = await segmenter.rows(
        "select *, held_until > clock_timestamp() as rests from shop_value"
    )
    return row


async def let_rest_pass(segmenter: Segmenter) -> None:
    await segmenter.rows("update shop_value set held_until = clock_timestamp() returning 1")


async def value_of(http: httpx.AsyncClient, customer: str) -> dict[str, Any]:
    found = await http.get(f"/v1/shops/tea/customers/{customer}/value")
    assert found.status_code == 200, found.text
    answer: dict[str, Any] = found.json()
    return answer


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_process_that_serves_holds_neither_numpy_nor_scipy() -> None:
    program = "import sys, segmenter.main; print(sorted({'numpy', 'scipy'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603

    assert found.stdout.strip() == b"[]"


async def test_a_shop_is_fitted_once_a_day_and_values_are_computed_when_asked(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    terms = (Variable("margin_percent", "40"), Variable("acquisition_cost_minor", "500"))
    await segmenter.shops(shop(revision=2, settings=terms))
    purchases = await live_through(segmenter)
    async with fitting(segmenter) as fitter:
        assert [await fitter.fit_next() for _ in range(2)] == [1, 0]
        assert fitter.pid is None  # at rest there is no process
        known = (await http.get("/v1/shops/tea/value")).json()
        await come_to(segmenter, TODAY + timedelta(days=1))
        assert [await fitter.fit_next() for _ in range(2)] == [1, 0]

    assert (known["state"], known["as_of"], known["every"]) == ("fitted", str(TODAY), 1)
    assert known["have"] == 1151 or known["have"] > 1000
    assert known["buying"]["calibration"] == pytest.approx(1.0, abs=0.1)
    assert known["spending"]["q"] > 1
    later = (await http.get("/v1/shops/tea/value")).json()
    assert later["as_of"] == str(TODAY + timedelta(days=1))

    found = await value_of(http, "0001")
    days = sorted({one.day for one in purchases if one.customer_id == "0001" and one.minor > 0})
    now = TODAY + timedelta(days=1)
    history = History(len(days) - 1, (days[-1] - days[0]).days, (now - days[0]).days)
    model = Buying(**{name: later["buying"][name] for name in ("r", "alpha", "a", "b")})
    assert found["p_alive"] == p_alive(model, history)
    assert found["expected_purchases_365"] == expected_purchases(model, history, 365.0)
    spent = sum(one.minor for one in purchases if one.customer_id == "0001")
    assert found["net_minor"] == spent
    worth = (spent + found["expected_money_minor_365"]) * 0.4 - 500
    assert found["clv_minor"] == pytest.approx(worth, abs=1)
    assert (await http.get("/v1/shops/tea/customers/nobody/value")).status_code == 404


async def test_too_little_data_gives_the_count_needed_and_no_number(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", days_ago=30), paid("o2", days_ago=3), paid("o3", "bob"))
    waiting = await value_of(http, "ann")
    async with fitting(segmenter) as fitter:
        await fitter.fit_next()

    found = await value_of(http, "ann")
    of_shop = (await http.get("/v1/shops/tea/value")).json()

    assert waiting["state"] == "waiting"
    numbers = ("p_alive", "expected_purchases_365", "expected_money_minor_365", "clv_minor")
    for answer in (waiting, found):
        assert [answer[name] for name in numbers] == [None] * 4
        assert answer["net_minor"] == 100_00
    assert (found["state"], found["have"], found["needed"]) == ("not_enough_data", 1, 100)
    assert (of_shop["state"], of_shop["have"], of_shop["needed"]) == ("not_enough_data", 1, 100)
    assert (of_shop["buying"], of_shop["spending"], of_shop["customers"]) == (None, None, 2)


async def test_a_killed_process_is_reported_and_the_fit_made_again(
    segmenter: Segmenter, caplog: pytest.LogCaptureFixture
) -> None:
    await segmenter.orders(paid("o1"))
    async with fitting(segmenter) as fitter:
        async with held(segmenter.db):
            fit = asyncio.create_task(fitter.fit_next())
            await at_work(segmenter.db)
            assert fitter.pid is not None
            os.kill(fitter.pid, signal.SIGKILL)
            assert await fit == 1
        assert "fit broke off" in caplog.text
        row = await state(segmenter)
        assert (row["as_of"], row["holder"], row["tries"], row["rests"]) == (None, None, 1, True)
        assert await fitter.fit_next() == 0

        await let_rest_pass(segmenter)
        assert await fitter.fit_next() == 1

    row = await state(segmenter)
    assert (row["as_of"], row["tries"]) == (TODAY, 2)
    assert row["model"]["state"] == "not_enough_data"


async def test_a_frozen_process_is_ended_and_the_third_time_there_is_no_fit(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1"))
    pids = []
    async with fitting(segmenter, Bounds(takes_s=1.0, grace_s=7.0)) as fitter:
        for _ in range(3):
            fit = asyncio.create_task(fitter.fit_next())
            await eventually(lambda: fitter.pid is not None, within_s=BEGUN_WITHIN_S)
            assert fitter.pid is not None
            pids.append(fitter.pid)
            os.kill(fitter.pid, signal.SIGSTOP)
            assert await fit == 1
            assert is_gone(pids[-1])
            await let_rest_pass(segmenter)

    found = await value_of(http, "ann")
    assert len(set(pids)) == 3
    assert (found["state"], found["reason"]) == ("no_fit", "it took too long")
    assert found["p_alive"] is None


async def test_a_process_that_needs_too_much_memory_says_so_and_is_replaced(
    segmenter: Segmenter, caplog: pytest.LogCaptureFixture
) -> None:
    await segmenter.orders(paid("o1"))
    async with fitting(segmenter, Bounds(takes_s=100.0, memory_bytes=64 * MIB)) as fitter:
        assert await fitter.fit_next() == 1
        assert fitter.pid is None

    assert "fit broke off" in caplog.text
    assert (await state(segmenter))["as_of"] is None


async def test_two_pods_do_not_fit_one_shop_and_who_lost_the_lease_saves_nothing(
    segmenter: Segmenter,
) -> None:
    await segmenter.orders(paid("o1"))
    async with segmenter.tx() as conn:
        due = await ModelStore(conn, "frozen").take(holds_s=100)
    assert due == Due("tea", TODAY, 1)
    async with fitting(segmenter) as fitter:
        assert await fitter.fit_next() == 0
        await let_rest_pass(segmenter)
        assert await fitter.fit_next() == 1

    late = Model("no_fit", customers=0, repeaters=0, needed=0, reason="late")
    async with segmenter.tx() as conn:
        assert not await ModelStore(conn, "frozen").save(due, late)
    assert (await state(segmenter))["model"]["state"] == "not_enough_data"


async def test_who_is_asked_to_stop_waits_for_no_fit(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1"))
    stop = asyncio.Event()
    async with fitting(segmenter) as fitter, held(segmenter.db):
        fit = asyncio.create_task(fitter.run_until(stop))
        await at_work(segmenter.db)
        pid = fitter.pid
        assert pid is not None

        stop.set()

        assert await fit == 0
        assert is_gone(pid)


async def test_the_process_sees_one_shop_alone(segmenter: Segmenter) -> None:
    await segmenter.shops(shop("ink"))
    orders = [paid(f"o{n}", f"c{n}", shop_id="ink") for n in range(5)]
    await segmenter.orders(paid("o1"), *orders)
    async with fitting(segmenter) as fitter:
        while await fitter.fit_next():
            pass

    rows = await segmenter.rows("select shop_id, model from shop_value")
    assert {row["shop_id"]: row["model"]["customers"] for row in rows} == {"tea": 1, "ink": 5}


async def test_another_shops_token_sees_no_value(http: httpx.AsyncClient) -> None:
    for path in ("value", "customers/ann/value"):
        answer = await http.get(f"/v1/shops/tea/{path}", headers=bearer("ink"))
        assert answer.status_code == 403
