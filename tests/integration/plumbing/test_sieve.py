from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.absence import Absence
from plumbing.dead_letters import list_letters
from plumbing.limits import NotReady
from plumbing.records import Headers, Record
from plumbing.resources import worker_tx
from plumbing.sieve import Sieve
from support import shelf


@dataclass(frozen=True)
class Said:
    room_id: str
    text: str


class Torn(Exception):
    pass


def decode(_: Headers, value: bytes | None, __: bytes | None) -> Any:
    if value is None:
        raise Torn("torn")
    room, words = value.decode().split(":")
    return Said(room, words) if room else words


def records(*values: bytes | None) -> list[Record]:
    return [Record("t.v1", 0, n, b"k", value, (), 0) for n, value in enumerate(values)]


def rude(event: Any) -> str | None:
    return "rude" if getattr(event, "text", "") == "rude" else None


async def known(rooms: set[str]) -> set[str]:
    return rooms & {"hall"}


async def read(engine: AsyncEngine, batch: Sequence[Record], patience_s: float, **how: Any) -> Any:
    sieve = Sieve(
        grp="shelf", decode=decode, unreadable=Torn, owner="room", absence=Absence(patience_s)
    )
    async with worker_tx(engine, shelf.ROLE) as conn:
        return [event for _, event in await sieve.read(conn, batch, **how)]


async def letters(engine: AsyncEngine) -> list[tuple[int, str]]:
    async with worker_tx(engine, shelf.ROLE) as conn:
        return [(letter.off, letter.reason) for letter in await list_letters(conn)]


async def test_what_cannot_be_read_or_handled_is_put_away_and_the_rest_comes_in_order(
    engine: AsyncEngine,
) -> None:
    batch = records(b"hall:a", None, b"hall:rude", b":nobody's", b"hall:b")

    found = await read(engine, batch, 30, known=known, fault=rude)

    assert found == [Said("hall", "a"), "nobody's", Said("hall", "b")]
    assert await letters(engine) == [(1, "torn"), (2, "rude")]


async def test_an_unknown_owner_is_waited_for_and_nothing_is_written_meanwhile(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(NotReady):
        await read(engine, records(None, b"attic:a"), 30, known=known)

    assert await letters(engine) == []


async def test_an_owner_who_does_not_come_is_given_up(engine: AsyncEngine) -> None:
    found = await read(engine, records(b"attic:a", b"hall:b"), 0, known=known)

    assert found == [Said("hall", "b")]
    assert await letters(engine) == [(0, "unknown room")]


async def test_letters_can_be_put_away_without_their_bytes(engine: AsyncEngine) -> None:
    await read(engine, records(b"hall:rude"), 30, fault=rude, bare=True)

    async with worker_tx(engine, shelf.ROLE) as conn:
        assert await conn.scalar(text("select value from dead_letter")) is None
