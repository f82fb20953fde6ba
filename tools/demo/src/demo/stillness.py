"""Wait until nothing is on its way any more, and step business time to what is planned next.

Watermarks never stop, so lag is never exactly zero. Still means: whatever was in the topics, the
outboxes and the spool when we looked has been handled, as many times in a row as the longest path
has hops; nothing is due or held until payments are known; no gateway owes a receipt.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.engine import make_url

from contracts.topics import TOPICS
from demo.house import Failed, login

# A fact on its way: ingest's registry, a profile, a message, its delivery, what others make of it.
HOPS: Final = 4
OUTBOXES: Final = ("ingest", "segmenter", "care_triggers", "notifier")

# Every query returns how much is due or on its way now.
_DUE: Final[Mapping[str, str]] = {
    "timers": "select count(*) from care_triggers.timer where due_at <= clock.business_clock()",
    "messages": """
        select count(*) from notifier.message
        where state = 'claimed' or (
            state = 'planned' and (next_at <= clock.business_clock() or reason = 'freshness'))""",
    "spool": "select count(*) from ingest.ingest_spool",
}
_NEXT: Final = """
    select min(at) from (
        select min(due_at) from care_triggers.timer
        union all
        select min(next_at) from notifier.message where state = 'planned'
    ) planned (at)"""


class Observer:
    """Looks at a house from outside: a superuser's connection and a consumer without a group."""

    def __init__(self, db: asyncpg.Connection, kafka: AIOKafkaConsumer) -> None:
        self.db = db
        self._kafka = kafka

    @classmethod
    async def open(cls, admin_url: str, database: str, kafka_servers: str) -> "Observer":
        url = make_url(admin_url).set(database=database, drivername="postgresql")
        db = await asyncpg.connect(url.render_as_string(hide_password=False))
        kafka = AIOKafkaConsumer(bootstrap_servers=kafka_servers)
        await kafka.start()
        return cls(db, kafka)

    async def close(self) -> None:
        await self._kafka.stop()
        await self.db.close()

    async def now(self) -> datetime:
        """Return business time."""
        at: datetime = await self.db.fetchval("select clock.business_clock()")
        return at

    async def begin_at(self, instant: datetime) -> None:
        """Set business time, also back; only while no service runs."""
        await self.db.execute(
            "update clock.shift set by_interval = $1 - clock_timestamp()", instant
        )

    async def shift_to(self, instant: datetime) -> None:
        """Move business time forward to *instant*; it never goes back."""
        ahead = instant - await self.now()
        if ahead > timedelta(0):
            await self.db.execute("update clock.shift set by_interval = by_interval + $1", ahead)

    async def next_planned(self) -> datetime | None:
        at: datetime | None = await self.db.fetchval(_NEXT)
        return at

    async def due(self) -> dict[str, int]:
        return {name: await self.db.fetchval(query) for name, query in _DUE.items()}

    async def ends(self) -> dict[TopicPartition, int]:
        """Return where each partition's log ends."""
        await self._kafka._client.force_metadata_update()  # noqa: SLF001 - no public way
        partitions = [
            TopicPartition(topic.name, part)
            for topic in TOPICS
            for part in self._kafka.partitions_for_topic(topic.name) or ()
        ]
        found: dict[TopicPartition, int] = await self._kafka.end_offsets(partitions)
        return found

    async def behind(self, ends: Mapping[TopicPartition, int], services: Sequence[str]) -> int:
        """Return how many partitions some reader has not handled up to *ends*."""
        late = 0
        for service in services:
            rows = await self.db.fetch(
                f"select topic, part, next_offset from {login(service)}.consumer_partition"  # noqa: S608 - ours
            )
            late += sum(
                1
                for row in rows
                if row["next_offset"] < ends.get(TopicPartition(row["topic"], row["part"]), 0)
            )
        return late

    async def outbox_ends(self) -> dict[str, int]:
        return {
            name: await self.db.fetchval(f"select coalesce(max(seq), 0) from {name}.outbox")  # noqa: S608 - ours
            for name in OUTBOXES
        }

    async def outbox_left(self, ends: Mapping[str, int]) -> int:
        left = 0
        for name, end in ends.items():
            left += await self.db.fetchval(
                f"select count(*) from {name}.outbox where seq <= $1",  # noqa: S608 - ours
                end,
            )
        return left


async def still(
    watch: Observer,
    services: Sequence[str],
    *,
    within_s: float = 60.0,
    owed: Callable[[], int] = lambda: 0,
) -> None:
    """Wait until nothing moves but watermarks; `Failed` says what still did after *within_s*.

    Args:
        watch: The house.
        services: The readers that must have handled everything.
        within_s: Real time.
        owed: How many receipts gateways have yet to send.
    """
    deadline = time.monotonic() + within_s
    rounds = 0
    while rounds < HOPS:
        busy = await _busy(watch, owed)
        if not busy:
            await _handled(watch, services, deadline)
            busy = await _busy(watch, owed)
        rounds = 0 if busy else rounds + 1
        if time.monotonic() > deadline:
            raise Failed(f"not still after {within_s:.0f} s: {busy}")
        if busy:
            await asyncio.sleep(0.05)


async def _busy(watch: Observer, owed: Callable[[], int]) -> dict[str, Any]:
    found = {name: number for name, number in (await watch.due()).items() if number}
    return {**found, "receipts": owed()} if owed() else found


async def _handled(watch: Observer, services: Sequence[str], deadline: float) -> None:
    outboxes = await watch.outbox_ends()
    while left := await watch.outbox_left(outboxes):
        await _turn(deadline, f"{left} rows in outboxes")
    ends = await watch.ends()
    while late := await watch.behind(ends, services):
        await _turn(deadline, f"{late} partitions with lag")


async def _turn(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Failed(f"not still in time: {what}")
    await asyncio.sleep(0.03)
