"""Knock at every route of an API with tokens that must not open it."""

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import jwt
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.types import ASGIApp

from web.auth import AUDIENCE, ISSUER, Guard, issue_local_token
from web.pages import encode_cursor

SHOP = "tea"
OTHER_SHOP = "silk"
# Every scope there is: a token that lacks one has all the others.
SCOPES = frozenset(
    {
        *("events:write", "shops:read", "shops:write", "connectors:read", "connectors:write"),
        *("customers:read", "customers:write", "care:read", "care:write", "tasks:read"),
        *("tasks:write", "messages:read", "reports:read", "ops:dead-letters"),
        *("imports:read", "imports:write"),
    }
)


ODD_TEXTS = (
    *("", "x" * 5000, "\0", "\u202e茶\U0001f600", "'; select 1 --", "../..", "%00", "null", "nan"),
    *("-1", "0", "2147483648", "9223372036854775808", "1" * 400, "1e400", "-0.0"),
    *("0001-01-01", "9999-12-31", "2026-02-30", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
)
# Cursors that decode, but that no page gave.
FORGED = tuple(
    encode_cursor(*parts)
    for first in (
        "",
        "x",
        "2026-01-01T00:00:00",
        "9999-12-31T23:59:59-23:59",
        0,
        2**63 - 1,
        -(2**63),
    )
    for parts in ((first,), (first, "x"), (first, 2**63 - 1))
)
ODD_BODIES = (
    *(b"", b"{}", b"[]", b"null", b"1", b'"x"', b"\xff", b'{"a": "\\u0000"}', b"[" * 100_000),
    *(
        b'{"a": 1e400}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"9" * 5000,
        b"[" + b"{}," * 900 + b"{}]",
    ),
)


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    template: str
    scope: str | None  # None: public, or signed in its own way

    @property
    def path(self) -> str:
        return self.filled("1")

    def filled(self, text: str) -> str:
        """Return the path with *text* for everything but the shop."""
        parts = re.split(r"\{\w+(?::path)?\}", self.template.replace("{shop_id}", SHOP))
        return text.join(parts)

    @property
    def in_a_shop(self) -> bool:
        return "{shop_id}" in self.template


def doors(app: FastAPI) -> list[Door]:
    """Return every method of every route that takes requests of its own, the manual aside."""
    found = [
        Door(method, route.path_format or "", _scope(route.dependant))
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in route.methods or ()
    ]
    return sorted(found, key=lambda door: (door.template, door.method))


def doors_of(document: Mapping[str, Any]) -> list[Door]:
    """Return the same as `doors`, as an API tells it of itself in its OpenAPI *document*."""
    found = [
        Door(method.upper(), template, next(iter(_required(operation)), None))
        for template, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return sorted(found, key=lambda door: (door.template, door.method))


async def opened_by_mistake(app: FastAPI, secret: str, front: ASGIApp | None = None) -> list[str]:
    """Return what deviates: `GET /v1/... alg none: 200 instead of 401`. Empty is good.

    Args:
        app: Whose routes are tried.
        secret: Signs the tokens.
        front: What is served, when *app* stands behind something.
    """
    transport = httpx.ASGITransport(front or app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await deviations(client, doors(app), secret)


async def failing(app: FastAPI, secret: str, front: ASGIApp | None = None) -> list[str]:
    """Ask every route what a hostile but entitled caller might; return what ended in 5xx."""
    transport = httpx.ASGITransport(front or app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return [
            f"{door.method} {path[:120]} {body[:20]!r}: {status}"
            for door in doors(app)
            for path, body in _oddities(door, app)
            if (status := await _status(client, door, (path, body), secret)) >= 500
        ]


async def _status(
    client: httpx.AsyncClient, door: Door, asked: tuple[str, bytes], secret: str
) -> int:
    path, body = asked
    token = issue_local_token(secret, SHOP if door.in_a_shop else "*", SCOPES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    response = await client.request(door.method, path, content=body, headers=headers)
    return response.status_code


def _oddities(door: Door, app: FastAPI) -> Iterator[tuple[str, bytes]]:
    for odd in ODD_TEXTS:
        yield door.filled(quote(odd, safe="")), b""
    operation = app.openapi()["paths"].get(door.template, {}).get(door.method.lower(), {})
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            for odd in (*ODD_TEXTS, *FORGED) if parameter["name"] == "cursor" else ODD_TEXTS:
                yield f"{door.path}?{parameter['name']}={quote(odd, safe='')}", b""
    if door.method in ("POST", "PUT", "PATCH", "DELETE"):
        for body in ODD_BODIES:
            yield door.path, body


async def deviations(client: httpx.AsyncClient, among: Sequence[Door], secret: str) -> list[str]:
    """Return the answers to tokens that are not fit which are not the right refusal."""
    found = []
    for door in among:
        if door.scope is None:
            continue
        for case, token, wanted in _knocks(door, door.scope, secret):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            response = await client.request(door.method, door.path, headers=headers)
            if response.status_code != wanted:
                got = response.status_code
                found.append(f"{door.method} {door.template} {case}: {got} instead of {wanted}")
    return found


def _knocks(door: Door, scope: str, secret: str) -> Iterator[tuple[str, str | None, int]]:
    shop = SHOP if door.in_a_shop else "*"
    yield "no token", None, 401
    yield "nonsense", "x", 401
    yield "expired", issue_local_token(secret, shop, [scope], ttl_s=-1), 401
    yield "alg none", _unsigned(shop, scope), 401
    yield "another secret", issue_local_token("f" * 32, shop, [scope]), 401
    yield "missing scope", issue_local_token(secret, shop, SCOPES - {scope}), 403
    yield "no scope", issue_local_token(secret, shop, []), 403
    yield "other shop", issue_local_token(secret, OTHER_SHOP, SCOPES), 403


def _unsigned(shop: str, scope: str) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "shop": shop, "scopes": [scope], "exp": now + 600}
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    body = jwt.encode(claims, "f" * 32, algorithm="HS256").split(".")[1]
    return f"{head.decode().rstrip('=')}.{body}."


def _required(operation: Mapping[str, Any]) -> list[str]:
    return [scope for one in operation.get("security", ()) for scope in one["bearer"]]


def _scope(dependant: Dependant) -> str | None:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Guard):
            return inner.call.scope
    return None
