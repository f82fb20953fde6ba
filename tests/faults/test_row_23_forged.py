"""Who forges a push, or sends a good one again, changes nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import pytest

from contracts.topics import ORDERS, SHIPMENTS
from support.canonical import event_ids_of
from support.signed import WAYS, Request, forged
from support.town import SHOP_ID, Town
from support.trial import Trial

CLIENTS: Final = 16


@dataclass(frozen=True, slots=True)
class Doors:
    """The hooks of a shop, one for each way to sign."""

    http: httpx.AsyncClient
    paths: Mapping[str, str]

    async def push(self, way: str, request: Request) -> int:
        path = self.paths[way]
        # As a target, so that no client spells the query in its own way.
        target = path.encode() + (b"?" + request.query if request.query else b"")
        answer = await self.http.post(
            path,
            content=request.body,
            headers={name: value.decode("latin-1") for name, value in request.headers.items()},
            extensions={"target": target},
        )
        return answer.status_code


@pytest.mark.row(23)
async def test_a_push_with_one_bit_changed_is_nobodys_and_one_sent_again_says_nothing(
    trial: Trial, town: Town
) -> None:
    await town.start("ingest")
    await town.open_shop()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{town.ports['ingest'][0]}", timeout=30, trust_env=False
    ) as http:
        doors = Doors(http, {name: await _open_hook(town, name) for name in WAYS})
        await _forge(trial, town, doors)
        await _replay(trial, town, doors)
    trial.figure("ways to sign", len(WAYS))


async def _forge(trial: Trial, town: Town, doors: Doors) -> None:
    random, times = trial.random(), trial.size(500, 10_000)
    # Each is made when it is sent: signed long before, it would be refused for its age alone.
    forgeries = (
        (name, forged(way, random, int(time.time())))
        for name, way in WAYS.items()
        for _ in range(times)
    )
    trial.tell(f"{len(WAYS) * times} forgeries")
    answers = await _at_once(doors, forgeries)
    trial.fired("pushes with one bit changed", answers.total(), at_least=len(WAYS) * times)
    trial.none("answers but 401", answers.total() - answers[401])
    trial.none("facts of forgers", await _facts(town))
    trial.none("forgeries that were kept", await _kept(town))


async def _replay(trial: Trial, town: Town, doors: Doors) -> None:
    now_s = int(time.time())
    good = {name: way.make(way.secret, now_s) for name, way in WAYS.items()}
    first = await _at_once(doors, iter(good.items()))
    before, kept = await _facts(town), await _kept(town)
    replays = [one for one in good.items() for _ in range(trial.size(50, 1_000))]
    trial.random().shuffle(replays)
    trial.tell(f"{len(replays)} replays")
    again = await _at_once(doors, iter(replays))
    after = await _facts(town)
    trial.fired("good pushes sent again", again.total(), at_least=len(replays))
    trial.fired("facts of good pushes", len(before), at_least=len(WAYS) // 2)
    trial.none("good pushes refused", _refused(first))
    trial.none("replays refused", _refused(again))
    trial.none("facts of replays", after - before)
    trial.none("replays kept", await _kept(town) - kept)
    trial.figure("pushes kept for an operator", kept)

    # A good push is what a forgery that nobody notices would look like.
    trial.control("facts of forgers", before)
    trial.control("facts of replays", after - set(sorted(before)[1:]))


def _refused(answers: Counter[int]) -> int:
    return sum(times for status, times in answers.items() if status >= 300)


async def _open_hook(town: Town, way: str) -> str:
    made = await town.api.post("ingest", f"/v1/shops/{SHOP_ID}/connectors", WAYS[way].connector())
    path: str = made["path"]
    return path


async def _at_once(doors: Doors, pushes: Iterator[tuple[str, Request]]) -> Counter[int]:
    """Return how often each status was answered."""
    answers: Counter[int] = Counter()

    async def client() -> None:
        for way, request in pushes:
            answers[await doors.push(way, request)] += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return answers


async def _facts(town: Town) -> set[str]:
    """Return the ids of what is in the log, and of what waits to be."""
    await town.clock.rest()
    logged = [
        *await event_ids_of(town, ORDERS),
        *await event_ids_of(town, SHIPMENTS),
    ]
    parked = await town.rows("select event_id from ingest.parked")
    return {*logged, *(str(row["event_id"]) for row in parked)}


async def _kept(town: Town) -> int:
    [row] = await town.rows("select count(*) as n from ingest.rejected_push")
    return int(row["n"])
