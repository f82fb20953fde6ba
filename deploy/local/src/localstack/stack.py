"""Kafka and Postgres as one thing that starts, breaks on demand, comes back and stops."""

import asyncio
import fcntl
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self, TypeAlias

import asyncpg

from localstack import kafka, postgres
from localstack.errors import StackError
from localstack.jars import KAFKA_VERSION, kafka_jars
from localstack.java import find_java
from localstack.kafka import Kafka
from localstack.places import choose_port, is_free, local_folder
from localstack.postgres import MAJOR, Postgres
from localstack.processes import (
    Child,
    Identity,
    Launch,
    Notes,
    identify,
    is_alive,
    is_gone,
    read_json,
    until,
    write_json,
)

# After a crash the killed server's last children may hold its memory for a moment.
POSTGRES_TRIES: Final = 20
OWNER_ENDS_WITHIN_S: Final = 30.0


End: TypeAlias = Callable[[Child], Awaitable[None]]


class Server(Protocol):
    """What Kafka and Postgres have in common."""

    def launch(self, owner: int | None) -> Launch: ...
    async def ready(self, child: Child) -> None: ...


class Stack:
    """A Kafka node and a Postgres server in *directory*, which is kept between runs.

    The children do not outlive this process (on Linux not even its SIGKILL), unless *detached*.
    What an earlier run left behind in the directory is cleaned up first; a detached stack that
    still runs there is used and left running.

    Args:
        directory: All data, logs and notes lie here.
        kafka: Whether to have a Kafka.
        postgres: Whether to have a Postgres. HUILIU_POSTGRES_URL names a server to use instead.
        ports: Fixed ports by name: "kafka", "controller", "postgres". Else HUILIU_KAFKA_PORT and
            HUILIU_POSTGRES_PORT, else free ones that are remembered.
        kafka_overrides: Lines of server.properties.
        postgres_overrides: Lines of postgresql.conf.
        detached: Let the children go on when this process ends.
    """

    def __init__(  # noqa: PLR0913 - independent switches, all passed by name
        self,
        directory: Path,
        *,
        kafka: bool = True,
        postgres: bool = True,
        ports: Mapping[str, int] | None = None,
        kafka_overrides: Mapping[str, str] | None = None,
        postgres_overrides: Mapping[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        self.directory = directory.resolve()
        self._wants_kafka = kafka
        self._given_url = os.environ.get("HUILIU_POSTGRES_URL", "")
        self._wants_postgres = postgres
        self._ports = dict(ports or {})
        self._kafka_overrides = dict(kafka_overrides or {})
        self._postgres_overrides = dict(postgres_overrides or {})
        self._detached = detached
        self._notes = Notes(self.directory / "running")
        self._lock: IO[str] | None = None
        self._kafka: Kafka | None = None
        self._postgres: Postgres | None = None
        self._children: dict[str, Child] = {}
        self._borrowed: set[str] = set()

    @property
    def kafka_servers(self) -> str:
        return self._kafka_node().servers

    @property
    def admin_url(self) -> str:
        """The superuser's URL, for SQLAlchemy with asyncpg."""
        if self._given_url:
            return asyncpg_url(self._given_url)
        return self._postgres_server().admin_url

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- all of it

    async def start(self) -> None:
        """Return when both take requests.

        Raises:
            StackError: With a text that says what to do. Then nothing runs.
        """
        self._take_directory()
        try:
            await self._clean_up()
            async with asyncio.TaskGroup() as both:
                if self._wants_kafka:
                    both.create_task(self.start_kafka())
                if self._wants_postgres:
                    both.create_task(self.start_postgres())
        except BaseExceptionGroup as group:
            await self.stop()
            raise group.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End what this stack started, and nothing else. Safe to call twice."""
        try:
            await asyncio.gather(self.stop_kafka(), self.stop_postgres())
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def release(self) -> None:
        """Give the directory free while the detached children go on."""
        for child in self._children.values():
            child.part()
        self._children.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- Kafka

    async def start_kafka(self) -> None:
        if "kafka" in self._children:
            return
        if self._kafka is None:
            jars = await kafka_jars(local_folder() / "jars")
            java = await asyncio.to_thread(find_java)
            state = self._state()
            self._kafka = Kafka(
                folder=self.directory / "kafka",
                java=java,
                jars=jars,
                port=self._port("kafka", state, "HUILIU_KAFKA_PORT"),
                controller_port=self._port("controller", state, "HUILIU_KAFKA_CONTROLLER_PORT"),
                overrides=self._kafka_overrides,
            )
        if self._borrow("kafka"):
            return
        node = self._kafka
        node.write_settings()
        if self._state().get("kafka_formatted") != KAFKA_VERSION:
            # Noted only when done: a crash in the middle makes the next start format again.
            await node.format()
            self._note(kafka_formatted=KAFKA_VERSION)
        await self._run("kafka", node)

    async def stop_kafka(self) -> None:
        await self._end("kafka", kafka.stop)

    async def kill_kafka(self) -> None:
        """Kill it as a crash would, and return when it is gone."""
        await self._end("kafka", _kill)

    async def create_topics(
        self, topics: Mapping[str, Mapping[str, str]], partitions: int | Mapping[str, int]
    ) -> None:
        """Bring *topics* (name to settings) into being; twice is once."""
        await kafka.create_topics(self.kafka_servers, topics, partitions)

    # -- Postgres

    async def start_postgres(self) -> None:
        if self._given_url:
            await _check_given(self.admin_url)
            return
        if "postgres" in self._children:
            return
        if self._postgres is None:
            state = self._state()
            self._postgres = Postgres(
                folder=self.directory / "postgres",
                port=self._port("postgres", state, "HUILIU_POSTGRES_PORT"),
                password=state.get("postgres_password") or secrets.token_hex(16),
                overrides=self._postgres_overrides,
            )
        if self._borrow("postgres"):
            return
        server = self._postgres
        if self._state().get("postgres_initialised") != MAJOR:
            await server.initialise()
            self._note(postgres_initialised=MAJOR, postgres_password=server.password)
        server.clear_stale_pid()
        await self._run_patiently(server)

    async def stop_postgres(self) -> None:
        if not self._given_url:
            await self._end("postgres", postgres.stop)

    async def kill_postgres(self) -> None:
        """Kill the postmaster as a crash would, and return when it is gone."""
        if self._given_url:
            raise StackError("The server of HUILIU_POSTGRES_URL is not ours to kill.")
        await self._end("postgres", _kill)

    async def _run_patiently(self, server: Postgres) -> None:
        for left in range(POSTGRES_TRIES, -1, -1):
            before = server.log.stat().st_size if server.log.exists() else 0
            try:
                await self._run("postgres", server)
            except StackError:
                said = server.log.read_bytes()[before:]
                held = b"shared memory block" in said or b"postmaster.pid" in said
                if not left or not held:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    # -- the pieces

    async def _run(self, name: str, server: Server) -> None:
        launch = server.launch(None if self._detached else os.getpid())
        popen = launch.start()
        # Nobody else can have its pid before we reap it: with no answer it has ended already.
        who = identify(popen.pid) or Identity(popen.pid, "")
        child = Child(name=name, who=who, popen=popen)
        self._children[name] = child
        self._notes.write(child, None if self._detached else identify(os.getpid()))
        try:
            await server.ready(child)
        except BaseException:
            await self._end(name, _kill)
            raise

    async def _end(self, name: str, how: End) -> None:
        child = self._children.pop(name, None)
        if child is None or name in self._borrowed:
            return
        await how(child)
        self._notes.forget(name)

    def _borrow(self, name: str) -> bool:
        """Whether a detached stack's process already does this work."""
        found = self._notes.read().get(name)
        if found is None:
            return False
        self._children[name] = found[0]
        self._borrowed.add(name)
        return True

    def _take_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = (self.directory / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StackError(
                f"Another process runs a stack in {self.directory}: stop that one first "
                "(`python -m localstack down`), or use another folder."
            ) from None
        self._lock = lock

    async def _clean_up(self) -> None:
        """End what a killed run left: we hold the lock, so its owner is gone."""
        for name, (child, owner) in self._notes.read().items():
            if owner is not None:
                await (postgres.stop if name == "postgres" else kafka.stop)(child)
                self._notes.forget(name)

    def _port(self, name: str, state: Mapping[str, Any], variable: str) -> int:
        running = name.replace("controller", "kafka") in self._notes.read()
        remembered = state.get(f"{name}_port")
        if running and remembered:
            return int(remembered)
        if name in self._ports:
            port = self._ports[name]
            if not is_free(port):
                raise StackError(f"Port {port} (for {name}) is in use: free it or choose another.")
        else:
            port = choose_port(variable, remembered)
        self._note(**{f"{name}_port": port})
        return port

    def _state(self) -> dict[str, Any]:
        return read_json(self.directory / "state.json")

    def _note(self, **news: str | int) -> None:
        write_json(self.directory / "state.json", self._state() | news)

    def _kafka_node(self) -> Kafka:
        if self._kafka is None:
            raise StackError("This stack has no Kafka, or has not been started.")
        return self._kafka

    def _postgres_server(self) -> Postgres:
        if self._postgres is None:
            raise StackError("This stack has no Postgres, or has not been started.")
        return self._postgres


async def _kill(child: Child) -> None:
    await child.end(signal.SIGKILL, 5.0)


def asyncpg_url(url: str) -> str:
    """Spell *url* the way SQLAlchemy needs it to choose asyncpg."""
    scheme, separator, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+asyncpg"} or not separator:
        raise StackError(
            "HUILIU_POSTGRES_URL must begin with postgresql:// (user, host, database)."
        )
    return f"postgresql+asyncpg://{rest}"


async def _check_given(url: str) -> None:
    try:
        await postgres.probe(url)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        # The URL holds a password: it is not repeated here.
        raise StackError(
            f"The server of HUILIU_POSTGRES_URL does not let us in ({error}): start it, correct "
            "the URL, or unset the variable to have one started here."
        ) from error


async def end_all(directory: Path) -> list[str]:
    """End whatever runs in *directory*, whoever started it; return the names of what was ended.

    A stack that lives in another process is ended by asking that process to go.
    """
    notes = Notes(directory / "running")
    ended = sorted(notes.read())
    for owner in {owner for _, owner in notes.read().values() if owner is not None}:
        if is_alive(owner):
            os.kill(owner.pid, signal.SIGTERM)
            await until(partial(is_gone, owner), OWNER_ENDS_WITHIN_S)
    for name, (child, _) in notes.read().items():
        await (postgres.stop if name == "postgres" else kafka.stop)(child)
        notes.forget(name)
    return ended
