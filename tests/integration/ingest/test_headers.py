"""A signature that is missing, doubled, cut or none at all is nobody's, in every way to sign.

Each is refused by 401, or by 431 for its length: never by an error of ours, and nothing is kept.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote_from_bytes

import pytest

from integration.ingest.conftest import bearer
from integration.ingest.pushing import BOTH_WAYS
from support.signed import WAYS, Request

pytestmark = BOTH_WAYS

MEGABYTE: Final = b"A" * (1 << 20)
# What becomes of one value, by what is wrong with it.
WRONGS: Final[Mapping[str, Callable[[bytes], list[bytes]]]] = {
    "missing": lambda _: [],
    "empty": lambda _: [b""],
    "doubled": lambda good: [good, good],
    "doubled, the first is wrong": lambda good: [b"x", good],
    "cut": lambda good: [good[:-1]],
    "cut in half": lambda good: [good[: len(good) // 2]],
    "longer by one": lambda good: [good + b"A"],
    "not base64": lambda _: [b"*" * 44],
    "not ASCII": lambda _: ["签名".encode()],
    "no UTF-8": lambda _: [b"\xff\xfe\xfd"],
    "a NUL spelled out": lambda _: [b"%00"],
    "of full-width digits": lambda _: ["１７６７５７８４００".encode()],
    "with blanks around": lambda good: [b" " + good[:4] + b"\t" + good[4:]],
    "a megabyte": lambda _: [MEGABYTE],
}


def headers_of(good: Request) -> Iterator[tuple[str, list[tuple[bytes, bytes]]]]:
    """Yield what is wrong, and the headers with it."""
    for name, value in good.headers.items():
        others = [(n.encode(), v) for n, v in good.headers.items() if n != name]
        for wrong, become in WRONGS.items():
            yield f"{name} {wrong}", [*others, *((name.encode(), one) for one in become(value))]


def signs_of(text: bytes, mark: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is wrong with the field `sign` of a form or a query, and the whole with it."""
    found = re.search(rb"(?:^|&)(sign=([0-9A-F]{32}))", text)
    assert found is not None
    for wrong, become in WRONGS.items():
        fields = b"&".join(b"sign=" + one for one in become(found[2]))
        yield f"sign {wrong}", text.replace(found[1], fields or mark)


def in_the_body(good: Request) -> Iterator[tuple[str, bytes]]:
    """Yield the same of a JSON body's own field `sign`, if it has one."""
    found = re.search(rb'"sign":"([0-9a-f]{32})"', good.body)
    if found is None:
        return
    for wrong, become in WRONGS.items():
        fields = b",".join(b'"sign":"%b"' % one for one in become(found[1]))
        yield f"sign {wrong}", good.body.replace(found[0], fields or b'"x":1')


async def opened(house: Any, way: str) -> str:
    made = await house.http.post(
        "/v1/shops/north/connectors", json=WAYS[way].connector(), headers=bearer()
    )
    assert made.status_code == 201, made.text
    path: str = made.json()["path"]
    return path


async def demand_refused(house: Any, told: Mapping[str, Any]) -> None:
    statuses = {wrong: answer.status_code for wrong, answer in told.items()}
    assert {wrong: one for wrong, one in statuses.items() if one not in (401, 431)} == {}
    assert [one for one in statuses.values() if one == 401]
    assert await house.spooled() == []
    assert await house.rows("select * from ingest.rejected_push") == []


@pytest.mark.parametrize("way", [name for name in WAYS if name not in ("qimen", "kuaidi100")])
async def test_a_header_that_is_not_right_is_nobodys(house: Any, way: str) -> None:
    path = await opened(house, way)
    good = WAYS[way].make(WAYS[way].secret, int(time.time()))
    told = {
        wrong: await house.http.post(path, content=good.body, headers=headers)
        for wrong, headers in headers_of(good)
    }
    told |= {wrong: await house.http.post(path, content=body) for wrong, body in in_the_body(good)}

    await demand_refused(house, told)


async def test_a_form_whose_sign_is_not_right_is_nobodys(house: Any) -> None:
    path = await opened(house, "kuaidi100")
    good = WAYS["kuaidi100"].make(WAYS["kuaidi100"].secret, 0)

    await demand_refused(
        house,
        {
            wrong: await house.http.post(path, content=body)
            for wrong, body in signs_of(good.body, b"x=1")
        },
    )


def spelled(query: bytes) -> str:
    """Return a query as a client writes it: none writes a megabyte, and 32 KiB are our limit."""
    return quote_from_bytes(query, safe="=&+:%")[:60_000]


async def test_a_query_whose_sign_is_not_right_is_nobodys(house: Any) -> None:
    path = await opened(house, "qimen")
    good = WAYS["qimen"].make(WAYS["qimen"].secret, int(time.time()))
    told = {
        wrong: await house.http.post(f"{path}?{spelled(query)}", content=good.body)
        for wrong, query in signs_of(good.query, b"x=1")
    }
    told["a header that is not there"] = await house.http.post(
        f"{path}?{good.query.decode()}", content=good.body, headers={"top-sign-list": "x-missing"}
    )

    # A NUL is told to be one, wherever it stands in an address.
    assert told.pop("sign a NUL spelled out").status_code == 400
    await demand_refused(house, told)


@pytest.mark.parametrize("way", WAYS)
async def test_a_right_one_is_heard(house: Any, way: str) -> None:
    """What the other tests refuse differs from this in one thing."""
    path = await opened(house, way)
    good = WAYS[way].make(WAYS[way].secret, int(time.time()))
    query = f"?{good.query.decode()}" if good.query else ""

    answer = await house.http.post(path + query, content=good.body, headers=dict(good.headers))

    assert answer.status_code in (200, 204)
    heard = [
        *await house.rows("select 1 from ingest.ingest_spool"),
        *await house.rows("select 1 from ingest.parked"),
        *await house.rows("select 1 from ingest.rejected_push"),
    ]
    assert heard
