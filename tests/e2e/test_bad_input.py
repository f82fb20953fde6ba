"""Bad input at the door: refused with a 4xx that says why, and not a record of it anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from contracts.events import Watermark
from contracts.topics import TOPICS
from demo.house import token
from support.canonical import events_of
from support.town import MORNING, SHOP_ID, Town
from webhooks import kuaidi100, shopify

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT: Final = 2 * 1024 * 1024
SECRET: Final = "a secret of the connector's"
EVENTS: Final = f"/v1/shops/{SHOP_ID}/events"
PROBLEM: Final = "application/problem+json"
ORDER: Final = {
    "kind": "order",
    "order_id": "B-1",
    "customer_id": "c-1",
    "version": MORNING.isoformat(),
    "placed_at": MORNING.isoformat(),
    "currency": "CNY",
    "total": 12_900,
}
# What a shop system and a courier send; good but for its signature.
SHOPIFY_ORDER: Final = json.dumps(
    {
        "id": 5_001,
        "admin_graphql_api_id": "gid://shopify/Order/5001",
        "created_at": MORNING.isoformat(),
        "updated_at": MORNING.isoformat(),
        "currency": "CNY",
        "total_price": "129.00",
        "customer": {"id": 7},
        "line_items": [],
    }
).encode()
COURIER_PARAM: Final = json.dumps(
    {
        "status": "polling",
        "message": "",
        "lastResult": {
            "com": "yuantong",
            "nu": "YT5001",
            "state": "0",
            "data": [{"ftime": "2027-03-02 08:00:00", "context": "揽收", "statusCode": "1"}],
        },
    }
)


def changed(**fields: Any) -> bytes:
    return json.dumps({**ORDER, **fields}).encode()


def text(old: str, new: str) -> bytes:
    """Return the order's JSON with a part that no serialiser would write."""
    whole = json.dumps(ORDER)
    assert old in whole
    return whole.replace(old, new).encode()


# status, body
BODIES: Final[Mapping[str, tuple[int, bytes]]] = {
    "nothing": (400, b""),
    "no JSON": (400, b"kind=order"),
    "half of it": (400, json.dumps(ORDER).encode()[:-9]),
    "something behind it": (400, json.dumps(ORDER).encode() + b" {}"),
    "bytes that are no UTF-8": (400, text('"B-1"', '"B-1é"').decode().encode("latin-1")),
    "a byte order mark": (400, b"\xef\xbb\xbf" + json.dumps(ORDER).encode()),
    "NaN": (400, text("12900", "NaN")),
    "infinity": (400, text("12900", "-Infinity")),
    "a key twice": (400, text('"total"', '"total": 1, "total"')),
    "200,000 levels": (400, b"[" * 200_000),
    "33 levels": (400, text("12900", "[" * 33 + "]" * 33)),
    "a number of 5,000 digits": (400, text("12900", "9" * 5_000)),
    "a NUL": (400, text("B-1", "B\\u0000-1")),
    "half a surrogate pair": (400, text("B-1", "B\\ud800-1")),
    "text for money": (422, changed(total="12900")),
    "a float for money": (422, changed(total=129.5)),
    "a boolean for money": (422, changed(total=True)),
    "an object for an id": (422, changed(order_id={"id": "B-1"})),
    "a number for a time": (422, changed(placed_at=1_800_000_000)),
    "an unknown field": (422, changed(colour="red")),
    "an unknown kind": (422, changed(kind="parade")),
    "money below zero": (422, changed(total=-1)),
    "more money than there is": (422, changed(total=2**63)),
    "more than a double holds": (422, text("12900", "1e400")),
    "a time without an offset": (422, changed(placed_at="2027-03-02T08:30:00")),
    "30 February": (422, changed(placed_at="2027-02-30T08:30:00Z")),
    "a time before 1990": (422, changed(placed_at="1989-12-31T23:59:59Z")),
    "a time ahead of now": (422, changed(placed_at="2099-01-01T00:00:00Z")),
    "no such currency": (422, changed(currency="RMB")),
    "a list": (422, json.dumps([ORDER]).encode()),
    "no event in the batch": (422, b'{"events": []}'),
    "501 events": (422, json.dumps({"events": [ORDER] * 501}).encode()),
    "a batch and more": (422, json.dumps({"events": [ORDER], "more": 1}).encode()),
    "more than 2 MiB": (413, json.dumps(ORDER).encode().ljust(LIMIT + 1)),
}
HEADERS: Final[Mapping[str, tuple[int, dict[str, str]]]] = {
    "zipped": (415, {"Content-Encoding": "gzip"}),
    "said to be as it is": (415, {"Content-Encoding": "identity"}),
    "said to be a form": (415, {"Content-Type": "application/x-www-form-urlencoded"}),
    "said to be nothing": (415, {"Content-Type": ""}),
    "without a token": (401, {"Authorization": ""}),
    "with a token of another shop": (403, {"Authorization": f"Bearer {token('silk', ttl_s=600)}"}),
}


