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
from plumbing.consume import NotReady
from plumbing.crashpoint import crashpoint
from plumbing.dead_letters import Dead, park, sift
from plumbing.records import Record, header
from reporting.app.absorb import absorb_messages, absorb_orders
from reporting.edges.store import PostgresStore
from reporting.metrics import FACTS


class Consumer:
    def __init__(self, grp: str, absence: Absence) -> None:
        self._grp = grp
        self._absence = absence  # shops that we wait for

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records, known_shops_only=False)
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

    async def _read(
        self, conn: AsyncConnection, records: Sequence[Record], *, known_shops_only: bool = True
    ) -> list[tuple[Record, Any]]:
        """Return the events; what cannot be read, or is of no shop, becomes a dead letter.

        Raises:
            NotReady: A shop is not known yet, and may still come.
        """
        events, dead = sift(records, _decode, Unreadable)
        if known_shops_only:
            events, homeless = await self._of_known_shops(conn, events)
            dead = [*dead, *homeless]
        await park(conn, self._grp, dead)
        return events

    async def _of_known_shops(
        self, conn: AsyncConnection, events: list[tuple[Record, Any]]
    ) -> tuple[list[tuple[Record, Any]], list[Dead]]:
        """Part *events* by whether their shop is known; those of no shop at all are left out."""
        owned = [(record, event) for record, event in events if hasattr(event, "shop_id")]
        known = await PostgresStore(conn).known_shops({event.shop_id for _, event in owned})
        missing = {event.shop_id for _, event in owned} - known
        if missing and not self._absence.gives_up(missing):
            raise NotReady("unknown shop")
        return (
            [(record, event) for record, event in owned if event.shop_id in known],
            [Dead(record, "unknown shop") for record, event in owned if event.shop_id in missing],
        )


def _decode(record: Record) -> Any:
    event = decode(record.headers, record.value, record.key)
    if isinstance(event, Tombstone):
        raise Unreadable("a tombstone, where nothing is ever erased")
    return event


def _of_type(events: Sequence[tuple[Record, Any]], kind: Callable[..., Any]) -> list[Any]:
    return [event for _, event in events if type(event) is kind]


def _stamp(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


def _number_of(record: Record) -> int:
    """Return the fact's number: the first 63 bits of its event id. The same push is the same."""
    return UUID(header(record.headers, "ce_id").decode()).int >> 65
