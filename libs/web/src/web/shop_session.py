"""The tenant's guard: a transaction that sees one shop's rows only."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.resources import api_role

SHOP_ID = re.compile(r"[a-z0-9-]{1,64}")

# One round trip. Both end with the transaction, so the pool hands out clean connections.
_ENTER = text("select set_config('huiliu.shop', :shop, true), set_config('role', :role, true)")


@asynccontextmanager
async def shop_tx(
    engine: AsyncEngine, service: str, shop_id: str
) -> AsyncIterator[AsyncConnection]:
    """Open a transaction as `<service>_api` in which only *shop_id*'s rows are seen and written.

    Called plainly, not from an engine event: SQL in a hook leaves an open transaction in the pool
    when it is cancelled. The setting comes from the checked token or path, never from a body.
    """
    if not SHOP_ID.fullmatch(shop_id):
        raise ValueError("not a shop id")
    async with engine.begin() as conn:
        await conn.execute(_ENTER, {"shop": shop_id, "role": api_role(service)})
        yield conn


def _engine_of(request: Request) -> AsyncEngine:
    engine: AsyncEngine | None = request.app.state.engine
    if engine is None:
        raise RuntimeError("build_api() was given no engine")
    return engine


Engine = Annotated[AsyncEngine, Depends(_engine_of)]
