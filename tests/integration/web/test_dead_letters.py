"""Operators see letters page by page, with their bytes, and ask for another try."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.conftest import SERVICE, TOKEN_SECRET
from plumbing.dead_letters import Dead, park
from plumbing.records import Record
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer
from web.app import build_api
from web.auth import issue_local_token
from web.dead_letters import dead_letters
from web.settings import ServiceSettings

TOPIC = "orders.v1"
LETTERS = "/v1/dead-letters"


def letter(offset: int, reason: str = "unknown version") -> Dead:
    headers = (("ce_id", b"id-%d" % offset), ("odd", b"\xff"))
    return Dead(Record(TOPIC, 1, offset, b"tea:c-1", b"\x00\xff", headers, 0), reason)


@pytest.fixture
async def client(
    settings: ServiceSettings, engine: AsyncEngine
) -> AsyncIterator[httpx.AsyncClient]:
    letters = dead_letters(SERVICE, "segmenter", "segmenter-slow")
    api = build_api("T", [letters], settings, engine=engine, registry=CollectorRegistry())
    token = issue_local_token(TOKEN_SECRET, "*", ["ops:dead-letters"], subject="li")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
    ) as made:
        yield made


@pytest.fixture
async def parked(engine: AsyncEngine) -> None:
    async with worker_tx(engine, worker_role(SERVICE)) as conn:
        await park(conn, "segmenter", [letter(n) for n in range(5)])
        await park(conn, "segmenter", [letter(9, "unknown shop")], sealer=Sealer(b"k" * 32))


@pytest.mark.usefixtures("parked")
async def test_letters_come_in_pages_and_by_filter(client: httpx.AsyncClient) -> None:
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await client.get(LETTERS, params={"limit": 4} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [one["offset"] for one in page["letters"]]
        cursor = page["cursor"]
    assert seen == [0, 1, 2, 3, 4, 9]

    async def count(**filters: str) -> int:
        return len((await client.get(LETTERS, params=filters)).json()["letters"])

    assert await count(reason="unknown shop") == 1
    assert await count(topic="carts.v1") == 0
    assert await count(key="tea:c-1", topic=TOPIC) == 6


@pytest.mark.usefixtures("parked")
async def test_one_letter_shows_its_bytes_and_sealed_ones_stay_sealed(
    client: httpx.AsyncClient,
) -> None:
    letters = (await client.get(LETTERS)).json()["letters"]
    plain = (await client.get(f"{LETTERS}/{letters[0]['id']}")).json()
    sealed = (await client.get(f"{LETTERS}/{letters[5]['id']}")).json()

    assert base64.b64decode(plain["value_base64"]) == b"\x00\xff"
    assert plain["headers"][1] == {"name": "odd", "value_base64": "/w=="}
    assert (plain["key"], plain["event_id"], plain["sealed"]) == ("tea:c-1", "id-0", False)
    assert sealed["sealed"]
    assert b"\x00\xff" not in base64.b64decode(sealed["value_base64"])
    assert (await client.get(LETTERS + "/999")).status_code == 404
    assert (await client.get(LETTERS + "/x")).status_code == 404
    assert (await client.get(f"{LETTERS}/{2**63}")).status_code == 422


@pytest.mark.usefixtures("parked")
async def test_a_replay_is_asked_for_once(client: httpx.AsyncClient) -> None:
    first = await client.post(LETTERS + "/replay", json={"reason": "unknown shop"})
    again = await client.post(LETTERS + "/replay", json={"reason": "unknown shop"})
    rest = await client.post(LETTERS + "/replay", json={"all": True})

    assert (first.status_code, first.json()) == (202, {"requested": 1})
    assert (again.json(), rest.json()) == ({"requested": 0}, {"requested": 5})
    letters = (await client.get(LETTERS)).json()["letters"]
    assert all(one["replay_requested"] for one in letters)


async def test_a_record_can_be_taken_out_of_the_way(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    at = {"topic": TOPIC, "partition": 1, "offset": 42}
    assert (await client.post(LETTERS + "/take", json=at)).status_code == 202

    async with worker_tx(engine, worker_role(SERVICE)) as conn:
        asked = (
            await conn.execute(text("select kind, grp, off, asked_by from replay_request"))
        ).one()
    assert tuple(asked) == ("take", "segmenter", 42, "li")


async def test_a_service_with_several_groups_is_told_which_one_shall_take(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    at = {"topic": TOPIC, "partition": 1, "offset": 42}
    slow = await client.post(LETTERS + "/take", json={**at, "group": "segmenter-slow"})
    nobody = await client.post(LETTERS + "/take", json={**at, "group": "nobody"})

    assert (slow.status_code, nobody.status_code) == (202, 422)
    assert nobody.json()["errors"][0]["hint"] == "one of segmenter, segmenter-slow"
    async with worker_tx(engine, worker_role(SERVICE)) as conn:
        groups = (await conn.execute(text("select grp from replay_request"))).scalars().all()
    assert groups == ["segmenter-slow"]
