"""Postgres' clock: business time, which demo and tests may shift, and real time.

In SQL: `clock.business_now()` is one instant for the whole transaction, `clock.business_clock()`
moves on within it.
"""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def business_now(conn: AsyncConnection) -> datetime:
    """Return when, in business time, this transaction began: dues, days, windows, caps."""
    return await _one(conn, "select clock.business_now()")


async def business_clock(conn: AsyncConnection) -> datetime:
    """Return business time at this very moment."""
    return await _one(conn, "select clock.business_clock()")


async def real_now(conn: AsyncConnection) -> datetime:
    """Return real time at this very moment: freshness, leases, timeouts."""
    return await _one(conn, "select clock_timestamp()")


async def shift(conn: AsyncConnection) -> timedelta:
    """Return how far business time runs ahead of real time."""
    found: timedelta = await conn.scalar(text("select by_interval from clock.shift"))
    return found


async def _one(conn: AsyncConnection, query: str) -> datetime:
    found: datetime = await conn.scalar(text(query))
    return found
