"""One handler a topic: decode, put the unreadable away, merge the rest."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import Tombstone, Unreadable, decode
from contracts.events import (
    Decision,
    DeliveryChanged,
    MessagePlanned,
    MessageRecalled,
    OrderFacts,
    Rule,
    SegmentChanged,
    Shop,
)
from plumbing.absence import Absence
from plumbing.crashpoint import crashpoint
from plumbing.records import Record, header
from plumbing.sieve import Read, Sieve
from reporting.app.absorb import absorb_messages, absorb_orders
from reporting.edges.store import PostgresStore
from reporting.metrics import FACTS


class Consumer:
    """The handlers of one consumer group. Facts wait for their shop as *absence* says."""

    def __init__(self, grp: str, absence: Absence) -> None:
        self._sieve = Sieve(
            grp=grp, decode=decode, unreadable=Unreadable, owner="shop", absence=absence
        )

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._sieve.read(conn, records, fault=_unfit)
        await PostgresStore(conn).keep_shops(_of_type(events, Shop))
        crashpoint("after-merge")

    async def on_rules(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        await PostgresStore(conn).keep_rules(_of_type(events, Rule))
        crashpoint("after-merge")

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        facts = [
            (_number_of(record), event) for record, event in events if isinstance(event, OrderFacts)
        ]
        await absorb_orders(PostgresStore(conn), facts)
        FACTS.labels("order").inc(len(facts))
        crashpoint("after-merge")

    async def on_messages(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        store = PostgresStore(conn)
        plans = [
            event for _, event in events if isinstance(event, MessagePlanned | MessageRecalled)
        ]
        decisions = [
            (event, event.due_at or _stamp(record))
            for record, event in events
            if isinstance(event, Decision)
        ]
        await absorb_messages(store, plans)
        await store.add_decisions(decisions)
        FACTS.labels("message").inc(len(plans) + len(decisions))
        crashpoint("after-merge")

    async def on_deliveries(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        changes = _of_type(events, DeliveryChanged)
        await absorb_messages(PostgresStore(conn), changes)
        FACTS.labels("delivery").inc(len(changes))
        crashpoint("after-merge")

    async def on_segments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        changes = _of_type(events, SegmentChanged)
        await PostgresStore(conn).add_segment_changes(changes)
        FACTS.labels("segment").inc(len(changes))
        crashpoint("after-merge")

    async def _read(self, conn: AsyncConnection, records: Sequence[Record]) -> Read:
        known = PostgresStore(conn).known_shops
        return await self._sieve.read(conn, records, known=known, fault=_unfit)


def _unfit(event: Any) -> str | None:
    is_tombstone = isinstance(event, Tombstone)
    return "a tombstone, where nothing is ever erased" if is_tombstone else None


def _of_type(events: Read, kind: Callable[..., Any]) -> list[Any]:
    return [event for _, event in events if type(event) is kind]


def _stamp(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


def _number_of(record: Record) -> int:
    """Return the fact's number: the first 63 bits of its event id. The same push is the same."""
    return UUID(header(record.headers, "ce_id").decode()).int >> 65
