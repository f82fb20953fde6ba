"""The whole house on this machine: database, topics, and the five services as processes.

The demo and the end-to-end tests start the same thing.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy.engine import make_url

from contracts.topics import TOPICS
from localstack import Stack, free_port
from plumbing.bootstrap import bootstrap
from plumbing.migrate import upgrade
from web.auth import ALL_SHOPS, issue_local_token

ROOT: Final = Path(__file__).resolve().parents[4]
SERVICES: Final = ("ingest", "segmenter", "care-triggers", "notifier", "reporting")
SCOPES: Final = (
    *("events:write", "shops:read", "shops:write", "connectors:read", "connectors:write"),
    *("customers:read", "customers:write", "care:read", "care:write", "tasks:read", "tasks:write"),
    *("messages:read", "reports:read", "ops:dead-letters", "imports:read", "imports:write"),
)
PORTS: Final = {name: (8101 + i, 9101 + i) for i, name in enumerate(SERVICES)}
READY_WITHIN_S: Final = 60.0
STOPS_WITHIN_S: Final = 40.0


class Failed(Exception):
    """A part of the house did not do what it should; the text says which, and where to look."""


def secret(name: str) -> str:
    """Return this machine's secret of that *name*: always the same, fit for loopback only."""
    return hashlib.sha256(f"huiliu-local-{name}".encode()).hexdigest()


def token(shop_id: str = ALL_SHOPS, scopes: Sequence[str] = SCOPES, ttl_s: int = 86_400) -> str:
    return issue_local_token(secret("tokens"), shop_id, scopes, ttl_s)


@dataclass(eq=False)
class Pod:
    """One process of one service, a child of ours."""

    service: str
    process: asyncio.subprocess.Process
    http_port: int
    ops_port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ops_url(self) -> str:
        return f"http://127.0.0.1:{self.ops_port}"

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait for /readyz; a process that ended meanwhile is `Failed` with its last lines."""
        deadline = time.monotonic() + within_s
        said = "nothing"
        async with httpx.AsyncClient(trust_env=False) as client:
            while time.monotonic() < deadline:
                if not self.alive:
                    code = self.process.returncode
                    raise Failed(f"{self.service} ended with {code}:\n{self.last_lines()}")
                try:
                    answer = await client.get(f"{self.ops_url}/readyz")
                except httpx.TransportError as error:
                    said = type(error).__name__
                else:
                    if answer.status_code == 200:
                        return
                    said = answer.text
                await asyncio.sleep(0.1)
        raise Failed(
            f"{self.service} was not ready within {within_s:.0f} s: {said}; see {self.log}"
        )

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of *name* with these labels; 0 when there is none."""
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{self.ops_url}/metrics")).text
        return total_of(text, name, **labels)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def stop(self) -> int:
        """Ask it to end; return its exit code. One that does not listen is killed."""
        self._signal(signal.SIGTERM)
        return await self.ended(STOPS_WITHIN_S)

    async def ended(self, within_s: float) -> int:
        try:
            return await asyncio.wait_for(self.process.wait(), within_s)
        except TimeoutError:
            self.kill()
            await self.process.wait()
            raise Failed(f"{self.service} did not end within {within_s:.0f} s") from None

    def last_lines(self, number: int = 12) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-number:])

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


@dataclass(eq=False)
class House:
    """The services around one database and one Kafka, both running.

    Args:
        kafka_servers: Where Kafka is.
        admin_url: A superuser's URL; pods get the same server with logins of their own.
        database: Name of the database, made by `prepare_database`.
        directory: Where the pods' logs go.
        settings: Environment of every pod, such as gateways' addresses.
    """

    kafka_servers: str
    admin_url: str
    database: str
    directory: Path
    partitions: int = 4
    environment: str = "local"
    settings: Mapping[str, str] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)
    _started: int = field(default=0, init=False)

    async def start(
        self,
        service: str,
        ports: tuple[int, int] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Pod:
        """Start one more process of *service*; it is ready when `Pod.ready` returns.

        Args:
            service: Which.
            ports: API and operations; free ones if missing.
            extra: More environment.
        """
        http, ops = ports or (free_port(), free_port())
        self.directory.mkdir(parents=True, exist_ok=True)
        self._started += 1
        log = self.directory / f"{service}-{self._started}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name(service)),
                "serve",
                env={**self.environ(service, http, ops), **(extra or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )
        pod = Pod(service, process, http, ops, log)
        self.pods.append(pod)
        return pod

    async def start_all(self) -> dict[str, Pod]:
        """Start one pod of each service, on the ports of the manual."""
        pods = {service: await self.start(service, PORTS[service]) for service in SERVICES}
        await asyncio.gather(*(pod.ready() for pod in pods.values()))
        return pods

    async def stop(self) -> None:
        """End every pod that still runs; a frozen one is thawed first."""
        running = [pod for pod in self.pods if pod.alive]
        for pod in running:
            pod.thaw()
        await asyncio.gather(*(pod.stop() for pod in running))

    def environ(self, service: str, http_port: int, ops_port: int) -> dict[str, str]:
        """Return a pod's whole environment; nothing of ours leaks in from the outside."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HUILIU_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start compiles everything anew
        return {
            **kept,
            "HUILIU_ENVIRONMENT": self.environment,
            "HUILIU_DATABASE_URL": database_url(self.admin_url, self.database, service),
            "HUILIU_KAFKA_SERVERS": self.kafka_servers,
            "HUILIU_TOKEN_SECRET": secret("tokens"),
            "HUILIU_DATA_KEY": base64.b64encode(
                hashlib.sha256(b"huiliu-local-data").digest()
            ).decode(),
            "HUILIU_PARTITIONS": str(self.partitions),
            "HUILIU_HOST": "127.0.0.1",
            "HUILIU_HTTP_PORT": str(http_port),
            "HUILIU_OPS_PORT": str(ops_port),
            **self.settings,
        }


def total_of(text: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of *name* with these labels in what /metrics answers."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    total = 0.0
    for line in text.splitlines():
        key, _, value = line.rpartition(" ")
        found, _, told = key.rstrip("}").partition("{")
        if found == name and wanted <= set(told.split(",")):
            total += float(value)
    return total


def login(service: str) -> str:
    return service.replace("-", "_")


def database_url(admin_url: str, database: str, service: str, *, owner: bool = False) -> str:
    """Return the URL of a service's login, or of its schema's owner."""
    name = login(service) + ("_owner" if owner else "")
    url = make_url(admin_url).set(username=name, password=secret(name), database=database)
    return url.render_as_string(hide_password=False)


async def prepare_database(admin_url: str, database: str) -> None:
    """Make *database* with its roles, schemas and tables; what is there already stays."""
    here = make_url(admin_url).set(database=database).render_as_string(hide_password=False)
    names = [login(service) + tail for service in SERVICES for tail in ("", "_owner")]
    await bootstrap(here, {name: secret(name) for name in [*names, "clock_keeper"]})
    for service in SERVICES:
        url = database_url(admin_url, database, service, owner=True)
        await asyncio.to_thread(upgrade, ROOT / "services" / service, url)


async def prepare_topics(stack: Stack, partitions: int) -> None:
    await stack.create_topics({topic.name: topic.config for topic in TOPICS}, partitions)
