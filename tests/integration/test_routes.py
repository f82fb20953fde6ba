"""Every route of every service as it runs, over the wire: who may enter, and that none breaks.

What a route does with odd input is shown for the composed apps, without processes, in
`web/test_every_service.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from demo.house import SERVICES, House, Pod, secret, token
from support.database import Db
from support.eventually import eventually
from support.routes import SCOPES, SHOP, Door, deviations, doors_of

SECRET: Final = secret("tokens")
# Nobody listens there: no route may need Kafka to refuse.
SETTINGS: Final = {
    "HUILIU_SMS__URL": "http://127.0.0.1:9/",
    "HUILIU_SMS__SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}
# Who comes here shows a signature instead of a token.
SIGNED: Final = {
    "ingest": ["POST /v1/hooks/{connector_id}"],
    "notifier": ["POST /v1/receipts/{gateway_id}"],
}


@pytest.fixture(params=SERVICES)
async def pod(request: pytest.FixtureRequest, db: Db, tmp_path: Path) -> AsyncIterator[Pod]:
    """One service in a process of its own."""
    house = House(
        "127.0.0.1:9", db.admin_url, db.name, tmp_path, environment="test", settings=SETTINGS
    )
    pod = await house.start(request.param)
    yield pod
    await house.stop()


@pytest.fixture
async def client(pod: Pod) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=pod.url, trust_env=False, timeout=20) as client:

        async def serves() -> bool:
            assert pod.alive, pod.last_lines()
            try:
                return (await client.get("/openapi.json")).is_success
            except httpx.TransportError:
                return False

        await eventually(serves, within_s=40)
        yield client


async def entered(client: httpx.AsyncClient, door: Door) -> httpx.Response:
    """Come with all scopes and an empty body."""
    good = token(SHOP if door.in_a_shop else "*", sorted(SCOPES), ttl_s=600)
    headers = {"Authorization": f"Bearer {good}", "Content-Type": "application/json"}
    return await client.request(door.method, door.path, headers=headers)


async def test_every_route_lets_in_who_has_its_scope_in_its_shop_and_nobody_else(
    pod: Pod, client: httpx.AsyncClient
) -> None:
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    doors = doors_of(document)

    signed = [one for one in doors if one.scope is None]
    assert len(doors) >= 6
    assert [f"{one.method} {one.template}" for one in signed] == SIGNED.get(pod.service, [])
    for one in signed:
        assert (await client.request(one.method, one.path)).status_code in (401, 404)
    assert {one.scope for one in doors if one.scope} <= SCOPES
    assert await deviations(client, doors, SECRET) == []

    answers = await asyncio.gather(*(entered(client, one) for one in doors if one.scope))
    assert {
        f"{one.request.method} {one.request.url.path}: {one.status_code}"
        for one in answers
        if one.status_code in (401, 403) or one.status_code >= 500
    } == set()
