"""One Kafka node: its settings, its formatted folder, its process, its topics."""

import asyncio
import base64
import os
import shutil
import signal
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from localstack.errors import StackError, with_log
from localstack.processes import Child, Launch, until

READY_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 15.0
REQUEST_MS: Final = 10_000

# What differs from Kafka's defaults, and why.
SETTINGS: Final[Mapping[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    # One node: nothing can be replicated.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few internal partitions: less to open at each start.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # Groups form at once, and tests may choose short session timeouts.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    # A broker that was killed may come back after 3 s instead of 9.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Compaction and deletion within seconds, in little memory.
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.backoff.ms": "1000",
    "log.retention.check.interval.ms": "5000",
    "log.segment.delete.delay.ms": "1000",
    # No record every half second from a node that has nobody to tell.
    "metadata.max.idle.interval.ms": "0",
}
JVM: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",  # starts faster; two cores have nothing to collect in parallel with
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """How one node is started. `folder` holds its settings, log and records."""

    folder: Path
    java: str
    jars: Path
    port: int
    controller_port: int
    overrides: Mapping[str, str]

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "kafka.log"

    def write_settings(self) -> None:
        here = {
            "listeners": f"PLAINTEXT://{self.servers},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.servers}",
            # Named here rather than in the formatted folder: the port may change between starts.
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": str(self.folder / "records"),
        }
        lines = [f"{key}={value}" for key, value in {**SETTINGS, **here, **self.overrides}.items()]
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n", "utf-8")

    async def format(self) -> None:
        """Make the folder for records anew."""
        shutil.rmtree(self.folder / "records", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One argument: the id may begin with a dash.
        launch = self._launch("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c")
        if await asyncio.to_thread(launch.run) != 0:
            raise with_log("Kafka could not format its folder.", self.log)

    def launch(self, owner: int | None) -> Launch:
        return self._launch("kafka.Kafka", owner=owner)

    def _launch(self, *command: str, owner: int | None = None) -> Launch:
        settings = str(self.folder / "server.properties")
        return Launch(
            command=[self.java, *JVM, "-cp", f"{self.jars}/*", *command, settings],
            log=self.log,
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            cwd=self.folder,
            owner=owner,
        )

    async def ready(self, child: Child) -> None:
        """Wait until the node takes requests.

        Raises:
            StackError: It ended, or took longer than READY_WITHIN_S.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        listening = await until(lambda: listens(self.port) or not child.alive(), READY_WITHIN_S)
        if not child.alive():
            raise with_log("Kafka ended while starting.", self.log)
        if not listening:
            raise with_log(f"Kafka did not listen within {READY_WITHIN_S:.0f} s.", self.log)
        while True:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + 5):
                    if await has_brokers(self.servers):
                        return
            except (KafkaError, OSError, TimeoutError):
                pass
            if time.monotonic() > deadline or not child.alive():
                raise with_log("Kafka listens but takes no requests.", self.log)
            await asyncio.sleep(0.05)


async def stop(child: Child) -> None:
    await child.end(signal.SIGTERM, STOPPED_WITHIN_S)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def has_brokers(servers: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()


async def create_topics(
    servers: str, topics: Mapping[str, Mapping[str, str]], partitions: int | Mapping[str, int]
) -> None:
    """Bring *topics* (name to settings) into being; those that exist get these settings.

    A topic is never made smaller: Kafka cannot, and keys would move.
    """
    wanted = {
        name: partitions if isinstance(partitions, int) else partitions[name] for name in topics
    }
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=REQUEST_MS)
    await admin.start()
    try:
        fresh = [
            NewTopic(name, wanted[name], 1, topic_configs=dict(settings))
            for name, settings in topics.items()
        ]
        answer: Any = await admin.create_topics(fresh)
        old = [name for name, code, *_ in answer.topic_errors if _is_old(name, code)]
        if old:
            await _bring_up_to_date(admin, {name: topics[name] for name in old}, wanted)
        await _all_led(admin, wanted)
    finally:
        await admin.close()


def _is_old(name: str, code: int) -> bool:
    """Whether a topic was there before; any other refusal is raised."""
    error = for_code(code)
    if code and error is not TopicAlreadyExistsError:
        raise StackError(f"Kafka refused to create the topic {name}: {error.__name__}.")
    return bool(code)


async def _bring_up_to_date(
    admin: AIOKafkaAdminClient,
    topics: Mapping[str, Mapping[str, str]],
    wanted: Mapping[str, int],
) -> None:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict(settings))
        for name, settings in topics.items()
    ]
    answers: Sequence[Any] = await admin.alter_configs(resources)
    for answer in answers:
        for code, text, _, name in answer.resources:
            if code:
                raise StackError(f"Kafka refused the settings of the topic {name}: {text}")
    grown = {
        told["topic"]: NewPartitions(wanted[told["topic"]])
        for told in await admin.describe_topics(list(topics))
        if len(told["partitions"]) < wanted[told["topic"]]
    }
    if grown:
        await admin.create_partitions(grown)


async def _all_led(admin: AIOKafkaAdminClient, wanted: Mapping[str, int]) -> None:
    """Wait until each partition has a leader: a producer's first send then finds one."""
    deadline = time.monotonic() + REQUEST_MS / 1000
    while True:
        with suppress(KafkaError):
            described: Sequence[Mapping[str, list[Mapping[str, int]]]]
            described = await admin.describe_topics(list(wanted))
            led = sum(part["leader"] >= 0 for told in described for part in told["partitions"])
            if led >= sum(wanted.values()):
                return
        if time.monotonic() > deadline:
            raise StackError("Kafka did not elect leaders for all new partitions.")
        await asyncio.sleep(0.05)
