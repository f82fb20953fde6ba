"""More than a process can take is refused at once; what it took is kept, and soon."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest

from contracts.topics import ORDERS
from demo.house import token
from localstack import Stack
from support.canonical import event_ids_of
from support.signed import ORDER
from support.town import SHOP_ID, Town, open_town
from support.trial import Trial

AT_ONCE: Final = 16  # requests that ingest lets in
TIMES: Final = 10  # as many clients
PAUSE_S: Final = 0.02  # of a client that was refused; those who heed Retry-After are no load
SLOWEST_S: Final = 1.0


@pytest.fixture
async def narrow(kafka: Stack, postgres: str, tmp_path: Path) -> AsyncIterator[Town]:
    settings = {"HUILIU_MAX_REQUESTS": str(AT_ONCE)}
    async with open_town(kafka, postgres, tmp_path, settings) as town:
        yield town


@dataclass(slots=True)
class Tally:
    answers: Counter[int] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    took_s: list[float] = field(default_factory=list)
    without_wait: int = 0

    def p99_s(self) -> float:
        return sorted(self.took_s)[int(len(self.took_s) * 0.99)]


@pytest.mark.row(32)
async def test_ten_times_the_load_is_refused_early_and_nothing_acknowledged_is_lost(
    trial: Trial, narrow: Town
) -> None:
    town, tally = narrow, Tally()
    await town.start("ingest")
    await town.open_shop()
    pids = town.pids
    until = time.monotonic() + trial.size(15, 300)
    clients = AT_ONCE * TIMES
    trial.tell(f"{clients} clients where {AT_ONCE} are let in")

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            dice = Random(trial.seed * 1_000 + number)  # noqa: S311 - no secret
            group.create_task(_client(town, f"{number}-", until, dice, tally))
    await town.clock.rest()

    logged = set(await event_ids_of(town, ORDERS))
    refused = tally.answers[429] + tally.answers[503]
    trial.fired("clients at once", clients, at_least=AT_ONCE * TIMES)
    trial.fired("requests refused", refused, at_least=1_000)
    trial.fired("requests taken", tally.answers[200], at_least=1_000)
    trial.none("answers but 200, 429 and 503", tally.answers.total() - refused - len(tally.took_s))
    trial.none("refusals without Retry-After", tally.without_wait)
    trial.none("acknowledged and lost", tally.ids - logged)
    trial.none("slower than a second at the 99th percentile", _slow(tally.p99_s()))
    trial.none("processes ended", town.ended(pids))
    trial.figure("taken p99_s", tally.p99_s())
    trial.figure("taken", tally.answers[200])
    trial.figure("refused", refused)

    trial.control("acknowledged and lost", tally.ids - (logged - {min(tally.ids)}))
    trial.control("slower than a second at the 99th percentile", range(_slow(SLOWEST_S)))


def _slow(p99_s: float) -> int:
    return int(p99_s >= SLOWEST_S)


async def _client(town: Town, name: str, until: float, dice: Random, tally: Tally) -> None:
    """Post one event after another on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", town.ports["ingest"][0])
    bearer, number = token(SHOP_ID, ttl_s=3600), 0
    try:
        while time.monotonic() < until:
            number += 1
            body = json.dumps({**ORDER, "order_id": f"{name}{number}"}).encode()
            head = (
                f"POST /v1/shops/{SHOP_ID}/events HTTP/1.1\r\nHost: ingest\r\n"
                f"Content-Type: application/json\r\nAuthorization: Bearer {bearer}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            began = time.monotonic()
            writer.write(head.encode() + body)
            status, headers, answer = await _answer(reader)
            tally.answers[status] += 1
            if status == 200:
                tally.took_s.append(time.monotonic() - began)
                tally.ids.update(one["event_id"] for one in json.loads(answer)["results"])
            else:
                tally.without_wait += b"retry-after" not in headers
                await asyncio.sleep(PAUSE_S * (0.5 + dice.random()))
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    pairs = [line.partition(b":") for line in head[1:] if line]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    return int(head[0].split()[1]), headers, body
