"""What gateways report over HTTP: receipts climb, replies stop messages; and the API's view."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.events import (
    Channel,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    OptOutChanged,
    Purpose,
    ReplyReceived,
)
from notifier.edges.gateways import SmsGateway
from simulators.plan import Plan
from simulators.sms import SmsGateway as SmsSimulator
from simulators.sms import SmsMode
from support.eventually import eventually
from web.auth import issue_local_token
from webhooks import standard

from .conftest import PHONE, SECRET, TOKEN_SECRET, House, consent, person, planned

MARKETING = MessageClass.MARKETING


async def tell(
    client: httpx.AsyncClient,
    news: Any,
    *,
    gateway: str = "sms",
    secret: str = SECRET,
    msg_id: str = "n1",
    age_s: int = 0,
) -> httpx.Response:
    body = news if isinstance(news, bytes) else json.dumps(news).encode()
    at = int(time.time()) - age_s
    headers = {
        "webhook-id": msg_id,
        "webhook-timestamp": str(at),
        "webhook-signature": standard.sign(secret, msg_id, at, body),
        "content-type": "application/json",
    }
    return await client.post(f"/v1/receipts/{gateway}", content=body, headers=headers)


def receipt(one: MessagePlanned, state: str, **more: Any) -> dict[str, Any]:
    return {"message_id": one.message_id, "provider_id": "p-x", "state": state, **more}


async def test_receipts_move_a_message_forward_only(
    house: House, client: httpx.AsyncClient, sms_gateway: SmsGateway
) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(one, DeliveryState.SENT)

    results = [
        (await tell(client, receipt(one, state))).json()["result"]
        for state in ("delivered", "delivered", "failed", "sent")
    ]

    assert results == ["moved", "repeated", "repeated", "repeated"]
    states = [state for _, state, _ in await house.states(one)]
    assert states == ["claimed", "sent", "delivered"]


async def test_a_receipt_may_come_before_the_answer(
    house: House, client: httpx.AsyncClient, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    sms.plan = Plan(by_receiver={PHONE: SmsMode.HANG})
    one = planned()
    await house.feed(person())
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: len(sms.ledger.requests) == 1)
        answer = await tell(client, receipt(one, "delivered"))

    assert answer.json() == {"result": "moved"}
    assert (await house.state(one))[0] is DeliveryState.DELIVERED  # the timeout changed nothing


@pytest.mark.parametrize("state", ["delivered", "failed"])
async def test_a_receipt_settles_what_was_unknown_even_when_closed(
    house: House,
    client: httpx.AsyncClient,
    sms: SmsSimulator,
    sms_gateway: SmsGateway,
    state: str,
) -> None:
    sms.plan = Plan(by_receiver={PHONE: SmsMode.ERROR})
    first, second = planned("a"), planned("b")
    await house.feed(person())
    await house.feed(first, second)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(first, DeliveryState.UNKNOWN)
        await house.comes_to(second, DeliveryState.UNKNOWN)
    await tell(client, receipt(first, state))
    await house.sweep(unknown_close_s=0)
    assert (await house.state(second))[0] is DeliveryState.CLOSED_UNKNOWN

    await tell(client, receipt(second, state))

    assert (await house.state(first))[0] == state
    assert (await house.state(second))[0] == state
    assert len(sms.ledger.requests) == 2


async def test_a_receipt_under_the_gateways_id_alone_waits_for_its_message(
    house: House, client: httpx.AsyncClient, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    one, other = planned("a"), planned("b")
    await house.feed(person())
    await house.feed(one)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(one, DeliveryState.SENT)
        await house.feed(other)
        await house.comes_to(other, DeliveryState.SENT)
    ours, theirs = (entry["provider_id"] for entry in sms.ledger.accepted)
    async with house.tx() as conn:  # as before the COMMIT of the answer
        await conn.exec_driver_sql("update message set provider_id = null")

    early = await tell(client, {"provider_id": ours, "state": "delivered"})
    assert early.json() == {"result": "waiting"}
    assert await house.sweep() == 0
    async with house.tx() as conn:
        await conn.exec_driver_sql(
            f"update message set provider_id = '{ours}' where message_id = '{one.message_id}'"  # noqa: S608 - ours
        )

    assert await house.sweep() == 1
    assert (await house.state(one))[0] is DeliveryState.DELIVERED
    assert (await house.state(other))[0] is DeliveryState.SENT
    assert await house.rows("select 1 as one from gateway_receipt") == []
    assert theirs != ours


async def test_a_receipt_of_another_gateway_or_of_nothing_moves_nothing(
    house: House, client: httpx.AsyncClient
) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)  # never tried
    unknown = {"message_id": "m-unknown", "state": "delivered"}

    assert (await tell(client, receipt(one, "delivered"))).json() == {"result": "waiting"}
    assert (await tell(client, unknown)).json() == {"result": "waiting"}
    assert (await tell(client, receipt(one, "delivered"), gateway="other")).status_code == 404
    assert (await house.state(one))[0] is DeliveryState.PLANNED


@pytest.mark.parametrize(
    "news",
    [
        b"not json",
        b"[]",
        b'{"state": "delivered"}',
        b'{"state": "read", "message_id": "m"}',
        b'{"state": "delivered", "message_id": "m", "message_id": "n"}',
        b'{"from": "+8613800138000"}',
        b'{"from": "nobody", "text": "T"}',
        b'{"state": "delivered", "message_id": "m", "at": "yesterday"}',
    ],
)
async def test_signed_news_that_says_nothing_is_accepted_and_counted(
    client: httpx.AsyncClient, news: bytes
) -> None:
    answer = await tell(client, news)

    assert (answer.status_code, answer.json()) == (200, {"result": "unmapped"})


async def test_forged_and_old_news_is_refused(house: House, client: httpx.AsyncClient) -> None:
    news = {"from": PHONE, "text": "T"}
    await house.feed(person())
    wrong = "whsec_" + "QUFB" * 8

    forged = await tell(client, news, secret=wrong)
    old = await tell(client, news, age_s=301)
    bare = await client.post("/v1/receipts/sms", json=news)

    assert [one.status_code for one in (forged, old, bare)] == [401, 401, 401]
    assert forged.headers["content-type"] == "application/problem+json"
    assert await house.rows("select 1 as one from opt_out") == []


async def test_a_stop_word_stops_marketing_of_that_shop_pending_messages_too(
    house: House, client: httpx.AsyncClient, sms_gateway: SmsGateway
) -> None:
    sent = planned("sent", message_class=MARKETING)
    pending, later = (planned(once, message_class=MARKETING) for once in ("p", "l"))
    parcel = planned("parcel")
    await house.feed(person(consents=(consent(),)))
    await house.feed(sent)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(sent, DeliveryState.SENT)
        await house.feed(pending)
        await eventually(lambda: _reason(house, pending, "capped"))

        answer = await tell(client, {"from": "138 0013 8000", "text": " 退 订 "})

        assert answer.json() == {"result": "opted_out"}
        assert await house.state(pending) == (DeliveryState.SUPPRESSED, "opted_out")
        await house.feed(later, parcel)
        await house.comes_to(later, DeliveryState.SUPPRESSED)
        await house.comes_to(parcel, DeliveryState.SENT)

    events = await house.announced()
    (stopped,) = [event for event in events if isinstance(event, OptOutChanged)]
    assert (stopped.customer_id, stopped.channel, stopped.purpose, stopped.opted_out) == (
        "c1",
        Channel.SMS,
        Purpose.MARKETING,
        True,
    )
    (reply,) = [event for event in events if isinstance(event, ReplyReceived)]
    assert reply.message_id == sent.message_id
    assert (await house.state(later))[1] == "opted_out"


async def _reason(house: House, one: MessagePlanned, reason: str) -> bool:
    return bool((await house.message(one))["reason"] == reason)


async def test_an_opt_out_outlives_the_person_and_holds_for_a_second_name(
    house: House, client: httpx.AsyncClient
) -> None:
    await house.feed(person(), person("c2"))
    await tell(client, {"from": PHONE, "text": "全部退订"})
    await house.erase("c1")
    back = planned("x", "c3", message_class=MessageClass.SERVICE)
    await house.feed(person("c3"))
    await house.feed(back)

    async with house.delivering({}):
        await house.comes_to(back, DeliveryState.SUPPRESSED)

    events = [event for event in await house.announced() if isinstance(event, OptOutChanged)]
    assert {event.customer_id for event in events} == {"c1", "c2"}
    assert {event.purpose for event in events} == set(Purpose)


async def test_another_reply_is_told_and_stops_nothing(
    house: House, client: httpx.AsyncClient
) -> None:
    await house.feed(person())

    answer = await tell(client, {"from": PHONE, "text": "谢谢", "message_id": "m"})

    assert answer.json() == {"result": "reply"}
    (event,) = await house.announced()
    assert isinstance(event, ReplyReceived)
    assert await house.rows("select 1 as one from opt_out") == []


async def test_races_of_opt_outs_and_gates_end_well(
    house: House, client: httpx.AsyncClient, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    """No request goes out to a number later than 2 s after the answer to its opt-out."""
    phones = [f"+86138001380{n:02}" for n in range(20)]
    people = [person(f"c{n}", phone=phone, consents=(consent(),)) for n, phone in enumerate(phones)]
    plans = [planned(f"m{n}", f"c{n}", message_class=MARKETING) for n in range(20)]
    await house.feed(*people)
    acknowledged: dict[str, datetime] = {}

    async def stop(phone: str, number: int) -> None:
        answer = await tell(client, {"from": phone, "text": "T"}, msg_id=f"r{number}")
        assert answer.json() == {"result": "opted_out"}
        acknowledged[phone] = datetime.now(UTC)

    async with house.delivering({Channel.SMS: sms_gateway}, in_flight=5), asyncio.TaskGroup() as go:
        go.create_task(house.feed(*plans))
        for number, phone in enumerate(phones):
            go.create_task(stop(phone, number))
    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: _settled(house))

    sent = {entry["to"] for entry in sms.ledger.accepted}
    stopped = await house.rows("select 1 as one from message where reason = 'opted_out'")
    assert len(sent) + len(stopped) == 20
    for entry in sms.ledger.accepted:
        late = datetime.fromisoformat(entry["at"]) - acknowledged[entry["to"]]
        assert late < timedelta(seconds=2)
    assert sms.ledger.twice() == {}


async def _settled(house: House) -> bool:
    return (
        await house.rows("select 1 as one from message where state in ('planned','claimed')") == []
    )


def token(shop: str = "tea", *scopes: str) -> dict[str, str]:
    made = issue_local_token(TOKEN_SECRET, shop, scopes or ("messages:read",))
    return {"authorization": f"Bearer {made}"}


async def test_the_api_shows_messages_page_by_page_and_no_number(
    house: House, client: httpx.AsyncClient, sms_gateway: SmsGateway
) -> None:
    plans = [planned(f"p{n}") for n in range(5)]
    await house.feed(person())
    await house.feed(*plans)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(plans[0], DeliveryState.SENT)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"customer_id": "c1", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/shops/tea/messages", params=query, headers=token())).json()
        seen += [one["message_id"] for one in page["messages"]]
        cursor = page["next_cursor"]
    one = await client.get(f"/v1/shops/tea/messages/{plans[0].message_id}", headers=token())

    assert sorted(seen) == sorted(plan.message_id for plan in plans)
    assert one.json()["address"] == "+86****8000"
    assert one.json()["attempts"][0]["outcome"] == "accepted"
    assert "13800138000" not in one.text


async def test_the_api_refuses_by_default(house: House, client: httpx.AsyncClient) -> None:
    await house.feed(person())
    await house.feed(planned())
    url = f"/v1/shops/tea/messages/{planned().message_id}"

    answers = [
        await client.get(url),
        await client.get(url, headers=token("coffee")),
        await client.get(url, headers=token("tea", "reports:read")),
        await client.get(url.replace("tea", "coffee"), headers=token("coffee")),
        await client.get("/v1/shops/tea/messages", params={"cursor": "x"}, headers=token()),
    ]

    assert [one.status_code for one in answers] == [401, 403, 403, 404, 400]
