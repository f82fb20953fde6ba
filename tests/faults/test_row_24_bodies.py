"""Bodies that would exhaust us are refused, and leave the process as it was."""

import asyncio
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from contracts.topics import ORDERS
from demo.house import token
from support.canonical import event_ids_of
from support.signed import ORDER
from support.town import SHOP_ID, Town
from support.trial import Trial

MB: Final = 1 << 20
CHUNK: Final = b"x" * 65_536
GROWS_AT_MOST: Final = 50 * MB
WITHIN_S: Final = 60
GOOD: Final = json.dumps(ORDER).encode()
PATH: Final = f"/v1/shops/{SHOP_ID}/events"


@pytest.mark.row(24)
async def test_bodies_without_end_and_bombs_are_refused_and_memory_stays(
    trial: Trial, town: Town
) -> None:
    await town.start("ingest")
    await town.open_shop()
    for _ in range(200):  # what is imported and cached on the way is no growth
        assert await _post(town, GOOD) == 200
    pid = town.pids["ingest"]
    before = _resident(pid)
    _forget_peak(pid)

    answers: Counter[int] = Counter()
    count, size = trial.size((5, 64 * MB), (100, 1024 * MB))
    trial.tell(f"{count} chunked bodies of {size // MB} MiB, two at a time")
    sent = await _stream(town, count, size, answers)
    bombs, wrong = await _throw(town, trial.size(5, 100), answers)
    grown = _peak(pid) - before

    trial.fired("bytes sent without a length", sent, at_least=count * 2 * MB)
    trial.fired("refused as too large", answers[413], at_least=count)
    trial.fired("bombs", bombs, at_least=trial.size(25, 500))
    trial.none("answers of 5xx", sum(n for status, n in answers.items() if status >= 500))
    trial.none("refused otherwise than they should be", wrong)
    trial.none("bytes grown above 50 MB", _above(grown))
    trial.none("processes ended", town.ended({"ingest": pid}))
    assert await _post(town, GOOD) == 200
    await town.clock.rest()
    trial.none("facts but the good one", _others(await event_ids_of(town, ORDERS)))
    trial.figure("resident_before_mb", before / MB)
    trial.figure("peak_grown_mb", grown / MB)

    trial.control("bytes grown above 50 MB", range(_above(GROWS_AT_MOST + 1)))
    trial.control("facts but the good one", range(_others(["a", "b"])))


async def _stream(town: Town, count: int, size: int, answers: Counter[int]) -> int:
    """Send bodies without a length; return how many bytes of them went out."""
    sent = 0
    for _ in range(0, count, 2):
        told = await asyncio.gather(*(_endless(town, size) for _ in range(2)))
        answers.update(status for status, _ in told)
        sent += sum(n for _, n in told)
    return sent


async def _throw(town: Town, times: int, answers: Counter[int]) -> tuple[int, list[str]]:
    """Send small bodies that grow when they are read; return how many, and what went wrong."""
    bombs: dict[str, tuple[int, bytes, dict[str, str]]] = {
        "a gzip bomb": (415, _bomb(), {"Content-Encoding": "gzip"}),
        "200,000 levels": (400, b"[" * 200_000, {}),
        "200,000 levels of objects": (400, b'{"a":' * 200_000, {}),
        "a number of 5,000 digits": (400, GOOD.replace(b"8900", b"9" * 5_000), {}),
        "a million digits": (400, GOOD.replace(b"8900", b"9" * 1_000_000), {}),
        "a hundred thousand keys": (
            422,
            b"{" + b",".join(b'"%d":0' % n for n in range(100_000)) + b"}",
            {},
        ),
    }
    wrong = []
    for name, (wanted, body, headers) in bombs.items():
        for _ in range(times):
            status = await _post(town, body, headers)
            answers[status] += 1
            if status != wanted:
                wrong.append(f"{name}: {status}")
    return len(bombs) * times, wrong


def _above(grown: int) -> int:
    return max(0, grown - GROWS_AT_MOST)


def _others(ids: list[str]) -> int:
    return len(set(ids)) - 1


def _bomb() -> bytes:
    """Return 100 MB of zeros as some hundred kilobytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(100):
            file.write(bytes(MB))
    return packed.getvalue()


def _head(extra: str) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: ingest\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token(SHOP_ID, ttl_s=600)}\r\n{extra}\r\n"
    ).encode()


async def _post(town: Town, body: bytes, headers: dict[str, str] | None = None) -> int:
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (await _sent(town, _head(f"{extra}Content-Length: {len(body)}\r\n"), _one(body)))[0]


async def _endless(town: Town, size: int) -> tuple[int, int]:
    return await _sent(town, _head("Transfer-Encoding: chunked\r\n"), _chunks(size))


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _chunks(size: int) -> AsyncIterator[bytes]:
    framed = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK)
    for _ in range(size // len(CHUNK)):
        yield framed
    yield b"0\r\n\r\n"


async def _sent(town: Town, head: bytes, pieces: AsyncIterator[bytes]) -> tuple[int, int]:
    """Return the status, and how many bytes of the body went before we were cut off."""
    port = town.ports["ingest"][0]
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        line = asyncio.create_task(reader.readline())
        sent = 0
        try:
            writer.write(head)
            async for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # drain lets nobody in while the socket takes all
                sent += len(piece)
        except ConnectionError:
            pass  # it answers, reads on for a while, and closes
        try:
            status = int((await line).split()[1])
        finally:
            writer.close()
    return status, sent


def _resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def _peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _status(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) * 1024
