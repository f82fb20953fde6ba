import gzip
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from starlette.types import Message, Receive, Scope, Send

from integration.edge.conftest import Build, Call
from web.bodies import limited_body
from web.limits import MAX_BODY_BYTES, Admission, BodyLimit, Gate
from web.problems import TooLarge, response_of

router = APIRouter()


@router.post("/raw", operation_id="raw")
async def raw(body: Annotated[bytes, Depends(limited_body)]) -> int:
    return len(body)


async def chunks(count: int, size: int = 65536) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_body_up_to_the_limit_passes(build: Build, call: Call) -> None:
    async with call(build(router, public=["/raw"])) as client:
        response = await client.post("/raw", content=b"x" * MAX_BODY_BYTES)

    assert (response.status_code, response.json()) == (200, MAX_BODY_BYTES)


@pytest.mark.parametrize("length", [None, "10", "0", "x", "-1", "²"])
async def test_the_bytes_are_counted_whatever_content_length_says(
    build: Build, call: Call, length: str | None
) -> None:
    headers = [] if length is None else [(b"Content-Length", length.encode())]
    async with call(build(router, public=["/raw"])) as client:
        response = await client.post("/raw", content=chunks(64), headers=headers)

    assert response.status_code == 413
    assert response.json()["type"] == "urn:huiliu:problem:too-large"
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 5000])
async def test_a_length_above_the_limit_is_refused_unread(
    build: Build, call: Call, length: str
) -> None:
    async with call(build(router, public=["/raw"])) as client:
        response = await client.post("/raw", content=b"x", headers={"Content-Length": length})

    assert response.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
async def test_any_content_encoding_is_refused(build: Build, call: Call, encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    async with call(build(router, public=["/raw"])) as client:
        response = await client.post("/raw", content=bomb, headers={"Content-Encoding": encoding})

    assert response.status_code == 415


async def test_heads_above_32_kib_get_431(build: Build, call: Call) -> None:
    async with call(build(router, public=["/raw"])) as client:
        wide = await client.post("/raw", headers={"X-Wide": "x" * 40_000})
        many = await client.post("/raw", headers={f"x-{n}": "y" * 20 for n in range(2000)})
        long = await client.post("/raw?" + "q" * 40_000)

    assert {wide.status_code, many.status_code, long.status_code} == {431}


async def test_a_nul_in_the_address_is_refused(build: Build, call: Call) -> None:
    async with call(build(router, public=["/raw"])) as client:
        path, query = await client.post("/ra%00w"), await client.post("/raw?a=b%00")
        text = await client.post("/raw?a=%2500", content=b"x")

    assert (path.status_code, query.status_code, text.status_code) == (400, 400, 200)


async def test_an_app_that_has_begun_its_answer_is_cut_off() -> None:
    async def early(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"12345", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    sent: list[str] = []
    limited = BodyLimit(early, max_bytes=4)
    with pytest.raises(Exception, match="larger than 4 bytes"):
        await limited({"type": "http", "headers": []}, receive, send)
    assert sent == ["http.response.start"]


async def test_who_still_sends_gets_the_answer_at_once_and_the_connection_closes_behind_it() -> (
    None
):
    chunks = iter([True, True, False])

    async def receive() -> Message:
        seen.append("read")
        return {"type": "http.request", "body": b"12345", "more_body": next(chunks)}

    async def send(message: Message) -> None:
        seen.append(f"{message['type']} {message.get('more_body', '')}".strip())

    seen: list[str] = []
    headers = [(b"content-length", b"15")]
    limited = BodyLimit(pytest.fail, max_bytes=4)  # type: ignore[arg-type]  # never called
    await limited({"type": "http", "headers": headers}, receive, send)

    answer = ["http.response.start", "http.response.body True"]
    assert seen == [*answer, "read", "read", "read", "http.response.body False"]


async def test_an_app_that_refuses_by_itself_what_is_too_large_is_read_on_behind_too() -> None:
    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(TooLarge):
            await receive()
        await response_of(TooLarge("no"))(scope, receive, send)

    chunks = iter([True, True, False])

    async def receive() -> Message:
        seen.append("read")
        return {"type": "http.request", "body": b"12345", "more_body": next(chunks)}

    async def send(message: Message) -> None:
        seen.append(f"{message['type']} {message.get('more_body', '')}".strip())

    seen: list[str] = []
    await BodyLimit(refusing, max_bytes=4)({"type": "http", "headers": []}, receive, send)

    answer = ["http.response.start", "http.response.body True"]
    assert seen == ["read", *answer, "read", "read", "http.response.body False"]


async def test_a_plain_asgi_app_is_limited_as_well(call: Call) -> None:
    async def greedy(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async with call(BodyLimit(greedy, max_bytes=4)) as client:  # type: ignore[arg-type]  # any app
        response = await client.post("/", content=b"12345")

    assert response.status_code == 413


async def test_where_files_are_posted_a_body_has_a_bound_of_its_own(call: Call) -> None:
    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    limited = BodyLimit(reader, max_bytes=4, uploads={"/shops/{shop_id}/files": 8})
    async with call(limited) as client:  # type: ignore[arg-type]  # any app
        answers = [
            (await client.request(method, path, content=b"x" * size)).status_code
            for method, path, size in (
                ("POST", "/shops/a/files", 8),
                ("POST", "/shops/a/files", 9),
                ("PUT", "/shops/a/files", 8),
                ("POST", "/shops/a/b/files", 8),
                ("POST", "/shops/a/files/b", 8),
            )
        ]

    assert answers == [200, 413, 413, 413, 413]


async def test_more_requests_at_once_than_fit_get_503(call: Call) -> None:
    inner: list[int] = []

    async def nested(scope: Scope, receive: Receive, send: Send) -> None:
        async with call(limited) as client:  # type: ignore[arg-type]  # any app
            response = await client.get("/")
        inner.append(response.status_code)
        assert "retry-after" in response.headers
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    limited = Admission(nested, Gate(1))
    async with call(limited) as client:  # type: ignore[arg-type]  # any app
        first = await client.get("/")
        second = await client.get("/")

    assert (first.status_code, second.status_code, inner) == (204, 204, [503, 503])
