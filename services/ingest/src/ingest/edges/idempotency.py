"""Idempotency-Key: a POST that may have been done is asked for again, and done once.

As https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ has it, version 7:
the same key with another body is 422, while the first is still at work 409, a key that is none 400.
What succeeded is answered again for a day; after an error the key is free.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import override

from ingest.edges.store import SOURCE
from ingest.edges.tables import idempotency_key
from ingest.errors import KeyInUse
from web.auth import Guard
from web.bodies import limited_body
from web.openapi import OnPost
from web.problems import BadRequest, Unprocessable
from web.shop_session import SHOP_ID, shop_tx

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
KEPT_H: Final = 24

_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')
# Who died at work cannot say so: after a minute the key is free, and the work is done again.
_CLAIM: Final = text(
    """
    insert into idempotency_key as k (shop_id, key, digest)
    values (:shop_id, :key, :digest)
    on conflict (shop_id, key) do update set digest = excluded.digest, at = clock_timestamp(),
        status = null, media_type = null, body = null
    where k.at < clock_timestamp() - case when k.status is null then interval '1 minute'
                                          else make_interval(hours => :kept_h) end
    returning at
    """
)
_FINISH: Final = text(
    """
    update idempotency_key set status = :status, media_type = :media_type, body = :body
    where shop_id = :shop_id and key = :key and digest = :digest and status is null
    """
)
_FORGET: Final = text(
    """
    delete from idempotency_key
    where (shop_id, key) in (
        select shop_id, key from idempotency_key
        where at < clock_timestamp() - make_interval(hours => :kept_h)
        limit :limit)
    """
)


@dataclass(frozen=True, slots=True)
class _Request:
    shop_id: str
    key: str
    digest: bytes


class IdempotentRoute(APIRoute):
    """A route whose POST heeds the header. Its first dependency is a `Guard`, its path has a shop.

    The token is judged before the key is looked up: an answer is for who may ask.
    """

    on_post: ClassVar = OnPost(
        given={
            HEADER: {
                "description": f"One's own name for this request: asked again within {KEPT_H} h, "
                "it is answered again and not done again",
                "schema": {"type": "string", "pattern": f"^(?:{_KEY.pattern})$"},
                "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
            }
        },
        answered={
            REPLAYED: {
                "description": "`true` on an answer that was given before",
                "schema": {"type": "string", "const": "true"},
            }
        },
        refusals=(KeyInUse, BadRequest, Unprocessable),
    )

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            given = request.headers.getlist(HEADER)
            if request.method != "POST" or not given:
                return await handle(request)
            guard = self.dependant.dependencies[0].call
            if not isinstance(guard, Guard):
                raise TypeError("a route without a guard")
            await guard(request)
            shop_id = request.path_params["shop_id"]
            if SHOP_ID.fullmatch(shop_id) is None:
                return await handle(request)  # which says so
            asked = _Request(
                shop_id,
                _key(given),
                _digest(request.url.path, await limited_body(request)),
            )
            return await _once(request.app.state.engine, asked, request, handle)

        return once


async def _once(
    engine: AsyncEngine,
    asked: _Request,
    request: Request,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    async with shop_tx(engine, SOURCE, asked.shop_id) as conn:
        known = await _claim(conn, asked)
    if known is not None:
        return known
    try:
        answer = await handle(request)
    except BaseException:
        await _free(engine, asked)
        raise
    if not 200 <= answer.status_code < 300:
        await _free(engine, asked)
        return answer
    async with shop_tx(engine, SOURCE, asked.shop_id) as conn:
        await conn.execute(
            _FINISH,
            {
                **_names(asked),
                "status": answer.status_code,
                "media_type": answer.media_type or "application/json",
                "body": bytes(answer.body),
            },
        )
    return answer


async def _claim(conn: AsyncConnection, asked: _Request) -> Response | None:
    """Return what was answered before; None when the work is ours to do."""
    claimed = await conn.execute(_CLAIM, {**_names(asked), "kept_h": KEPT_H})
    if claimed.first() is not None:
        return None
    columns = idempotency_key.c
    found = await conn.execute(
        idempotency_key.select().where(columns.shop_id == asked.shop_id, columns.key == asked.key)
    )
    row = found.one()
    if row.digest != asked.digest:
        raise Unprocessable(f"{HEADER} was used for another request: take a new one")
    if row.status is None:
        raise KeyInUse("the first request with this key is still at work")
    return Response(row.body, row.status, headers={REPLAYED: "true"}, media_type=row.media_type)


async def _free(engine: AsyncEngine, asked: _Request) -> None:
    async with shop_tx(engine, SOURCE, asked.shop_id) as conn:
        columns = idempotency_key.c
        await conn.execute(
            delete(idempotency_key).where(
                columns.shop_id == asked.shop_id,
                columns.key == asked.key,
                columns.digest == asked.digest,
                columns.status.is_(None),
            )
        )


async def forget_keys(conn: AsyncConnection, limit: int) -> int:
    """Delete keys of more than a day ago, at most *limit*; return how many."""
    gone = await conn.execute(_FORGET, {"kept_h": KEPT_H, "limit": limit})
    return gone.rowcount


def _key(given: list[str]) -> str:
    found = _KEY.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise BadRequest(f"{HEADER} comes once, as 1 to 255 visible characters without quotes")
    return found[1] or found[2]


def _digest(path: str, raw: bytes) -> bytes:
    return hashlib.sha256(path.encode() + b"\x00" + raw).digest()


def _names(asked: _Request) -> dict[str, Any]:
    return {"shop_id": asked.shop_id, "key": asked.key, "digest": asked.digest}
