"""The local stack comes back from whatever happened to it, and harms no stranger."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from localstack import Stack, StackError
from localstack.kafka import listens
from localstack.processes import Child, Identity, Notes, identify

TOPIC = "letters"
PARTITIONS = 2


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def query(stack: Stack, sql: str) -> object:
    conn = await asyncpg.connect(stack.admin_url.replace("+asyncpg", ""))
    try:
        return await conn.fetchval(sql)
    finally:
        await conn.close()


async def send(stack: Stack, text: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=stack.kafka_servers, acks="all", enable_idempotence=True
    ) as producer:
        await producer.send_and_wait(TOPIC, text, partition=0)


async def sent(stack: Stack) -> list[bytes | None]:
    at = TopicPartition(TOPIC, 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=stack.kafka_servers, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([at])
        end = (await consumer.end_offsets([at]))[at]
        return [(await consumer.getone()).value for _ in range(end)]


def pid_of(stack: Stack, name: str) -> int:
    note = json.loads((stack.directory / "running" / f"{name}.json").read_text())
    return int(note["pid"])


async def test_what_was_written_survives_a_crash_of_everything_and_a_stop(tmp_path: Path) -> None:
    async with Stack(tmp_path) as stack:
        addresses = stack.kafka_servers, stack.admin_url
        for _ in range(2):  # twice is once
            await stack.create_topics({TOPIC: {"retention.ms": "-1"}}, PARTITIONS)
        await send(stack, b"first")
        await query(stack, "create table note as select 1 as n")
        await asyncio.gather(stack.kill_kafka(), stack.kill_postgres())
        assert not listens(int(stack.kafka_servers.rpartition(":")[2]))
        await asyncio.gather(stack.start_kafka(), stack.start_postgres())
        await send(stack, b"second")
        assert (stack.kafka_servers, stack.admin_url) == addresses

    started = asyncio.get_running_loop().time()
    async with Stack(tmp_path) as stack:
        assert asyncio.get_running_loop().time() - started < 15
        assert await sent(stack) == [b"first", b"second"]
        assert await query(stack, "select n from note") == 1
        assert (stack.kafka_servers, stack.admin_url) == addresses


OWNER = """
import asyncio, sys
from pathlib import Path
from localstack import Stack

async def main():
    async with Stack(Path(sys.argv[1]), kafka=False) as stack:
        print(stack.admin_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def run_owner(directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", OWNER, str(directory)]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own text
    assert owner.stdout is not None
    assert owner.stdout.readline().startswith(b"postgresql+asyncpg://")
    return owner


async def test_a_killed_owner_leaves_nothing_that_stops_the_next_start(tmp_path: Path) -> None:
    with run_owner(tmp_path) as owner:
        with pytest.raises(StackError, match="Another process runs a stack"):
            await Stack(tmp_path, kafka=False).start()
        owner.kill()

    async with Stack(tmp_path, kafka=False) as stack:
        assert await query(stack, "select 1") == 1


async def test_a_stale_note_never_ends_a_stranger(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """The pids of an earlier run belong by now to a process that has nothing to do with it."""
    async with Stack(tmp_path, kafka=False) as stack:
        await stack.kill_postgres()
        killed = "\n".join([str(stranger.pid), *"abcdef", "ready"])
        (tmp_path / "postgres" / "cluster" / "postmaster.pid").write_text(killed)
    gone = Identity(os.getppid(), "in an earlier life")
    for name in ("kafka", "postgres"):
        Notes(tmp_path / "running").write(
            Child(name=name, who=Identity(stranger.pid, "in an earlier life")), gone
        )

    async with Stack(tmp_path, kafka=False) as stack:
        assert await query(stack, "select 1") == 1
    assert await ask("down", tmp_path) == (0, "nothing was running\n")

    assert stranger.poll() is None


async def ask(command: str, directory: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "localstack"),
        *(command, "--directory", str(directory)),
        stdout=subprocess.PIPE,
    )
    told, _ = await process.communicate()
    return process.returncode, told.decode()


async def test_up_leaves_it_running_for_others_and_down_ends_it(tmp_path: Path) -> None:
    assert (await ask("env", tmp_path))[0] == 3
    assert (await ask("up", tmp_path))[0] == 0
    try:
        _, told = await ask("env", tmp_path)
        async with Stack(tmp_path) as borrowed:
            assert f"HUILIU_KAFKA_SERVERS={borrowed.kafka_servers}\n" in told
            assert borrowed.admin_url in told
            pids = [pid_of(borrowed, "kafka"), pid_of(borrowed, "postgres")]
        status, told = await ask("status", tmp_path)
        assert (status, told.count("on its own")) == (0, 2)
    finally:
        assert await ask("down", tmp_path) == (0, "stopped: kafka, postgres\n")

    assert [identify(pid) for pid in pids] == [None, None]
    assert (await ask("status", tmp_path))[0] == 3


async def test_down_asks_a_living_owner_to_go(tmp_path: Path) -> None:
    with run_owner(tmp_path) as owner:
        assert await ask("down", tmp_path) == (0, "stopped: postgres\n")
        assert owner.wait() == -signal.SIGTERM


async def test_a_server_of_ones_own_is_used_and_never_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stack(tmp_path / "own", kafka=False) as own:
        plain = own.admin_url.replace("+asyncpg", "")
        monkeypatch.setenv("HUILIU_POSTGRES_URL", plain)
        async with Stack(tmp_path / "guest", kafka=False) as guest:
            assert guest.admin_url == own.admin_url
            with pytest.raises(StackError, match="not ours to kill"):
                await guest.kill_postgres()
        monkeypatch.setenv("HUILIU_POSTGRES_URL", plain.replace("postgres:", "nobody:"))
        with pytest.raises(StackError, match="does not let us in") as refused:
            await Stack(tmp_path / "guest", kafka=False).start()
        assert plain.rpartition("@")[0].rpartition(":")[2] not in str(refused.value)
        monkeypatch.delenv("HUILIU_POSTGRES_URL")
        assert await query(own, "select 1") == 1


async def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path, kafka=False, postgres_overrides={"shared_buffers": "a lot"})

    with pytest.raises(StackError, match=r"(?s)PostgreSQL ended while starting.*shared_buffers"):
        await stack.start()

    assert Notes(tmp_path / "running").read() == {}
