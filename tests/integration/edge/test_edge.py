"""Around every request: problems, headers, figures, the manual; and the port of health."""

import logging
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict

from integration.edge.conftest import Bearer, Build, Call
from web.auth import Principal, ShopId, require
from web.bodies import json_body
from web.dead_letters import dead_letters
from web.ops import ops_app


class Note(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    text: str


router = APIRouter(prefix="/v1/shops/{shop_id}/notes")


@router.get("/{note_id}", operation_id="get_note", dependencies=[Depends(require("things:read"))])
async def get_note(shop_id: ShopId, note_id: int) -> Note:
    if note_id == 1:
        raise ZeroDivisionError("13800138000")
    if note_id == 2:
        raise ConnectionRefusedError("10.0.0.1 refused")
    return Note(text="x")


@router.post("", operation_id="add_note")
async def add_note(
    who: Annotated[Principal, Depends(require("things:read"))],
    shop_id: ShopId,
    note: Annotated[Note, Depends(json_body(Note))],
) -> Note:
    return note


PATH = "/v1/shops/tea/notes"


async def test_an_error_of_ours_tells_nothing_but_500(
    build: Build, call: Call, bearer: Bearer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "web"):
        async with call(build(router)) as client:
            response = await client.get(f"{PATH}/1", headers=bearer())

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:huiliu:problem:internal",
        "title": "Internal Server Error",
        "status": 500,
    }
    assert "ZeroDivisionError" in str([vars(record) for record in caplog.records])
    assert "13800138000" not in str([vars(record) for record in caplog.records])


async def test_a_database_that_is_away_is_503_with_retry_after(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        response = await client.get(f"{PATH}/2", headers=bearer())

    assert response.status_code == 503
    assert 5 <= int(response.headers["retry-after"]) <= 30
    assert "10.0.0.1" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", PATH + "/3/", 404),
        ("DELETE", PATH, 405),
        ("GET", PATH + "/x", 422),
        ("POST", PATH, 415),
    ],
)
async def test_every_refusal_is_a_problem(
    build: Build, call: Call, bearer: Bearer, method: str, path: str, status: int
) -> None:
    async with call(build(router)) as client:
        response = await client.request(method, path, headers=bearer())

    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_method_that_is_not_allowed_hears_all_that_are(build: Build, call: Call) -> None:
    """The routes of one path are several; a template that fits too is another's."""
    router = APIRouter(prefix="/v1/shops/{shop_id}", dependencies=[Depends(require("things:read"))])
    router.add_api_route("/note", get_note, methods=["PUT"], operation_id="put")
    router.add_api_route("/note", get_note, methods=["GET"], operation_id="get")
    router.add_api_route("/notes", get_note, methods=["POST"], operation_id="post")
    router.add_api_route("/{name}", get_note, methods=["PATCH"], operation_id="patch")
    async with call(build(router)) as client:
        answer = await client.delete("/v1/shops/tea/note")
        other = await client.delete("/v1/shops/tea/other")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT")
    assert other.headers["allow"] == "PATCH"
    assert answer.json()["type"] == "urn:huiliu:problem:method-not-allowed"


