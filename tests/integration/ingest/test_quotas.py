"""A shop with a quota is told what is left, and to wait when nothing is."""

from typing import Any

import pytest

from integration.ingest.conftest import bearer
from integration.ingest.pushing import BOTH_WAYS, NATIVE, ORDER, SECRET, hook, push_order

pytestmark = BOTH_WAYS


async def put(house: Any, quota: str) -> Any:
    return await house.http.put(
        "/v1/shops/north",
        headers=bearer("*"),
        json={
            "name": "North",
            "currency": "CNY",
            "country": "CN",
            "settings": {"events_per_minute": quota},
        },
    )


def batch(events: int, first: int = 0) -> Any:
    return {"events": [{**NATIVE, "order_id": f"A-{first + n}"} for n in range(events)]}


async def test_without_a_quota_nothing_is_counted(house: Any) -> None:
    answer = await house.post(batch(3))

    assert answer.status_code == 200
    assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


async def test_a_quota_is_told_counts_events_and_refuses_with_the_wait(house: Any) -> None:
    assert (await put(house, "3")).status_code == 200

    first, second, third = [await house.post(batch(n, n)) for n in (2, 2, 1)]

    assert (first.status_code, second.status_code, third.status_code) == (200, 429, 200)
    assert first.headers["ratelimit-policy"] == '"events";q=3;w=60'
    assert first.headers["ratelimit"].startswith('"events";r=1;t=')
    assert second.json()["type"] == "urn:huiliu:problem:too-many-requests"
    assert second.json()["detail"] == "the shop may post 3 events a minute"
    assert 0 < int(second.headers["retry-after"]) <= 20
    assert second.headers["ratelimit"] == f'"events";r=1;t={second.headers["retry-after"]}'
    assert len(await house.spooled()) == 3


async def test_a_quota_that_is_taken_back_bounds_no_more(house: Any) -> None:
    await put(house, "1")
    await put(house, "0")

    assert [(await house.post(batch(2, n))).status_code for n in (0, 2)] == [200, 200]


async def test_webhooks_have_no_quota_for_their_senders_do_not_wait(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    await put(house, "1")

    answers = [await push_order(house, path, {**ORDER, "note": n}) for n in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 200]


@pytest.mark.parametrize("quota", ["-1", "many", "1e9"])
async def test_a_quota_that_is_none_is_refused_by_name(house: Any, quota: str) -> None:
    refused = await put(house, quota)

    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"field": "/settings/events_per_minute", "code": "range"}]
