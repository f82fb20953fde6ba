"""A whole house for one test: fresh database, fresh topics, simulated gateways, and its own time.

Business time starts at the same instant in every town, so two runs of one script can be compared.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.topics import TOPICS
from demo.api import Api
from demo.house import SERVICES, House, Pod, login, prepare_topics, token
from demo.live import Clock
from demo.show import gateways
from demo.stillness import Observer
from localstack import Stack, free_port
from simulators.sms import Pace, SmsGateway
from simulators.smtp import MailServer
from support.database import as_database, connect, copy_template, drop
from support.eventually import eventually

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
MORNING: Final = datetime(2027, 3, 2, 8, 30, tzinfo=SHANGHAI)
PARTITIONS: Final = 4
SECRET: Final = "whsec_" + b64encode(bytes(range(32))).decode()
SHOP_ID: Final = "tea"
SHOP: Final[Mapping[str, Any]] = {
    "name": "茶语",
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "country": "CN",
    "locale": "zh",
    "sms_signature": "茶语",
}
# Quick to notice who died; the defaults are asserted elsewhere.
QUICK: Final = {"HUILIU_SESSION_TIMEOUT_MS": "1500"}
# Quicker still, for trials in which processes freeze and hang.
SWIFT: Final = {
    "HUILIU_SESSION_TIMEOUT_MS": "1000",
    "HUILIU_IDLE_TIMEOUT_MS": "2000",
    "HUILIU_STUCK_AFTER_S": "10",
}


@dataclass(eq=False)
class Town:
    """What a test may do to a running house."""

    stack: Stack
    house: House
    watch: Observer
    sms: SmsGateway
    mail: MailServer
    ports: Mapping[str, tuple[int, int]]
    pods: dict[str, Pod] = field(default_factory=dict)
    _api: Api | None = None

    @property
    def api(self) -> Api:
        if self._api is None:
            urls = {name: f"http://127.0.0.1:{http}" for name, (http, _) in self.ports.items()}
            self._api = Api(urls, token(ttl_s=3600))
        return self._api

    @property
    def clock(self) -> Clock:
        return Clock(self.watch, tuple(self.pods), lambda: self.sms.callbacks.pending)

    async def start(self, *services: str, **crash: str) -> None:
        """Start these services, or all; `segmenter="after-merge:3"` arms a crash point."""
        for service in services or SERVICES:
            armed = crash.get(login(service))
            self.pods[service] = await self.house.start(
                service, self.ports[service], {"HUILIU_CRASH": armed} if armed else None
            )
        await asyncio.gather(*(self.pods[one].ready() for one in services or SERVICES))

    @property
    def pids(self) -> dict[str, int]:
        """Return the processes that live, by service."""
        return {name: pod.process.pid for name, pod in self.pods.items() if pod.alive}

    def ended(self, pids: Mapping[str, int]) -> list[str]:
        """Return whose process is no more the one of *pids*."""
        return [name for name, pid in pids.items() if self.pids.get(name) != pid]

    async def look_again(self) -> None:
        """Connect anew to Postgres, which was away."""
        self.watch.db = await connect(as_database(self.house.admin_url, self.house.database))

    async def open_shop(self, shop_id: str = SHOP_ID, **changes: Any) -> None:
        await self.api.put("ingest", f"/v1/shops/{shop_id}", {**SHOP, **changes})

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()
        await self.house.stop()

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.watch.db.fetch(query, *arguments)]


async def restart_postgres(town: Town, postgres: Stack) -> None:
    """Stop the session's Postgres and start it again; the town's own connection is a new one."""
    await postgres.stop_postgres()
    await postgres.start_postgres()
    await town.look_again()


@asynccontextmanager
async def open_town(
    kafka: Stack,
    postgres: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Town]:
    """Build a town; its services are started by the test."""
    async with AsyncExitStack() as opened:
        db = await copy_template(postgres)
        opened.push_async_callback(drop, db)
        await fresh_topics(kafka)
        ports = {service: (free_port(), free_port()) for service in SERVICES}
        receipts = f"http://127.0.0.1:{ports['notifier'][0]}/v1/receipts/sms"
        sms = await opened.enter_async_context(
            SmsGateway(secret=SECRET, receipts_url=receipts, pace=pace)
        )
        mail = await opened.enter_async_context(MailServer())
        house = House(
            kafka.kafka_servers,
            postgres,
            db.name,
            folder,
            partitions=PARTITIONS,
            environment="test",
            settings={**QUICK, **gateways(sms, mail, SECRET), **(settings or {})},
        )
        watch = await Observer.open(postgres, db.name, kafka.kafka_servers)
        opened.push_async_callback(watch.close)
        clock = await connect(db.clock_url)
        await clock.execute("update clock.shift set by_interval = $1 - clock_timestamp()", MORNING)
        await clock.close()
        town = Town(kafka, house, watch, sms, mail, ports)
        opened.push_async_callback(town.close)
        yield town


async def fresh_topics(kafka: Stack) -> None:
    """Delete all topics and make them anew: each town's log begins empty."""
    names = [topic.name for topic in TOPICS]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.kafka_servers)
    await admin.start()
    try:
        await admin.delete_topics([name for name in names if name in await admin.list_topics()])

        async def gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        await eventually(gone, within_s=20)
    finally:
        await admin.close()

    async def made() -> bool:
        try:
            await prepare_topics(kafka, PARTITIONS)
        except KafkaError:
            return False
        return True

    await eventually(made, within_s=20)


async def canonical(town: Town, tables: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the named columns of the named tables, sorted: what two runs must agree in."""
    found = {}
    for table, columns in tables.items():
        rows = await town.rows(f"select {', '.join(columns)} from {table}")  # noqa: S608 - ours
        found[table] = sorted(repr(tuple(row.values())) for row in rows)
    return found
