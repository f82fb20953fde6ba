"""Knock at every route of an API with tokens that must not open it."""

import base64
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import jwt
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from web.auth import AUDIENCE, ISSUER, Guard, issue_local_token

SHOP = "tea"
OTHER_SHOP = "silk"
# Every scope there is: a token that lacks one has all the others.
SCOPES = frozenset(
    {
        *("events:write", "shops:read", "shops:write", "connectors:read", "connectors:write"),
        *("customers:read", "customers:write", "care:read", "care:write", "tasks:read"),
        *("tasks:write", "messages:read", "reports:read", "ops:dead-letters"),
    }
)


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    template: str
    scope: str | None  # None: public, or signed in its own way

    @property
    def path(self) -> str:
        shop = self.template.replace("{shop_id}", SHOP)
        return re.sub(r"\{\w+(:path)?\}", "1", shop)

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


async def opened_by_mistake(app: FastAPI, secret: str) -> list[str]:
    """Return what deviates: `GET /v1/... alg none: 200 instead of 401`. Empty is good."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return [line async for line in _deviations(client, app, secret)]


async def _deviations(client: httpx.AsyncClient, app: FastAPI, secret: str) -> AsyncIterator[str]:
    for door in doors(app):
        if door.scope is None:
            continue
        for case, token, wanted in _knocks(door, door.scope, secret):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            response = await client.request(door.method, door.path, headers=headers)
            if response.status_code != wanted:
                got = response.status_code
                yield f"{door.method} {door.template} {case}: {got} instead of {wanted}"


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


def _scope(dependant: Dependant) -> str | None:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Guard):
            return inner.call.scope
    return None
