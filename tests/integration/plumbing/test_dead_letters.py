import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing import dead_letters
from plumbing.dead_letters import (
    Dead,
    TooManyLetters,
    discard,
    list_letters,
    open_letter_keys,
    park,
    parked,
    request_replay,
    sift,
    take,
)
from plumbing.records import Record
from plumbing.replay import open_requests
from plumbing.resources import worker_tx
from plumbing.seal import Sealer
from support import shelf

GRP = "shelf"


def record(
    offset: int, key: bytes | None = b"shop:c1", value: bytes | None = b"\x00\xff"
) -> Record:
    return Record("t.v1", 0, offset, key, value, (("ce_id", b"e\x00\xff"), ("n", b"\x00")), 1234)


def test_what_cannot_be_decoded_is_sifted_out_with_its_reason() -> None:
    def decode(one: Record) -> str:
        return (one.value or b"").decode()

    good, dead = sift([record(1, value=b"a"), record(2), record(3, value=b"b")], decode, ValueError)

    assert [(one.offset, text) for one, text in good] == [(1, "a"), (3, "b")]
    assert [(one.record.offset, "codec" in one.reason) for one in dead] == [(2, True)]


async def test_a_letter_keeps_any_bytes_and_says_what_it_is(engine: AsyncEngine) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(
            conn, GRP, [Dead(record(5), "bad\x00bytes" * 200), Dead(record(6, None, None), "r")]
        )
        assert await parked(conn) == 2
        assert await parked(conn) == 0
        first, second = await list_letters(conn)
        row = (await conn.execute(text("select * from dead_letter where off = 5"))).one()

    assert (first.off, first.key, first.requested) == (5, b"shop:c1", False)
    assert first.reason.startswith("bad\ufffdbytes")
    assert (second.key, second.reason) == (None, "r")
    assert dead_letters.to_record(row, None) == record(5)


async def test_a_second_failure_changes_the_reason_of_the_same_letter(engine: AsyncEngine) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, [Dead(record(5), "first")])
        await park(conn, GRP, [Dead(record(5), "second")])
        letters = await list_letters(conn)

    assert [letter.reason for letter in letters] == ["second"]


async def test_a_sealed_letter_shows_nothing_and_opens_with_the_key(engine: AsyncEngine) -> None:
    sealer = Sealer(b"k" * 32)
    plain = record(5, value=b"13812345678")
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, [Dead(plain, "bad")], sealer=sealer)
        row = (await conn.execute(text("select * from dead_letter"))).one()

    assert b"13812345678" not in row.value
    assert dead_letters.to_record(row, sealer) == plain
    with pytest.raises(ValueError, match="sealer"):
        dead_letters.to_record(row, None)


@pytest.mark.parametrize(
    ("keys", "limit"),
    [
        pytest.param([b"one"] * 1001, "one key", id="a key with more than 1,000"),
        pytest.param([b"%d" % i for i in range(10_001)], "10000", id="a partition with 10,000"),
    ],
)
async def test_too_many_letters_are_no_letters_at_all(
    engine: AsyncEngine, keys: list[bytes], limit: str
) -> None:
    dead = [Dead(record(offset, key), "bad") for offset, key in enumerate(keys)]
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, dead[:-1])
    async with worker_tx(engine, shelf.ROLE) as conn:
        with pytest.raises(TooManyLetters, match=limit):
            await park(conn, GRP, dead[-1:])


async def test_keys_with_a_letter_are_known_to_be_stale(engine: AsyncEngine) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, [Dead(record(5, b"a"), "bad")])

        assert await open_letter_keys(conn, [b"a", b"b"]) == {b"a"}
        assert await open_letter_keys(conn, []) == set()


async def test_a_replay_is_asked_for_once_by_id_key_reason_or_for_all(engine: AsyncEngine) -> None:
    dead = [Dead(record(n, b"k%d" % (n % 2)), f"reason {n % 3}") for n in range(6)]
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, dead)
        first = (await list_letters(conn))[0]

        assert await request_replay(conn, by="ann", ids=[first.id]) == 1
        assert await request_replay(conn, by="ann", key=b"k0", reason="reason 2") == 1
        assert await request_replay(conn, by="ann", key=b"k0") == 1
        assert await request_replay(conn, by="ann") == 3
        assert await request_replay(conn, by="ann") == 0
        assert all(letter.requested for letter in await list_letters(conn))
        assert len(await list_letters(conn, key=b"k1", limit=2)) == 2
        assert len(await list_letters(conn, after_id=first.id, topic="t.v1")) == 5


async def test_a_discarded_letter_is_gone_and_the_api_may_ask_too(engine: AsyncEngine) -> None:
    async with worker_tx(engine, shelf.ROLE) as conn:
        await park(conn, GRP, [Dead(record(5), "bad")])
    async with worker_tx(engine, "test_shelf_api") as conn:
        (letter,) = await list_letters(conn)
        await take(conn, grp=GRP, topic="t.v1", part=0, offset=9, by="ann")
        assert await discard(conn, [letter.id], by="ann") == 1
        assert await discard(conn, [letter.id], by="ann") == 0
    async with worker_tx(engine, shelf.ROLE) as conn:
        assert await open_requests(conn, GRP, []) == []