async def test_every_answer_has_the_headers_of_safety(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        for path in (f"{PATH}/3", f"{PATH}/1", "/nowhere"):
            headers = (await client.get(path, headers=bearer())).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "access-control-allow-origin" not in headers


async def test_requests_are_counted_by_template_never_by_id(
    build: Build, call: Call, bearer: Bearer, registry: CollectorRegistry
) -> None:
    async with call(build(router)) as client:
        await client.get(f"{PATH}/3", headers=bearer())
        await client.get(f"{PATH}/4", headers=bearer())
        await client.request("BREW", "/13800138000")

    def count(route: str, method: str, status: str) -> float | None:
        labels = {"route": route, "method": method, "status": status}
        return registry.get_sample_value("huiliu_http_requests_total", labels)

    assert count("/v1/shops/{shop_id}/notes/{note_id}", "GET", "200") == 2
    assert count("unmatched", "OTHER", "404") == 1


async def test_the_document_shows_bodies_scopes_and_problems(build: Build, call: Call) -> None:
    async with call(build(router)) as client:
        document = (await client.get("/openapi.json")).json()

    add = document["paths"]["/v1/shops/{shop_id}/notes"]["post"]
    schema = add["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][name]["required"] == ["text"]
    assert add["security"] == [{"bearer": ["things:read"]}]
    assert set(add["responses"]) == {
        *("200", "400", "401", "403", "408", "413", "415", "422", "431", "500", "503", "default")
    }
    assert "application/problem+json" in add["responses"]["default"]["content"]
    assert "HTTPValidationError" not in str(document)


async def test_the_manual_is_served_by_us_alone(build: Build, call: Call) -> None:
    async with call(build(router)) as client:
        page = await client.get("/docs")
        files = [part.split('"')[0] for part in page.text.split('="')[1:] if part[0] == "/"]
        answers = [(await client.get(file)).status_code for file in files]

    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("</", "")
    assert answers == [200] * 5


async def test_the_manual_can_be_left_out(build: Build, call: Call) -> None:
    async with call(build(router, docs=False)) as client:
        answers = [(await client.get(path)).status_code for path in ("/docs", "/openapi.json")]

    assert answers == [404, 404]


@pytest.mark.parametrize(
    ("shop", "scopes", "status"),
    [("tea", ["ops:dead-letters"], 403), ("*", ["x:read"], 403), ("*", ["ops:dead-letters"], 422)],
)
async def test_dead_letters_are_for_operators_with_the_scope(
    build: Build, call: Call, bearer: Bearer, shop: str, scopes: list[str], status: int
) -> None:
    app = build(dead_letters("segmenter", "segmenter"), engine=object())
    async with call(app) as client:
        response = await client.get("/v1/dead-letters?limit=0", headers=bearer(shop, scopes))

    assert response.status_code == status


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"all": False},
        {"ids": []},
        {"ids": [1], "all": True},
        {"reason": "x", "key": "y"},
        {"ids": ["1"]},
        {"ids": [2**63]},
        {"id": 1},
    ],
)
async def test_a_replay_names_exactly_one_choice(
    build: Build, call: Call, bearer: Bearer, wanted: dict[str, object]
) -> None:
    app = build(dead_letters("segmenter", "segmenter"), engine=object())
    headers = bearer("*", ["ops:dead-letters"])
    async with call(app) as client:
        response = await client.post("/v1/dead-letters/replay", json=wanted, headers=headers)

    assert response.status_code == 422


async def ask(app: object, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # a Starlette app
    async with httpx.AsyncClient(transport=transport, base_url="http://ops") as client:
        return await client.get(path)


async def test_ready_means_serving_and_no_complaint(registry: CollectorRegistry) -> None:
    complaints: dict[str, str | None] = {"database": None}

    async def database() -> str | None:
        return complaints["database"]

    async def claims() -> str | None:
        if complaints["database"]:
            raise OSError("secret")
        return None

    app = ops_app("x", {"database": database, "claims": claims}, lambda: None, registry)
    assert (await ask(app, "/readyz")).status_code == 503
    app.state.phase = "serving"
    assert (await ask(app, "/readyz")).json() == {
        "ready": True,
        "phase": "serving",
        "checks": {"database": "ok", "claims": "ok"},
    }
    complaints["database"] = "does not answer"
    response = await ask(app, "/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "does not answer", "claims": "OSError"}
    complaints["database"] = None
    app.state.phase = "stopping"
    assert (await ask(app, "/readyz")).status_code == 503


async def test_alive_is_what_the_watchdog_says(registry: CollectorRegistry) -> None:
    good = ops_app("web", {}, lambda: None, registry)
    stuck = ops_app("web", {}, lambda: "intake is silent", registry)

    assert (await ask(good, "/livez")).status_code == 200
    response = await ask(stuck, "/livez")
    assert (response.status_code, response.json()["reason"]) == (503, "intake is silent")
    assert (await ask(good, "/version")).json()["service"] == "web"
    assert (await ask(good, "/metrics")).status_code == 200


async def test_an_app_without_an_engine_has_none_to_give(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(dead_letters("segmenter", "segmenter"))) as client:
        response = await client.get("/v1/dead-letters", headers=bearer("*", ["ops:dead-letters"]))

    assert response.status_code == 500
