"""A POST with an Idempotency-Key is done once, however often it is asked for."""

import asyncio
from typing import Any

import pytest

from integration.ingest.conftest import bearer
from integration.ingest.pushing import BOTH_WAYS, NATIVE, SECRET

pytestmark = BOTH_WAYS

NEW = {"kind": "shopify", "secrets": [SECRET]}


async def add(
    house: Any, key: str | None = '"k-1"', body: Any = NEW, shop_id: str = "north"
) -> Any:
    named = {} if key is None else {b"Idempotency-Key": key.encode("latin-1")}
    return await house.http.post(
        f"/v1/shops/{shop_id}/connectors", json=body, headers=[*bytewise(shop_id), *named.items()]
    )


def bytewise(shop_id: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in bearer(shop_id).items()]


async def connectors(house: Any) -> int:
    [row] = await house.rows("select count(*) as n from ingest.connector")
    return int(row["n"])


@pytest.mark.parametrize("again", ['"k-1"', "k-1"])
async def test_the_first_answer_comes_again_and_nothing_is_done(house: Any, again: str) -> None:
    first, second = await add(house), await add(house, again)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await connectors(house) == 1


async def test_without_a_key_each_is_a_request_of_its_own(house: Any) -> None:
    await add(house, None)
    await add(house, None)

    assert await connectors(house) == 2


async def test_a_key_for_what_is_no_shop_is_refused_as_the_shop_is(house: Any) -> None:
    headers = bearer("*") | {"Idempotency-Key": "k-1"}
    answer = await house.http.post("/v1/shops/No-Shop/connectors", json=NEW, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "/path/shop_id")


async def test_a_key_is_for_one_body(house: Any) -> None:
    await add(house)

    other = await add(house, body={**NEW, "accept_test": True})

    assert (other.status_code, other.json()["type"]) == (422, "urn:huiliu:problem:unprocessable")
    assert await connectors(house) == 1


async def test_a_key_is_of_one_shop(house: Any) -> None:
    await house.http.post(
        "/v1/shops",
        headers=bearer("*"),
        json={"shop_id": "south", "name": "S", "currency": "CNY", "country": "CN"},
    )
    first, second = await add(house), await add(house, shop_id="south")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["connector_id"] != second.json()["connector_id"]


@pytest.mark.parametrize("key", ["", '""', "a b", '"a', "é".encode().decode("latin-1"), "k" * 256])
async def test_what_is_no_key_is_told_so(house: Any, key: str) -> None:
    refused = await add(house, key)

    assert (refused.status_code, await connectors(house)) == (400, 0)


async def test_of_many_at_once_one_is_done(house: Any) -> None:
    answers = await asyncio.gather(*(add(house) for _ in range(8)))

    assert await connectors(house) == 1
    assert {one.status_code for one in answers} <= {201, 409}
    for one in answers:
        if one.status_code == 409:
            assert one.json()["type"] == "urn:huiliu:problem:key-in-use"
            assert one.headers["retry-after"] == "1"


async def test_after_a_refusal_the_key_is_free(house: Any) -> None:
    refused = await add(house, body={**NEW, "secrets": [" "]})

    assert (refused.status_code, (await add(house)).status_code) == (422, 201)


async def test_a_key_at_work_is_taken_and_free_again_when_who_took_it_is_dead(house: Any) -> None:
    await add(house)
    await house.run("update ingest.idempotency_key set status = null, body = null")

    busy = await add(house)
    await house.run("update ingest.idempotency_key set at = at - interval '61 seconds'")
    again = await add(house)

    assert (busy.status_code, again.status_code) == (409, 201)
    assert await connectors(house) == 2


async def test_a_day_later_the_key_is_new(house: Any) -> None:
    await add(house)
    await house.run("update ingest.idempotency_key set at = at - interval '25 hours'")

    assert (await add(house)).status_code == 201
    assert await connectors(house) == 2


async def test_an_answer_is_for_who_may_ask(house: Any) -> None:
    await add(house)

    named = {"Idempotency-Key": '"k-1"'}
    strangers = [
        await house.http.post("/v1/shops/north/connectors", json=NEW, headers=headers | named)
        for headers in ({}, bearer("south"), bearer("north", ["connectors:read"]))
    ]

    assert [one.status_code for one in strangers] == [401, 403, 403]


async def test_events_heed_the_key_too(house: Any) -> None:
    headers = {**bearer(), "Idempotency-Key": "e-1"}
    answers = [
        await house.http.post("/v1/shops/north/events", json=NATIVE, headers=headers)
        for _ in range(2)
    ]

    assert answers[0].content == answers[1].content
    assert [one.json()["accepted"] for one in answers] == [1, 1]  # not a duplicate: the same answer
    assert len(await house.spooled()) == 1
