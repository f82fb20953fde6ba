"""What tests of files of history share: sending one, having it taken in, and looking what it is."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import httpx

from contracts.events import OrderFacts
from contracts.topics import SHOPS
from ingest.edges.imports.importer import Importer
from integration.ingest.conftest import bearer
from support.eventually import eventually

PATH = "/v1/shops/north/imports"
NO_TIME = "no time: 2024-01-05 13:00:00 is one"
HEADER = "订单号,买家,下单时间,付款时间,实付金额,手机号"


def importer(house: Any, rows_per_s: int = 100_000) -> Importer:
    return Importer(
        engine=house.engine,
        sealer=house.sealer,
        directory=house.ports.directory,
        partitions=4,
        rows_per_s=rows_per_s,
        wake=lambda: None,
    )


@asynccontextmanager
async def at_work(one: Importer) -> AsyncIterator[asyncio.Task[None]]:
    """Run it; who wants it dead cancels the task: no clean end, as by a kill."""
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def send(house: Any, content: bytes | str, **said: str) -> httpx.Response:
    raw = content.encode() if isinstance(content, str) else content
    answer: httpx.Response = await house.http.post(
        PATH,
        headers=bearer(),
        files={"file": ("orders.csv", raw)},
        data={"kind": "orders", **said},
    )
    return answer


async def told(house: Any, import_id: str) -> dict[str, Any]:
    answer = await house.http.get(f"{PATH}/{import_id}", headers=bearer())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(house: Any, import_id: str, within_s: float = 30) -> dict[str, Any]:
    async def over() -> dict[str, Any] | None:
        found = await told(house, import_id)
        return None if found["ended_at"] is None else found

    found: dict[str, Any] = await eventually(over, within_s=within_s)
    return found


async def taken(house: Any, content: bytes | str, **said: str) -> dict[str, Any]:
    """Send a file and have it taken in."""
    answer = await send(house, content, **said)
    assert answer.status_code == 202, answer.text
    async with at_work(importer(house)):
        return await ended(house, answer.json()["import_id"])


async def rejects(house: Any, import_id: str) -> list[list[str]]:
    answer = await house.http.get(f"{PATH}/{import_id}/rejects", headers=bearer())
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))


async def facts(house: Any) -> list[tuple[str, Any]]:
    """Return topic and fact of what was taken; the shop itself is announced too."""
    return [one for one in await house.outbox() if one[0] != SHOPS]


async def orders(house: Any) -> list[OrderFacts]:
    return [fact for _, fact in await facts(house) if isinstance(fact, OrderFacts)]


def lines(count: int, first: int = 1) -> str:
    return "".join(
        f"A-{number},c-{number},2025-01-05 18:00,2025-01-05 18:01,12.50,\n"
        for number in range(first, first + count)
    )


async def has_rows(house: Any, import_id: str, least: int) -> bool:
    return bool((await told(house, import_id))["rows"] >= least)
