from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from integration.edge.conftest import Bearer, Build, Call
from web.auth import require
from web.bodies import MOST_COUNTED, json_body


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Order(Strict):
    kind: Literal["order"]
    total: int
    at: datetime | None = None


class Parcel(Strict):
    kind: Literal["parcel"]
    number: str = Field(max_length=5)
    tags: dict[str, int] = {}


class Batch(Strict):
    things: list[Annotated[Order | Parcel, Field(discriminator="kind")]]


Either = TypeAdapter[Order | Parcel](Order | Parcel)

router = APIRouter(dependencies=[Depends(require("things:write"))])


@router.post("/batch", operation_id="batch")
async def batch(body: Annotated[Batch, Depends(json_body(Batch))]) -> int:
    return len(body.things)


@router.post("/either", operation_id="either")
async def either(body: Annotated[Order | Parcel, Depends(json_body(Either))]) -> str:
    return body.kind


@router.get("/list", operation_id="list")
async def page(limit: int = 5) -> int:
    return limit


@pytest.fixture
def headers(bearer: Bearer) -> dict[str, str]:
    return bearer("*", ["things:write"]) | {"Content-Type": "application/json"}


async def test_a_good_body_becomes_the_model(
    build: Build, call: Call, headers: dict[str, str]
) -> None:
    thing = b'{"things": [{"kind": "order", "total": 1, "at": "2026-11-24T10:00:00Z"}]}'
    async with call(build(router)) as client:
        one = await client.post("/batch", content=thing, headers=headers)
        two = await client.post(
            "/either", content=b'{"kind": "parcel", "number": "1"}', headers=headers
        )

    assert (one.status_code, one.json(), two.json()) == (200, 1, "parcel")


async def test_a_long_body_is_parsed_beside_the_event_loop(
    build: Build, call: Call, headers: dict[str, str]
) -> None:
    things = ",".join(['{"kind": "order", "total": 1}'] * 10_000)
    async with call(build(router)) as client:
        good = await client.post("/batch", content=f'{{"things": [{things}]}}', headers=headers)
        bad = await client.post("/batch", content=f'{{"things": [{things},1]}}', headers=headers)

    assert (good.status_code, good.json(), bad.status_code) == (200, 10_000, 422)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "", "application/xml", "application/json; charset=gbk", "application/jsonp"],
)
async def test_another_content_type_is_refused(
    build: Build, call: Call, headers: dict[str, str], content_type: str
) -> None:
    async with call(build(router)) as client:
        response = await client.post(
            "/batch", content=b"{}", headers=headers | {"Content-Type": content_type}
        )

    assert response.status_code == 415


@pytest.mark.parametrize("content_type", ["Application/JSON", 'application/json; charset="UTF-8"'])
async def test_json_in_utf_8_may_be_spelled_out(
    build: Build, call: Call, headers: dict[str, str], content_type: str
) -> None:
    async with call(build(router)) as client:
        response = await client.post(
            "/batch", content=b'{"things": []}', headers=headers | {"Content-Type": content_type}
        )

    assert response.status_code == 200


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"things": [], "things": []}', b"[" * 90000])
async def test_what_is_not_strict_json_is_a_bad_request(
    build: Build, call: Call, headers: dict[str, str], raw: bytes
) -> None:
    async with call(build(router)) as client:
        response = await client.post("/batch", content=raw, headers=headers)

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("path", "raw", "expected"),
    [
        ("/batch", "{}", [("/things", "missing")]),
        ("/batch", '{"things": 1}', [("/things", "list_type")]),
        ("/batch", "[]", [("", "model_type")]),
        ("/batch", '{"things": [{"kind": "x"}]}', [("/things/0", "union_tag_invalid")]),
        ("/batch", '{"things": [{"kind": "order"}]}', [("/things/0/total", "missing")]),
        (
            "/batch",
            '{"things": [{"kind": "order", "total": "12"}]}',
            [("/things/0/total", "int_type")],
        ),
        (
            "/batch",
            '{"things": [{"kind": "order", "total": false, "colour": 1, "13800138000": 2}]}',
            [
                ("/things/0/total", "int_type"),
                ("/things/0/colour", "extra_forbidden"),
                ("/things/0/*", "extra_forbidden"),
            ],
        ),
        (
            "/batch",
            '{"things": [{"kind": "parcel", "number": "13800138000", "tags": {"a b": "x"}}]}',
            [("/things/0/number", "string_too_long"), ("/things/0/tags/*", "int_type")],
        ),
        (
            "/either",
            '{"kind": "order", "total": 1.5}',
            [
                ("/total", "int_type"),
                ("/kind", "literal_error"),
                ("/number", "missing"),
                ("/total", "extra_forbidden"),
            ],
        ),
    ],
)
async def test_a_wrong_body_is_told_by_pointer_and_code_never_by_value(
    build: Build,
    call: Call,
    headers: dict[str, str],
    path: str,
    raw: str,
    expected: list[tuple[str, str]],
) -> None:
    async with call(build(router)) as client:
        response = await client.post(path, content=raw, headers=headers)

    assert response.status_code == 422
    assert "13800138000" not in response.text
    errors = response.json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == expected


async def test_a_number_of_thousands_of_digits_is_no_error_of_ours(
    build: Build, call: Call, headers: dict[str, str]
) -> None:
    raw = '{"things": [{"kind": "order", "total": %s}]}' % ("9" * 5000)
    async with call(build(router)) as client:
        response = await client.post("/batch", content=raw, headers=headers)

    assert response.status_code in (400, 422)


async def test_errors_are_counted_out(build: Build, call: Call, headers: dict[str, str]) -> None:
    async with call(build(router)) as client:
        response = await client.post(
            "/batch", content=f'{{"things": [{",".join("1" * 500)}]}}', headers=headers
        )

    assert len(response.json()["errors"]) == 50


async def test_errors_without_end_are_not_listed(
    build: Build, call: Call, headers: dict[str, str]
) -> None:
    names = ",".join(f'"n{n}":0' for n in range(MOST_COUNTED + 1))
    async with call(build(router)) as client:
        response = await client.post("/batch", content=f"{{{names}}}", headers=headers)

    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "", "code": "too_many_errors"}]


async def test_the_token_comes_before_the_body(build: Build, call: Call) -> None:
    async with call(build(router)) as client:
        response = await client.post("/batch", content=b"{" * 100)

    assert response.status_code == 401


async def test_a_wrong_query_is_told_the_same_way(
    build: Build, call: Call, headers: dict[str, str]
) -> None:
    async with call(build(router)) as client:
        response = await client.get("/list?limit=13800138000x", headers=headers)

    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "/query/limit", "code": "int_parsing"}]
    assert "13800138000" not in response.text


async def test_a_body_that_never_ends_is_given_up(
    build: Build, call: Call, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip() -> Any:
        yield b"{"
        raise TimeoutError  # what asyncio.timeout() makes of waiting too long

    monkeypatch.setattr("web.bodies.READ_WITHIN_S", 0.01)
    async with call(build(router)) as client:
        response = await client.post("/batch", content=drip(), headers=headers)

    assert response.status_code == 408
