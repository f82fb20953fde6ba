"""Webhooks: forged ones do nothing, signed ones are kept, whatever they say."""

import json
from typing import Any

import pytest

from contracts.events import CustomerFacts, OrderFacts, ShipmentFacts
from contracts.topics import SHIPMENTS
from integration.ingest.pushing import (
    BOTH_WAYS,
    ORDER,
    SALT,
    SECRET,
    TOKEN,
    hook,
    push_order,
    push_route,
    route,
)
from integration.ingest.reading import consume
from webhooks import shopify

pytestmark = BOTH_WAYS


async def test_a_signed_order_becomes_facts(house: Any, front: str) -> None:
    path = await hook(house, "shopify", SECRET)

    answer = await push_order(house, path, ORDER)

    assert answer.status_code == 200
    assert (path in house.slow) == (front == "api")
    facts = await house.spooled()
    [order] = [fact for fact in facts if isinstance(fact, OrderFacts)]
    [person] = [fact for fact in facts if isinstance(fact, CustomerFacts)]
    assert (order.order_id, order.customer_id, order.total_minor) == (
        "9007199254740993",
        "77",
        8900,
    )
    assert (person.phone, person.from_order) == ("+8613800000001", True)


async def test_a_repeated_push_gets_the_same_answer_and_is_one_fact(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    for _ in range(3):
        assert (await push_order(house, path, ORDER)).status_code == 200

    assert len(await house.spooled()) == 2


async def test_a_forged_push_is_told_nothing_and_kept_nowhere(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    parcels = await hook(house, "kuaidi100", SALT)
    raw = json.dumps(ORDER).encode()
    signature = {shopify.HEADER: shopify.sign(SECRET, raw)}

    for answer in (
        await house.http.post(path, content=raw),
        await push_order(house, path, ORDER, "another secret"),
        await house.http.post(path, content=raw + b" ", headers=signature),
        await house.http.post(path, content=raw, headers={shopify.HEADER: "é".encode("latin-1")}),
        await push_route(house, parcels, route(), "another salt"),
        await house.http.post(parcels, content=b"param=%7B%7D"),
        await house.http.post(parcels, content=b"\xff\xfe"),
    ):
        assert answer.status_code == 401
        assert answer.json() == {"error": "signature"}
    assert await house.spooled() == []
    assert await house.rows("select * from ingest.rejected_push") == []


async def test_an_unknown_hook_is_not_found(house: Any) -> None:
    assert (await house.http.post("/v1/hooks/nobody", content=b"{}")).status_code == 404


async def test_a_kind_of_a_newer_version_is_asked_to_come_again(house: Any, front: str) -> None:
    path = await hook(house, "shopify", SECRET)
    await house.rows("update ingest.connector set kind = 'newer'")
    await house.ports.directory.refresh()

    answer = await push_order(house, path, ORDER)

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (path in house.slow) == (front == "api")
    assert await house.spooled() == []


@pytest.mark.parametrize(
    "raw", [b"{", b'{"id":1}', b'{"id":1,"id":2}', b"[]", b'{"orders_to_redact":[]}']
)
async def test_a_signed_push_that_we_cannot_read_succeeds_and_is_kept(
    house: Any, raw: bytes
) -> None:
    path = await hook(house, "shopify", SECRET)
    headers = {shopify.HEADER: shopify.sign(SECRET, raw)}

    for _ in range(2):
        assert (await house.http.post(path, content=raw, headers=headers)).status_code == 200

    assert await house.spooled() == []
    listed = await house.http.get(
        "/v1/shops/north/kept-pushes", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    [kept] = listed.json()["pushes"]
    assert kept["reason"]


async def test_an_order_from_the_future_is_kept_aside(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    answer = await push_order(house, path, {**ORDER, "updated_at": "2150-01-01T00:00:00Z"})

    assert answer.status_code == 200
    assert await house.spooled() == []
    assert len(await house.rows("select * from ingest.rejected_push")) == 1


async def test_a_couriers_push_waits_for_its_parcel_and_then_goes_to_its_order(house: Any) -> None:
    path = await hook(house, "kuaidi100", SALT)

    answer = await push_route(house, path, route())

    assert answer.json() == {"result": True, "returnCode": "200", "message": "成功"}
    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "parcel:YT1001"

    await register(house, "YT1001")

    assert await house.rows("select * from ingest.parked") == []
    [(topic, fact)] = [one for one in await house.outbox() if one[0] == SHIPMENTS]
    assert (topic, fact.customer_id, fact.order_id) == (SHIPMENTS, "77", "A-1")
    assert len(fact.checkpoints) == 2

    # Now that the parcel is known, its next push needs no waiting.
    later = route()
    later["lastResult"]["data"].insert(0, {"ftime": "2026-01-07 10:00:00", "statusCode": "3"})
    await push_route(house, path, later)
    [direct] = await house.spooled()
    assert isinstance(direct, ShipmentFacts)
    assert direct.signed_at is not None


async def test_a_refund_finds_its_order_by_either_spelling(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    rounded = {**ORDER, "id": 9007199254740992}
    refund = {
        "id": 5,
        "order_id": 9007199254740992,
        "refund_line_items": [],
        "created_at": "2026-01-06T10:00:00+08:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
    }

    await push_order(house, path, refund)
    assert len(await house.rows("select * from ingest.parked")) == 1
    await push_order(house, path, rounded)

    assert await house.rows("select * from ingest.parked") == []
    [fact] = [event for _, event in await house.outbox() if isinstance(event, OrderFacts)]
    assert (fact.order_id, fact.customer_id) == ("9007199254740993", "77")
    assert fact.refunds[0].amount_minor == 1000


async def register(house: Any, number: str) -> None:
    """Do what the own consumer does with a shop's fact of a parcel."""
    at = "2026-01-05T18:00:00Z"
    shipment = {"kind": "shipment", "order_id": "A-1", "customer_id": "77", "at": at}
    await house.post({**shipment, "number": number})
    [fact] = await house.spooled()
    await house.run("delete from ingest.ingest_spool")
    await consume(house, fact)
