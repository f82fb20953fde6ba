"""What a platform's pushes did not bring, it is asked for: in the end all is there, once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import OrderFacts
from ingest.edges.outside import open_outside
from ingest.edges.puller import Puller
from integration.ingest.conftest import bearer
from simulators.tmc import TmcQueue
from simulators.woo import WooShop

SECRET = "wooSecret01"
BRIDGE = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


@pytest.fixture
async def woo() -> AsyncIterator[WooShop]:
    async with WooShop(SECRET) as shop:
        yield shop


@pytest.fixture
async def puller(house: Any) -> AsyncIterator[Puller]:
    async with open_outside(allow_inside=True) as client:
        yield Puller(engine=house.engine, client=client, ports=house.ports, between_pages_s=0)


async def add_woo(house: Any, shop: WooShop, **api: str) -> str:
    said = {"url": shop.url, "key": shop.key, "secret": shop.key_secret, **api}
    made = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": "woocommerce", "secrets": [SECRET], "api": said},
        headers=bearer(),
    )
    assert made.status_code == 201, made.text
    assert made.json()["is_pulled"]
    path: str = made.json()["path"]
    return path


async def told(house: Any, path: str) -> dict[str, Any]:
    answer = await house.http.get(
        f"/v1/shops/north/connectors/{path.rpartition('/')[2]}/pull", headers=bearer()
    )
    found: dict[str, Any] = answer.json()
    return found


async def sweep(puller: Puller, path: str) -> None:
    await puller.sweep(path.rpartition("/")[2], asyncio.Event())


async def orders(house: Any) -> list[OrderFacts]:
    return [fact for fact in await house.spooled() if isinstance(fact, OrderFacts)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_of_a_shop_that_loses_a_third_of_its_pushes_every_order_is_there_once(
    house: Any, woo: WooShop, puller: Puller, seed: int
) -> None:
    dice = Random(seed)  # noqa: S311 - a test's seed
    path, now = await add_woo(house, woo), datetime.now(UTC)
    lost = 0
    for number in range(1, 251):
        # Many orders have one second, as on a day of offers.
        woo.sold(number, now - timedelta(seconds=number // 60))
        if dice.random() < 0.3:
            lost += 1
            continue
        push = woo.push(number)
        answer = await house.http.post(path, content=push.body, headers=push.headers)
        assert answer.status_code == 200

    await sweep(puller, path)

    assert lost > 50
    assert Counter(fact.order_id for fact in await orders(house)) == {
        str(number): 1 for number in range(1, 251)
    }
    state = await told(house, path)
    assert (state["failures"], state["error"], state["hook_off"]) == (0, None, False)
    assert datetime.fromisoformat(state["mark"]) >= now


async def test_an_order_that_changes_while_it_is_read_pushes_none_out(
    house: Any, woo: WooShop, puller: Puller
) -> None:
    path, now = await add_woo(house, woo), datetime.now(UTC)
    for number in range(1, 151):
        woo.sold(number, now - timedelta(seconds=300 - number))

    def change(target: str) -> None:
        # After the first page, an order of it goes to the end of the list.
        if "orders" in target and len(woo.requests) == 2:
            woo.sold(1, now, paid=True)

    woo.before = change
    await sweep(puller, path)

    found = await orders(house)
    assert {fact.order_id for fact in found} == {str(number) for number in range(1, 151)}
    assert any(fact.order_id == "1" and fact.paid_at for fact in found)


async def test_a_sweep_that_was_cut_off_goes_on_where_it_was(
    house: Any, woo: WooShop, puller: Puller
) -> None:
    path, now = await add_woo(house, woo), datetime.now(UTC)
    for number in range(1, 251):
        woo.sold(number, now - timedelta(seconds=400 - number))
    woo.before = lambda _: (503, 120) if len(woo.requests) == 2 else None

    await sweep(puller, path)

    state = await told(house, path)
    assert (state["failures"], state["error"]) == (1, "it answers 503")
    wait = datetime.fromisoformat(state["next_at"]) - now
    assert wait >= timedelta(seconds=120)
    assert len(await orders(house)) == 100

    woo.before = None
    await sweep(puller, path)

    assert len(await orders(house)) == 250
    assert len([one for one in woo.requests if "orders" in one]) == 4  # the first is not read again
    assert (await told(house, path))["failures"] == 0


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, "it answers 401: look at the credentials"), (404, "it answers 404")],
)
async def test_why_a_shop_cannot_be_asked_is_told(
    house: Any, woo: WooShop, puller: Puller, status: int, error: str
) -> None:
    path = await add_woo(house, woo)
    woo.before = lambda _: (status, None)

    await sweep(puller, path)

    assert (await told(house, path))["error"] == error


async def test_with_another_key_it_is_asked_at_once(
    house: Any, woo: WooShop, puller: Puller
) -> None:
    path = await add_woo(house, woo, secret="an-old-one")
    woo.sold(1, datetime.now(UTC))
    await sweep(puller, path)
    assert (await told(house, path))["failures"] == 1

    changed = await house.http.patch(
        f"/v1/shops/north/connectors/{path.rpartition('/')[2]}",
        json={"api": {"url": woo.url, "key": woo.key, "secret": woo.key_secret}},
        headers=bearer(),
    )

    assert changed.status_code == 200
    state = await told(house, path)
    assert (state["failures"], state["next_at"] <= datetime.now(UTC).isoformat()) == (0, True)
    await sweep(puller, path)
    assert len(await orders(house)) == 1


async def test_a_hook_that_the_shop_has_switched_off_is_told(
    house: Any, woo: WooShop, puller: Puller
) -> None:
    path = await add_woo(house, woo)
    woo.hooks = [
        {"delivery_url": "https://elsewhere.example/x", "status": "disabled"},
        {"delivery_url": f"https://huiliu.example{path}", "status": "active"},
    ]
    await sweep(puller, path)
    assert (await told(house, path))["hook_off"] is False

    woo.hooks[1]["status"] = "disabled"
    await sweep(puller, path)

    assert (await told(house, path))["hook_off"] is True


async def test_credentials_rest_sealed_and_are_never_shown(house: Any, woo: WooShop) -> None:
    path = await add_woo(house, woo)

    listed = await house.http.get("/v1/shops/north/connectors", headers=bearer())
    [row] = await house.rows("select api from ingest.connector")

    assert woo.key_secret not in listed.text
    assert woo.key_secret.encode() not in row["api"]
    assert path in listed.text


async def test_who_takes_the_connector_away_is_asked_no_more(
    house: Any, woo: WooShop, puller: Puller
) -> None:
    path = await add_woo(house, woo)

    gone = await house.http.delete(
        f"/v1/shops/north/connectors/{path.rpartition('/')[2]}", headers=bearer()
    )
    await sweep(puller, path)

    assert (gone.status_code, woo.requests) == (204, [])
    assert await house.rows("select * from ingest.pull") == []


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("woocommerce", {"url": "ftp://shop.example", "key": "k", "secret": "s"}, "/api/url"),
        ("woocommerce", {"url": "https://a:b@shop.example", "key": "k", "secret": "s"}, "/api/url"),
        ("woocommerce", {"url": "https://shop.example", "key": "k"}, "/api/secret"),
        ("shopify", {"url": "https://shop.example", "key": "k", "secret": "s"}, "/api"),
    ],
)
async def test_how_a_platform_is_asked_is_checked_when_it_is_saved(
    house: Any, kind: str, body: Any, field: str
) -> None:
    refused = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": kind, "secrets": [SECRET], "api": body},
        headers=bearer(),
    )

    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == [field]


@pytest.fixture
async def queue() -> AsyncIterator[TmcQueue]:
    async with TmcQueue() as opened:
        for number in range(1, 131):
            opened.put(
                {
                    "id": 6142200092063758446 + number,
                    "topic": "taobao_trade_TradeBuyerPay",
                    "user_id": 174265168,
                    "pub_time": "2026-01-05 10:00:00",
                    "content": f'{{"tid":{number},"buyer_nick":"n{number}","payment":"89.00"}}',
                }
            )
        yield opened


async def add_taobao(house: Any, queue: TmcQueue, **changes: Any) -> str:
    api = {"url": queue.url, "app_key": queue.app_key, "app_secret": queue.app_secret}
    made = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": "taobao", "config": {"user_id": 174265168}, "api": api, **changes},
        headers=bearer(),
    )
    assert made.status_code == 201, made.text
    path: str = made.json()["path"]
    return path


async def test_messages_of_taobao_are_fetched_and_confirmed(
    house: Any, queue: TmcQueue, puller: Puller
) -> None:
    path = await add_taobao(house, queue)

    await sweep(puller, path)

    assert queue.waiting == {}
    assert len(await orders(house)) == 130


async def test_what_is_not_durable_is_not_confirmed_and_comes_again(
    house: Any, queue: TmcQueue, puller: Puller
) -> None:
    path = await add_taobao(house, queue)
    await house.run("begin")
    await house.run("lock table ingest.ingest_spool in access exclusive mode")

    await sweep(puller, path)
    await house.run("rollback")

    assert len(queue.waiting) == 130
    assert (await told(house, path))["error"].startswith("neither the log nor the spool answers")
    assert await orders(house) == []

    await sweep(puller, path)

    assert queue.waiting == {}
    assert len(await orders(house)) == 130


async def test_a_confirmation_that_fails_brings_the_same_again_and_no_fact_twice(
    house: Any, queue: TmcQueue, puller: Puller
) -> None:
    path = await add_taobao(house, queue)
    queue.confirms = lambda: False
    await sweep(puller, path)
    assert (await told(house, path))["error"] == "messages could not be confirmed"

    queue.confirms = lambda: True
    await sweep(puller, path)

    assert (queue.waiting, queue.given) == ({}, 230)
    assert len(await orders(house)) == 130


async def test_a_gateway_that_refuses_our_signature_is_told(
    house: Any, queue: TmcQueue, puller: Puller
) -> None:
    queue.app_secret = "another"
    path = await add_taobao(house, queue)
    queue.app_secret = "a third"

    await sweep(puller, path)

    assert (await told(house, path))["error"] == "the gateway refuses: code 25"


async def test_a_connector_that_is_only_asked_has_no_secret_and_takes_no_push(
    house: Any, queue: TmcQueue
) -> None:
    path = await add_taobao(house, queue)

    assert (await house.http.post(path, json=[])).status_code == 401


async def test_without_an_api_a_secret_is_needed(house: Any) -> None:
    refused = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": "taobao", "config": {"user_id": 174265168}},
        headers=bearer(),
    )

    assert refused.json()["errors"] == [{"field": "/secrets", "code": "missing"}]
