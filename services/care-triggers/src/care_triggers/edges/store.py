"""All SQL of care-triggers, in one open transaction; its parts stand in the `*_rows` modules."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.edges.log_rows import LogRows
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.timer_rows import TimerRows
from contracts.codec import encode
from contracts.events import Watermark
from contracts.topics import MESSAGES
from plumbing import clock, outbox, trace
from plumbing.records import place


class PostgresStore(TimerRows, LogRows):
    def __init__(self, conn: AsyncConnection, house: House) -> None:
        super().__init__(conn, house)
        self._events: list[Any] = []

    async def now(self) -> datetime:
        """Return business time, one instant for the whole transaction."""
        return await clock.business_now(self._conn)

    def send(self, events: Iterable[Any]) -> None:
        self._events.extend(events)

    async def flush(self, now: datetime, watermarks: Mapping[int, datetime] | None = None) -> None:
        """Write the outbox: the events in the order of `send`, then the watermarks.

        A watermark goes to the partition that it came from, behind the recalls that the payments
        before it have caused.
        """
        trace_now = trace.current()
        partitions = self._house.partitions
        records = [
            place(encode(event, source=SERVICE, at=now, traceparent=trace_now), partitions)
            for event in self._events
        ]
        for part, at in sorted((watermarks or {}).items()):
            mark = encode(Watermark(at), source=SERVICE, at=now, topic=MESSAGES)
            records.append(place(mark, partitions, part))
        self._events.clear()
        if records:
            await outbox.put(self._conn, records)
