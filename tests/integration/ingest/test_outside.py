"""Addresses that a shop names lead outside, or nowhere."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from ingest.edges.outside import Inside, open_outside


@pytest.fixture
async def bait() -> AsyncIterator[tuple[int, list[object]]]:
    """A listener of this machine, and who came."""
    came: list[object] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",  # noqa: S104 - as somebody would name us
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fd00::1]",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
async def test_a_host_inside_is_not_asked(host: str, bait: tuple[int, list[object]]) -> None:
    port, came = bait
    async with open_outside(allow_inside=False) as client:
        with pytest.raises((Inside, httpx.ConnectError, httpx.InvalidURL)):
            await client.get(f"https://{host}:{port}/")
    assert came == []


async def test_without_encryption_nobody_is_asked(bait: tuple[int, list[object]]) -> None:
    async with open_outside(allow_inside=False) as client:
        with pytest.raises(Inside, match="https is needed"):
            await client.get("http://shop.example/")


async def test_the_bait_works(bait: tuple[int, list[object]]) -> None:
    port, came = bait
    async with open_outside(allow_inside=True) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://localhost:{port}/")
    assert len(came) == 1