@dataclass(frozen=True, slots=True)
class Door:
    """Ingest, as somebody on the network reaches it."""

    town: Town
    http: httpx.AsyncClient
    hooks: Mapping[str, str]  # paths by the connector's kind

    async def post(
        self, content: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        good = {
            "Authorization": f"Bearer {token(SHOP_ID, ttl_s=600)}",
            "Content-Type": "application/json",
        }
        return await self.http.post(EVENTS, content=content, headers={**good, **(headers or {})})

    async def said(self) -> list[str]:
        """Return all that any topic holds, but for watermarks."""
        found = [event for topic in TOPICS for event in await events_of(self.town, topic.name)]
        return sorted(repr(event) for event in found if not isinstance(event, Watermark))

    async def kept(self) -> list[dict[str, Any]]:
        """Return how many rows there are of what ingest would make durable."""
        tables = ("ingest_spool", "rejected_push", "order_ref", "parcel_ref", "parked", "profile")
        counts = [
            f"select '{one}' as name, count(*) as n from ingest.{one}"  # noqa: S608 - ours
            for one in tables
        ]
        return await self.town.rows(" union all ".join(counts) + " order by 1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(shared_town: Town) -> AsyncIterator[Door]:
    town = shared_town
    hooks = {}
    for kind in ("shopify", "kuaidi100"):
        made = await town.api.post(
            "ingest", f"/v1/shops/{SHOP_ID}/connectors", {"kind": kind, "secrets": [SECRET]}
        )
        hooks[kind] = made["path"]
    await town.clock.rest()
    async with httpx.AsyncClient(
        base_url=town.pods["ingest"].url, trust_env=False, timeout=20
    ) as http:
        yield Door(town, http, hooks)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def nothing_was_published(door: Door) -> AsyncIterator[None]:
    """When all tests of this file are done, the log holds what it held before them."""
    before = (await door.said(), await door.kept())
    yield
    assert (await door.said(), await door.kept()) == before
    answer = await door.post(json.dumps(ORDER).encode())
    assert answer.json()["accepted"] == 1, "the order is good, but for what the tests did to it"
    await door.town.clock.rest()
    assert len(await door.said()) > len(before[0])


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert {"type", "title", "status"} <= set(answer.json())
    assert answer.json()["status"] == status
    for given in ("c-1", "B-1", "RMB", "parade"):
        assert given not in answer.text, "a problem quotes nothing"


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_event_is_a_problem(door: Door, name: str) -> None:
    status, body = BODIES[name]

    assert_problem(await door.post(body), status)


@pytest.mark.parametrize("name", HEADERS)
async def test_a_good_event_in_a_wrong_envelope_is_a_problem(door: Door, name: str) -> None:
    status, headers = HEADERS[name]

    assert_problem(await door.post(json.dumps(ORDER).encode(), headers), status)


async def test_a_body_without_a_length_is_counted_as_it_comes(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps(ORDER).encode()
        for _ in range(LIMIT // 65_536):
            yield b" " * 65_536

    answer = await door.http.post(
        EVENTS,
        content=chunks(),
        headers={
            "Authorization": f"Bearer {token(SHOP_ID, ttl_s=600)}",
            "Content-Type": "application/json",
        },
    )

    assert "content-length" not in answer.request.headers
    assert_problem(answer, 413)


async def test_a_body_that_ends_early_is_no_event(door: Door) -> None:
    """Its length says more than comes."""
    port = door.town.ports["ingest"][0]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token(SHOP_ID, ttl_s=600)}\r\nContent-Length: 1000\r\n\r\n"
    )
    writer.write(head.encode() + json.dumps(ORDER).encode())
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert b" 200 " not in answer
    assert b" 500 " not in answer


SIGNED: Final = shopify.sign(SECRET, SHOPIFY_ORDER)
SHOPIFY_HEADERS: Final[Mapping[str, list[tuple[str, str]]]] = {
    "missing": [],
    "empty": [(shopify.HEADER, "")],
    "of another secret": [(shopify.HEADER, shopify.sign("another", SHOPIFY_ORDER))],
    "of another body": [(shopify.HEADER, shopify.sign(SECRET, SHOPIFY_ORDER + b" "))],
    "doubled": [(shopify.HEADER, SIGNED), (shopify.HEADER, SIGNED)],
    "cut short": [(shopify.HEADER, SIGNED[:-4])],
    "not ASCII": [(shopify.HEADER, "é" + SIGNED[1:])],
}
COURIER_FORMS: Final[Mapping[str, list[tuple[str, str]]]] = {
    "missing": [("param", COURIER_PARAM)],
    "empty": [("param", COURIER_PARAM), ("sign", "")],
    "of another secret": [
        ("param", COURIER_PARAM),
        ("sign", kuaidi100.sign("another", COURIER_PARAM)),
    ],
    "of another body": [
        ("param", COURIER_PARAM + " "),
        ("sign", kuaidi100.sign(SECRET, COURIER_PARAM)),
    ],
    "doubled": [
        ("param", COURIER_PARAM),
        *[("sign", kuaidi100.sign(SECRET, COURIER_PARAM))] * 2,
    ],
}


@pytest.mark.parametrize("name", SHOPIFY_HEADERS)
async def test_a_shops_push_whose_signature_is_wrong_is_refused(door: Door, name: str) -> None:
    headers = [
        (key.encode(), value.encode("latin-1"))
        for key, value in [("Content-Type", "application/json"), *SHOPIFY_HEADERS[name]]
    ]
    answer = await door.http.post(door.hooks["shopify"], content=SHOPIFY_ORDER, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"error": "signature"})


@pytest.mark.parametrize("name", COURIER_FORMS)
async def test_a_couriers_push_whose_signature_is_wrong_is_refused(door: Door, name: str) -> None:
    answer = await door.http.post(
        door.hooks["kuaidi100"],
        content=urlencode(COURIER_FORMS[name]).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (answer.status_code, answer.json()) == (401, {"error": "signature"})


@pytest.mark.parametrize("kind", ["shopify", "kuaidi100"])
async def test_a_push_that_is_too_big_zipped_or_for_nobody_is_a_problem(
    door: Door, kind: str
) -> None:
    path = door.hooks[kind]

    assert_problem(await door.http.post(path, content=b" " * (LIMIT + 1)), 413)
    assert_problem(
        await door.http.post(path, content=b"x", headers={"Content-Encoding": "gzip"}), 415
    )
    assert_problem(await door.http.post(path[:-4] + "AAAA", content=SHOPIFY_ORDER), 404)
