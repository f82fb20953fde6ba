"""A service so small that it is all plumbing: it counts each fact once and passes it on.

Tests of plumbing run it in their own process, or as processes that they kill:
`python -m support.shelf`, see `main` for its environment. At its end it prints its metrics.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing import logs
from plumbing.bootstrap import bootstrap
from plumbing.consume import Intake, Limits, NotReady
from plumbing.crashpoint import arm_check, crashpoint
from plumbing.dead_letters import Dead, park, sift
from plumbing.metrics import ConsumerMetrics, OutboxMetrics
from plumbing.migrate import upgrade
from plumbing.outbox import Relay, put
from plumbing.records import OutRecord, Record, partition_of
from plumbing.resources import open_engine, worker_role
from plumbing.tables import NAMING, add_plumbing
from plumbing.watchdog import Watchdog
from support.database import as_database

SERVICE: Final = "test-shelf"
ROLE: Final = worker_role(SERVICE)
FOLDER: Final = Path(__file__).parent.parent / "integration" / "plumbing" / SERVICE
PASSWORDS: Final = {
    "test_shelf": "login-word",
    "test_shelf_owner": "owner-word",
    "clock_keeper": "keeper-word",
}

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)
effect = Table(
    "effect",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("times", BigInteger, nullable=False),
)

_COUNT: Final = text(
    """
    insert into effect as e (shop_id, item, times)
    select 'shop', item, count(*) from unnest(cast(:items as text[])) as item
    group by item order by item
    on conflict (shop_id, item) do update set times = e.times + excluded.times
    """
)


@dataclass(frozen=True, slots=True)
class ShelfDb:
    """One database with the shelf's schema, and the URLs of who may use it."""

    admin_url: str
    url: str
    owner_url: str
    clock_url: str


def on_server(server_url: str, name: str) -> ShelfDb:
    """Return the URLs of the shelf's users for the database *name*."""
    url = as_database(server_url, name)
    return ShelfDb(
        url,
        _as_user(url, "test_shelf"),
        _as_user(url, "test_shelf_owner"),
        _as_user(url, "clock_keeper"),
    )


def _as_user(url: str, user: str) -> str:
    found = make_url(url).set(username=user, password=PASSWORDS[user])
    return found.render_as_string(hide_password=False)


class Unreadable(ValueError):
    pass


async def prepare(admin_url: str, owner_url: str) -> None:
    """Make the database that *admin_url* names, with the shelf's schema."""
    await bootstrap(admin_url, PASSWORDS, [SERVICE])
    await asyncio.to_thread(upgrade, FOLDER, owner_url)


@dataclass(kw_only=True, eq=False)
class Shelf:
    """Reads *topic* and writes *copies*. A value is the item's name; `bad...` cannot be read."""

    engine: AsyncEngine
    servers: str
    topic: str
    copies: str
    grp: str = "shelf"
    me: str = "here"
    partitions: int = 4
    limits: Limits = field(default_factory=Limits)
    session_timeout_ms: int = 1_000
    max_records: int = 50
    watch: Watchdog | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    relay_engine: AsyncEngine | None = None
    mended: bool = False  # what was unreadable can now be read
    ready: bool = True
    before_commit: Callable[[], None] = lambda: None
    full: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.relay = Relay(
            engine=self.relay_engine or self.engine,
            servers=self.servers,
            service=SERVICE,
            metrics=OutboxMetrics(self.registry),
            every_s=0.1,
            request_timeout_ms=2_000,
        )
        self.intake = Intake(
            engine=self.engine,
            servers=self.servers,
            grp=self.grp,
            me=self.me,
            role=ROLE,
            handle={self.topic: self.on_items},
            metrics=ConsumerMetrics(self.registry),
            watch=self.watch,
            on_commit=self.relay.wake,
            full=self.full,
            session_timeout_ms=self.session_timeout_ms,
            max_records=self.max_records,
            limits=self.limits,
        )

    def counted(self, name: str) -> float:
        return self.registry.get_sample_value(name) or 0.0

    async def run(self, stop: asyncio.Event) -> None:
        ended = asyncio.Event()
        relay = asyncio.create_task(self.relay.run(ended))
        try:
            await self.intake.run(stop)
        finally:
            ended.set()
            await relay

    async def on_items(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        if not self.ready:
            raise NotReady
        if any(record.value == b"boom" for record in records):
            raise RuntimeError("boom")
        self.before_commit()
        good, dead = sift(records, self._decode, Unreadable)
        await park(conn, self.grp, dead)
        items = [item for _, item in good]
        refused = [Dead(record, "refused") for record, item in good if item == "refuse-me"]
        await park(conn, self.grp, refused)
        await conn.execute(_COUNT, {"items": items})
        crashpoint("after-merge")
        await put(conn, [self._copy(record) for record, _ in good])

    def _decode(self, record: Record) -> str:
        item = (record.value or b"").decode()
        if item.startswith("bad") and not self.mended:
            raise Unreadable("cannot be read")
        return item

    def _copy(self, record: Record) -> OutRecord:
        part = partition_of(record.key, self.partitions)
        event_id = f"{record.topic}/{record.part}/{record.offset}"
        headers = (("ce_id", event_id.encode()),)
        return OutRecord(self.copies, part, record.key, event_id, record.value, headers)


async def read(servers: str, topic: str, partitions: int) -> list[tuple[str, str]]:
    """Return (key, value) of all records of *topic*, in the order of each partition."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        parts = [TopicPartition(topic, part) for part in range(partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        found: list[tuple[str, str]] = []
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(str(one.key, "utf-8"), str(one.value, "utf-8")) for one in records]
        return found
    finally:
        await consumer.stop()


async def main() -> None:
    arm_check()
    logs.configure(SERVICE)
    env = os.environ
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(15, stop.set)
    async with open_engine(env["SHELF_DATABASE_URL"], app=SERVICE) as engine:
        with Watchdog(float(env.get("SHELF_WATCH_S", "60"))) as watch:
            shelf = Shelf(
                engine=engine,
                servers=env["SHELF_SERVERS"],
                topic=env["SHELF_TOPIC"],
                copies=env["SHELF_COPIES"],
                grp=env["SHELF_GROUP"],
                me=f"pod-{os.getpid()}",
                watch=watch,
                # A test kills more often than three times at one place, and means no record.
                limits=Limits(
                    idle_timeout_ms=2_000,
                    transaction_timeout_ms=4_000,
                    fenced_rest_s=0.5,
                    strikes=1_000,
                ),
            )
            await shelf.run(stop)
            sys.stdout.buffer.write(generate_latest(shelf.registry))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
