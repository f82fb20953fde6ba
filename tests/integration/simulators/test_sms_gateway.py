"""The SMS gateway is a gateway: strict about signatures, faithful in its ledger, bad on demand."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators import Plan, SmsGateway, SmsMode
from simulators.http_wire import HttpServer, Request, Wire
from simulators.sms import Pace
from support.eventually import eventually
from webhooks import standard

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
QUICK = Pace(receipt_after_s=0, drip_every_s=0.01)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=0.3) as client:
        yield client


async def post(
    client: httpx.AsyncClient, url: str, message: object, secret: str = SECRET
) -> httpx.Response:
    body, now_s = json.dumps(message).encode(), int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": "m-1",
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard.sign(secret, "m-1", now_s, body),
    }
    return await client.post(url, content=body, headers=headers)


def message(number: int = 1, to: str = "+8613900000001") -> dict[str, str]:
    return {"id": f"m-{number}", "to": to, "text": "【茶语】您的订单", "sender": "茶语"}


class Ears:
    """A service that hears receipts; it answers the first of them with 503."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.ids: list[str] = []

    async def __call__(self, request: Request, wire: Wire) -> None:
        self.ids.append(standard.verify(request.body, request.headers, [SECRET], time.time()))
        if len(self.ids) == 1:
            await wire.answer(503, {})
            return
        self.heard.append(json.loads(request.body))
        await wire.answer(204, {})


async def test_a_message_is_accepted_noted_and_shown(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    async with SmsGateway(secret=SECRET, ledger_path=path) as gateway:
        answer = await post(client, gateway.url, message())
        shown = (await client.get(gateway.url.replace("/v1/messages", "/ledger"))).json()

        assert answer.status_code == 202
        assert [entry["provider_id"] for entry in gateway.ledger.of("m-1")] == [answer.json()["id"]]
        assert shown == gateway.ledger.accepted == [json.loads(path.read_text())]
        assert shown[0]["text"] == "【茶语】您的订单"


async def test_a_repeat_is_sent_again_as_gateways_do(client: httpx.AsyncClient) -> None:
    async with SmsGateway(secret=SECRET) as gateway:
        first = await post(client, gateway.url, message())
        second = await post(client, gateway.url, message())

        assert first.json() != second.json()
        assert gateway.ledger.twice() == {"m-1": 2}


async def test_what_is_forged_or_malformed_is_refused_and_not_noted(
    client: httpx.AsyncClient,
) -> None:
    other = SECRET.replace("MDEy", "MDEz")
    async with SmsGateway(secret=SECRET) as gateway:
        statuses = [
            (await post(client, gateway.url, message(), secret=other)).status_code,
            (await client.post(gateway.url, json=message())).status_code,
            (await post(client, gateway.url, ["m-1"])).status_code,
            (await post(client, gateway.url, {**message(), "to": ""})).status_code,
            (await post(client, gateway.url, {**message(), "to": 8613900000001})).status_code,
        ]

        assert statuses == [401, 401, 400, 400, 400]
        assert gateway.ledger.requests == []


@pytest.mark.parametrize(
    ("mode", "seen", "accepted"),
    [
        (SmsMode.OK, 202, True),
        (SmsMode.REFUSED, 422, False),
        (SmsMode.TOO_MANY, 429, False),
        (SmsMode.ERROR, 500, True),
        (SmsMode.RESET, httpx.ReadError, True),
        (SmsMode.HANG, httpx.ReadTimeout, True),
        (SmsMode.DRIP, TimeoutError, True),
        (SmsMode.GARBLED, 200, True),
    ],
)
async def test_each_misbehaviour_comes_after_the_ledger(
    client: httpx.AsyncClient, mode: SmsMode, seen: int | type[Exception], accepted: bool
) -> None:
    plan = Plan(by_receiver={"+8613900000001": mode})
    async with SmsGateway(secret=SECRET, plan=plan, pace=QUICK) as gateway:
        outcome: int | type[Exception]
        try:
            async with asyncio.timeout(0.4):
                answer = await post(client, gateway.url, message())
        except (httpx.HTTPError, TimeoutError) as error:
            outcome = type(error)
        else:
            outcome = answer.status_code
            assert ("retry-after" in answer.headers) == (mode is SmsMode.TOO_MANY)
            assert is_json(answer) == (mode is not SmsMode.GARBLED)

        assert outcome == seen
        assert [entry["mode"] for entry in gateway.ledger.requests] == [mode]
        assert bool(gateway.ledger.of("m-1")) == accepted


def is_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


async def test_receipts_and_replies_are_signed_and_told_until_they_are_taken(
    client: httpx.AsyncClient,
) -> None:
    ears = Ears()
    plan = Plan(by_receiver={"+8613900000002": "refused", "+8613900000003": "reset"})
    async with (
        HttpServer(ears) as service,
        SmsGateway(
            secret=SECRET, receipts_url=f"{service.address}/v1/receipts/sms", plan=plan, pace=QUICK
        ) as gateway,
    ):
        accepted = await post(client, gateway.url, message(1))
        await post(client, gateway.url, message(2, "+8613900000002"))
        with pytest.raises(httpx.ReadError):
            await post(client, gateway.url, message(3, "+8613900000003"))
        await eventually(lambda: len(ears.heard) == 2, within_s=5)
        assert await gateway.reply("+8613900000001", "T") == 204

    told = {heard.get("message_id", heard["type"]): heard for heard in ears.heard}
    assert set(told) == {"m-1", "m-3", "reply"}  # nothing for what was refused
    assert told["m-1"]["provider_id"] == accepted.json()["id"]
    assert told["m-1"]["state"] == told["m-3"]["state"] == "delivered"
    assert (told["reply"]["from"], told["reply"]["text"]) == ("+8613900000001", "T")
    assert ears.ids.count(ears.ids[0]) == 2  # the same id at the second try
    assert gateway.callbacks.statuses == [204, 204, 204]
