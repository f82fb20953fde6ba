"""The HTTP API of audiences: counts, previews, what is saved, and what a hostile filter gets."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from contracts.events import (
    Attribute,
    AttributeType,
    CustomerProfile,
    OwnAttribute,
    Region,
)
from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop
from segmenter.domain.audience.parse import parse
from segmenter.edges.audience import api as audience_api
from segmenter.edges.audience import ask_store, desk
from segmenter.edges.audience.saved_store import MOST_USED, SavedStore
from web.shop_session import shop_tx

PATH = "/v1/shops/tea/audiences"
BOUGHT = {"field": "orders", "gte": 1}
RICH = {"field": "net_money", "window_days": 90, "gte": 100_00}


@pytest.fixture
async def api(segmenter: Segmenter, http: httpx.AsyncClient) -> httpx.AsyncClient:
    await segmenter.orders(
        paid("o1", "ann", days_ago=3, total_minor=150_00),
        paid("o2", "bob", days_ago=20, total_minor=60_00),
        paid("o3", "bob", days_ago=30, total_minor=60_00),
        paid("o4", "cat", days_ago=200, total_minor=500_00),
    )
    await segmenter.profiles(CustomerProfile("tea", "dan", 1, region=Region("CN", "浙江", "杭州")))
    return http


async def save(api: httpx.AsyncClient, name: str = "rich", **more: Any) -> dict[str, Any]:
    answer = await api.post(PATH, json={"name": name, "filter": RICH, **more})
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def ids(api: httpx.AsyncClient, audience_id: str) -> list[str]:
    """Return the members that are streamed, after a look at the last line."""
    answer = await api.get(f"{PATH}/{audience_id}/members")
    assert answer.status_code == 200, answer.text
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last == {"members": len(lines)}
    return sorted(line["customer_id"] for line in lines)


async def test_a_count_tells_what_each_part_means_and_what_each_exclusion_takes(
    api: httpx.AsyncClient,
) -> None:
    asked = {
        "filter": {"or": [RICH, {"not": BOUGHT}]},
        "exclude": [
            {"field": "bought", "window_days": 7, "eq": True},
            {"field": "province", "eq": "浙江"},
        ],
    }

    answer = (await api.post(f"{PATH}/count", json=asked)).json()

    assert answer["as_of"] == "2026-03-01"
    assert (answer["customers"], answer["matched"], answer["count"]) == (4, 3, 1)
    assert [(one["path"], one["removed"], one["left"]) for one in answer["excluded"]] == [
        ("/exclude/0", 1, 2),
        ("/exclude/1", 1, 1),
    ]
    assert {one["path"]: one["customers"] for one in answer["nodes"]} == {
        "/filter": 3,
        "/filter/or/0": 2,
        "/filter/or/1": 1,
        "/filter/or/1/not": 3,
        "/exclude/0": 1,
        "/exclude/1": 1,
    }
    first = answer["nodes"][1]
    assert first["en"] == "net money in the last 90 days at least 100.00"
    assert first["zh"] == "净消费最近90天不少于100.00"


async def test_a_preview_comes_by_pages_of_customers(api: httpx.AsyncClient) -> None:
    asked = {"filter": BOUGHT, "exclude": [{"field": "recency_days", "gt": 100}]}

    first = (await api.post(f"{PATH}/preview?limit=1", json=asked)).json()
    second = await api.post(f"{PATH}/preview?limit=1&cursor={first['cursor']}", json=asked)

    assert first["customers"] == [
        {
            "customer_id": "ann",
            "cell": "just_bought",
            "frequency": 1,
            "monetary_minor": 150_00,
            "last_day": "2026-02-26",
        }
    ]
    assert [one["customer_id"] for one in second.json()["customers"]] == ["bob"]
    assert second.json()["cursor"] is None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"and": [BOUGHT] * 10_000}, "/filter/and/199"),
        ({"field": "shoe_size", "eq": 1}, "/filter/field"),
        ({"and": [BOUGHT, {"field": "orders", "gte": "many"}]}, "/filter/and/1/gte"),
        ({"field": "orders", "gte": 2**63}, "/filter/gte"),
        ({"field": "orders", "gte": True}, "/filter/gte"),
        ({"field": "orders", "like": 1}, "/filter/like"),
        ({"field": "orders", "window_days": 731, "gte": 1}, "/filter/window_days"),
        ({"field": "cell", "in": ["rich'; drop table audience; --"]}, "/filter/in/0"),
        ({"field": "attribute", "name": "x') or true --", "eq": "1"}, "/filter/name"),
        ({"field": "country", "in": []}, "/filter/in"),
        ({"field": "country", "eq": "x" * 201}, "/filter/eq"),
        ({"field": "last_payment", "gte": "2026-02-30"}, "/filter/gte"),
        ({"not": {"not": {"not": {"not": {"not": {"not": BOUGHT}}}}}}, "/filter/not/not/not/not"),
        ({"or": []}, "/filter/or"),
        ({"xor": [BOUGHT]}, "/filter"),
        ({"field": "sample", "percent": 0}, "/filter/percent"),
    ],
)
async def test_a_hostile_filter_is_refused_with_the_place_of_its_fault(
    api: httpx.AsyncClient, given: dict[str, Any], path: str
) -> None:
    for route, more in (("/count", {}), ("/preview", {}), ("", {"name": "x"})):
        answer = await api.post(PATH + route, json={"filter": given, **more})

        assert answer.status_code == 422, answer.text
        problem = answer.json()
        assert any(one["field"].startswith(path) for one in problem["errors"]), problem
        assert all(one["code"] for one in problem["errors"])
        assert "drop table" not in answer.text


@pytest.mark.parametrize("given", ['{"not":' * 10_000 + "1" + "}" * 10_000, "[]", "null", "{"])
async def test_what_is_no_filter_at_all_is_refused(api: httpx.AsyncClient, given: str) -> None:
    body = f'{{"filter": {given}}}'
    headers = {"Content-Type": "application/json"}

    answer = await api.post(f"{PATH}/count", content=body, headers=headers)

    assert answer.status_code in (400, 422)


async def test_sql_in_a_keyword_is_a_keyword(segmenter: Segmenter, api: httpx.AsyncClient) -> None:
    keyword = "'); drop table audience; --\\ :x %s {x} $1"
    own = (OwnAttribute("note:x' or true", AttributeType.TEXT),)
    await segmenter.shops(shop(revision=2, attributes=own))
    profile = CustomerProfile(
        "tea",
        "eve",
        1,
        region=Region("CN", keyword, ""),
        address_tags=(keyword,),
        attributes=(Attribute("note:x' or true", keyword, NOON),),
    )
    await segmenter.profiles(profile)

    for given in (
        {"field": "province", "eq": keyword},
        {"field": "province", "contains": keyword[:9]},
        {"field": "address_tags", "any": [keyword]},
        {"field": "attribute", "name": "note:x' or true", "starts_with": keyword[:4]},
    ):
        answer = await api.post(f"{PATH}/preview", json={"filter": given})
        assert [one["customer_id"] for one in answer.json()["customers"]] == ["eve"], given


async def test_the_fields_are_told_with_the_shops_own(
    segmenter: Segmenter, api: httpx.AsyncClient
) -> None:
    await segmenter.shops(shop(revision=2, attributes=(OwnAttribute("fit", AttributeType.DATE),)))

    answer = (await api.get(f"{PATH}/fields")).json()

    fields = {one["field"]: one for one in answer["fields"]}
    assert fields["net_money"]["spans"]
    assert "window_days" not in fields["net_money"]["operators"]
    assert "lost" in fields["cell"]["choices"]
    assert answer["attributes"] == {"fit": "day"}


async def test_an_audience_is_saved_read_renewed_and_deleted(
    segmenter: Segmenter, api: httpx.AsyncClient
) -> None:
    saved = await save(api)
    one = f"{PATH}/{saved['audience_id']}"
    assert (saved["count"], saved["revision"], saved["kind"]) == (2, 1, "live")
    assert await ids(api, saved["audience_id"]) == ["ann", "bob"]

    renewed = await api.put(one, json={"name": "buyers", "filter": BOUGHT})
    assert (renewed.json()["count"], renewed.json()["revision"]) == (3, 2)
    listed = (await api.get(PATH)).json()["audiences"]
    assert [found["name"] for found in listed] == ["buyers"]
    assert (await api.get(one)).json() == listed[0]
    assert await ids(api, saved["audience_id"]) == ["ann", "bob", "cat"]

    assert (await api.delete(one)).status_code == 204
    assert (await api.get(one)).status_code == 404
    await segmenter.judge()
    assert await segmenter.rows("select * from audience") == []


async def test_a_name_is_given_once(api: httpx.AsyncClient) -> None:
    await save(api, "one")
    other = await save(api, "two")

    again = await api.post(PATH, json={"name": "one", "filter": BOUGHT})
    renamed = await api.put(
        f"{PATH}/{other['audience_id']}", json={"name": "one", "filter": BOUGHT}
    )

    assert (again.status_code, renamed.status_code) == (409, 409)


async def test_a_frozen_audience_has_whom_it_had_when_saved(
    segmenter: Segmenter, api: httpx.AsyncClient
) -> None:
    saved = await save(api, kind="frozen")
    assert (await api.get(f"{PATH}/{saved['audience_id']}/members")).status_code == 409
    await segmenter.judge()
    await segmenter.orders(paid("o9", "dan", total_minor=900_00))

    assert await ids(api, saved["audience_id"]) == ["ann", "bob"]
    assert (await api.post(f"{PATH}/count", json={"filter": RICH})).json()["count"] == 3


async def test_a_shop_uses_twenty_live_audiences_at_most(
    segmenter: Segmenter, api: httpx.AsyncClient
) -> None:
    made = [await save(api, f"a{n}") for n in range(MOST_USED + 1)]
    paths = [f"{PATH}/{one['audience_id']}" for one in made]
    for path in paths[:-1]:
        used = await api.post(f"{path}/use", json={"user": "rule:x"})
        assert used.json()["used_by"] == ["rule:x"]

    refused = await api.post(f"{paths[-1]}/use", json={"user": "rule:x"})
    assert refused.status_code == 409
    assert "release one first" in refused.json()["detail"]
    assert (await api.delete(paths[0])).status_code == 409

    again = await api.post(f"{paths[0]}/use", json={"user": "rule:x"})
    assert again.json()["used_by"] == ["rule:x"]
    await api.post(f"{paths[0]}/release", json={"user": "rule:x"})
    assert (await api.post(f"{paths[-1]}/use", json={"user": "rule:x"})).is_success


async def test_another_shop_sees_none_of_it(segmenter: Segmenter, api: httpx.AsyncClient) -> None:
    await segmenter.shops(shop("ink"))
    saved = await save(api)
    path = f"/v1/shops/ink/audiences/{saved['audience_id']}"

    listed = await api.get("/v1/shops/ink/audiences", headers=bearer("ink"))
    counted = await api.post(
        "/v1/shops/ink/audiences/count", json={"filter": {"not": BOUGHT}}, headers=bearer("ink")
    )

    assert listed.json()["audiences"] == []
    assert counted.json()["customers"] == 0
    assert (await api.get(path, headers=bearer("ink"))).status_code == 404
    assert (await api.get(f"{path}/members", headers=bearer("ink"))).status_code == 404
    assert (await api.get(PATH, headers=bearer("ink"))).status_code == 403


async def test_many_members_come_by_and_by_and_a_reader_who_goes_leaves_his_place(
    segmenter: Segmenter, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_api, "LINES_AT_ONCE", 100)
    monkeypatch.setattr(ask_store, "PAGE", 70)
    await segmenter.orders(*(paid(f"m{n}", f"m{n:03}", total_minor=900_00) for n in range(350)))
    kept = await save(api)
    assert len(await ids(api, kept["audience_id"])) == 352

    asked = desk.Desk()
    async with shop_tx(segmenter.engine, "segmenter", "tea") as conn:
        saved = await SavedStore(conn, "tea").one(kept["audience_id"])
    assert saved is not None
    question = parse(RICH)
    lines = audience_api._lines(segmenter.engine, asked, "tea", saved, question)  # noqa: SLF001 - a client of httpx cannot go in the midst
    assert await anext(lines) == b""
    assert (await anext(lines)).count(b"\n") == 100
    assert asked.at_work.total() == 1
    await lines.aclose()
    assert asked.at_work.total() == 0


async def test_what_takes_too_long_is_refused_with_what_to_do(
    segmenter: Segmenter, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "ANSWER_WITHIN_MS", 1)
    async with segmenter.tx() as conn:
        await conn.execute(
            text(
                "insert into customer_state select 'tea', 'c' || n, 0, 0, null, null, null, null,"
                " 'lost', null, 1 from generate_series(1, 30000) n"
            )
        )

    answer = await api.post(f"{PATH}/count", json={"filter": {"field": "sample", "percent": 50}})

    assert answer.status_code == 422
    assert "shorter ones" in answer.json()["detail"]


async def test_a_shop_that_asks_much_at_once_is_told_to_wait(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_OF_A_SHOP", 0)

    answer = await api.post(f"{PATH}/count", json={"filter": BOUGHT})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
