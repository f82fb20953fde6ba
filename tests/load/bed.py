"""What benchmarks stand on: Kafka and Postgres of their own, and processes pinned to cores.

The subject has core 0; load, Kafka and Postgres share core 1, for both sides alike.
"""

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.engine import make_url

from contracts.topics import ORDERS
from demo.house import House, prepare_database
from localstack import Stack
from support.town import fresh_topics

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
PEERS: Final = HERE / "peers"
PEER_PYTHON: Final = ROOT / ".local" / "bench-venv" / "bin" / "python"
PARTITIONS: Final = 4
SUBJECT_CORE: Final = 0
OTHER_CORE: Final = 1
# As in production, so that a COMMIT is a COMMIT; the rest as localstack has it.
POSTGRES: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
SHOWN: Final = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
_databases = itertools.count(1)
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def no_peers() -> str | None:
    """Say how to get the peers, when they are not installed."""
    return None if PEER_PYTHON.exists() else "its peers are not installed; `make bench` does it"


def pin(pid: int, core: int) -> None:
    """Keep *pid*, and what it will start, on *core*; on a machine with one core nothing is kept."""
    if len(os.sched_getaffinity(0)) > 1 or (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took until now."""

    cpu_s: float
    peak_rss_bytes: int


def usage(pid: int) -> Usage:
    """Return what *pid* used, its threads included."""
    # Fields after the name, which may hold blanks: utime and stime are the 12th and 13th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return Usage((int(fields[11]) + int(fields[12])) / TICKS_PER_S, int(peak_kb) * 1024)


@dataclass(eq=False)
class Bed:
    """A running Kafka and Postgres, and a folder for what the benchmarks write.

    `pinned` is off in tests, which share their cores with others.
    """

    kafka: Stack
    admin_url: str
    folder: Path
    pinned: bool = True

    async def database(self) -> str:
        """Return the name of a new database with all schemas and roles."""
        name = _new_name()
        await self._admin(f"create database {name}")
        await prepare_database(self.admin_url, name)
        return name

    async def copy(self, database: str) -> str:
        """Return the name of a copy of *database*, which nobody may be connected to."""
        name = _new_name()
        await self._admin(f"create database {name} template {database} strategy file_copy")
        return name

    async def drop(self, database: str) -> None:
        await self._admin(f"drop database {database} with (force)")

    async def _admin(self, statement: str) -> None:
        conn = await asyncpg.connect(_plain(self.admin_url))
        try:
            await conn.execute(statement)
        finally:
            await conn.close()

    async def ends(self) -> dict[TopicPartition, int]:
        """Return where each partition of the orders ends."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.kafka_servers)
        await consumer.start()
        try:
            places = [TopicPartition(ORDERS, part) for part in range(PARTITIONS)]
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return ends
        finally:
            await consumer.stop()

    async def house(self, settings: Mapping[str, str] | None = None) -> House:
        """Return a house on a new database and new topics; its pods are started by the caller."""
        await fresh_topics(self.kafka)
        return House(
            self.kafka.kafka_servers,
            self.admin_url,
            await self.database(),
            self.folder / "logs",
            partitions=PARTITIONS,
            environment="local",
            settings={"HUILIU_LOG_LEVEL": "WARNING", **(settings or {})},
        )

    async def connect(self, database: str) -> asyncpg.Connection:
        url = make_url(self.admin_url).set(database=database)
        return await asyncpg.connect(_plain(url.render_as_string(hide_password=False)))

    def pin_subject(self, pid: int) -> None:
        if self.pinned:
            pin(pid, SUBJECT_CORE)

    @asynccontextmanager
    async def process(
        self, command: Sequence[str], *, subject: bool, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run *command* while the body runs, on the subject's core or with the others."""
        log = (self.folder / f"{Path(command[-1]).stem}.log").open("wb")
        with log:
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **(settings or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        if subject:
            self.pin_subject(process.pid)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def postgres_settings(self) -> dict[str, str]:
        conn = await asyncpg.connect(_plain(self.admin_url))
        try:
            shown = {name: await conn.fetchval(f"show {name}") for name in SHOWN}
            buffers = await conn.fetchval("show shared_buffers")
        finally:
            await conn.close()
        version = shown.pop("server_version")
        return {
            "postgres": version,
            **{f"postgres {name}": value for name, value in shown.items()},
            "postgres shared_buffers": buffers,
        }


@asynccontextmanager
async def make_bed() -> AsyncIterator[Bed]:
    """Start Kafka and Postgres anew, on the core of the others, where this process goes too."""
    pin(0, OTHER_CORE)
    folder = ROOT / ".local" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stack = Stack(folder / "stack", postgres_overrides=POSTGRES)
    try:
        await stack.start()
        yield Bed(stack, stack.admin_url, folder)
    finally:
        await stack.stop()
        shutil.rmtree(folder / "stack", ignore_errors=True)


def _new_name() -> str:
    return f"bench_{os.getpid()}_{next(_databases)}"


def _plain(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://")
