"""Where a group goes on in each partition, and who may say so: three statements and a strike.

Postgres owns the offsets. A claim raises the partition's epoch, so that whoever held it before,
frozen or cut off, finds no row at its fence and writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RAISE: Final = text(
    """
    update consumer_partition
    set epoch = epoch + 1, owner = :owner, updated_at = clock_timestamp(), stopped = null,
        tries = case when :acquitted then 0 else tries end
    where grp = :grp and topic = :topic and part = :part
      and (cast(:epoch as bigint) is null or epoch = :epoch)
    returning epoch, next_offset, case when tried_offset = next_offset then tries else 0 end
              as strikes
    """
)
_CREATE: Final = text(
    """
    insert into consumer_partition (grp, topic, part, epoch, next_offset, owner)
    values (:grp, :topic, :part, 1, :first, :owner)
    on conflict (grp, topic, part) do nothing
    """
)
_FENCE: Final = text(
    """
    select next_offset from consumer_partition
    where grp = :grp and topic = :topic and part = :part and epoch = :epoch
    for update
    """
)
_ADVANCE: Final = text(
    """
    update consumer_partition set next_offset = :to, updated_at = clock_timestamp()
    where grp = :grp and topic = :topic and part = :part and epoch = :epoch
    """
)
_STRIKE: Final = text(
    """
    update consumer_partition
    set tries = case when tried_offset = next_offset then tries + 1 else 1 end,
        tried_offset = next_offset
    where grp = :grp and topic = :topic and part = :part and epoch = :epoch
    """
)
_ACQUIT: Final = text(
    """
    update consumer_partition set tries = 0
    where grp = :grp and topic = :topic and part = :part and epoch = :epoch
    """
)
_STOP: Final = text(
    """
    update consumer_partition set stopped = :reason
    where grp = :grp and topic = :topic and part = :part and epoch = :epoch
    """
)
_MOVE: Final = text(
    """
    update consumer_partition
    set epoch = epoch + 1, next_offset = :to, tries = 0, stopped = null,
        updated_at = clock_timestamp()
    where grp = :grp and topic = :topic and part = :part
    """
)


class Fenced(Exception):
    """Another owner has claimed the partition: drop the batch, it is not ours."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write for one partition, until somebody claims it anew."""

    grp: str
    topic: str
    part: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Claimed:
    claim: Claim
    next_offset: int
    tries: int  # processes that began at this offset and did not come back


async def claim(
    conn: AsyncConnection,
    grp: str,
    topic: str,
    part: int,
    *,
    owner: str,
    acquitted: bool = False,
) -> Claimed | None:
    """Take the partition from whoever has it; None when it has no row yet.

    Waits for an earlier owner's open transaction, up to the lock timeout.

    Args:
        conn: An open transaction.
        grp: The consumer group.
        topic: With *part*, the partition.
        part: See *topic*.
        owner: Who we are; for people to read.
        acquitted: The last try ended by no fault of the record.
    """
    at = {"grp": grp, "topic": topic, "part": part, "epoch": None}
    return await _raise_epoch(conn, at, owner, acquitted=acquitted)


async def claim_again(
    conn: AsyncConnection, held: Claim, *, owner: str, acquitted: bool
) -> Claimed:
    """Renew a claim whose last transaction has an unknown end, unless it was lost meanwhile.

    Who was frozen long enough to lose its connection may have lost the partition too, and must
    not take it back from an owner that the group has chosen since.

    Raises:
        Fenced: Somebody has claimed it since *held*.
    """
    found = await _raise_epoch(conn, _at(held), owner, acquitted=acquitted)
    if found is None:
        raise Fenced
    return found


async def _raise_epoch(
    conn: AsyncConnection, at: Mapping[str, object], owner: str, *, acquitted: bool
) -> Claimed | None:
    settings = {"owner": owner, "acquitted": acquitted}
    found = (await conn.execute(_RAISE, {**at, **settings})).one_or_none()
    if found is None:
        return None
    grp, topic, part = str(at["grp"]), str(at["topic"]), int(str(at["part"]))
    return Claimed(Claim(grp, topic, part, found.epoch), found.next_offset, found.strikes)


async def create(
    conn: AsyncConnection, grp: str, topic: str, part: int, *, owner: str, first: int
) -> None:
    """Make the row of a partition that the group never saw, at *first*, the log's beginning."""
    await conn.execute(
        _CREATE, {"grp": grp, "topic": topic, "part": part, "owner": owner, "first": first}
    )


async def fence(conn: AsyncConnection, held: Claim) -> int:
    """Lock the partition until the transaction ends; return where to go on.

    Must be the first statement that matters: what follows cannot be done by two owners.

    Raises:
        Fenced: The claim is not the newest.
    """
    next_offset: int | None = await conn.scalar(_FENCE, _at(held))
    if next_offset is None:
        raise Fenced
    return next_offset


async def advance(conn: AsyncConnection, held: Claim, to: int) -> None:
    """Set where to go on, in the transaction that `fence` began."""
    await conn.execute(_ADVANCE, {**_at(held), "to": to})


async def strike(conn: AsyncConnection, held: Claim) -> None:
    """Note, in a transaction of its own, that this offset is now tried.

    Raises:
        Fenced: The claim is not the newest.
    """
    if (await conn.execute(_STRIKE, _at(held))).rowcount == 0:
        raise Fenced


async def acquit(conn: AsyncConnection, held: Claim) -> None:
    """Take the strikes back: the try ended by no fault of the record."""
    await conn.execute(_ACQUIT, _at(held))


async def stop(conn: AsyncConnection, held: Claim, reason: str | None) -> None:
    """Note for people and watchdogs why the partition rests; None when it goes on."""
    await conn.execute(_STOP, {**_at(held), "reason": reason})


async def move(conn: AsyncConnection, grp: str, topic: str, part: int, *, to: int) -> bool:
    """Make the owner, whoever it is, go on at *to*; return whether there is such a partition.

    For operators: what lies between is read again, or never.
    """
    moved = await conn.execute(_MOVE, {"grp": grp, "topic": topic, "part": part, "to": to})
    return moved.rowcount > 0


def _at(held: Claim) -> dict[str, object]:
    return {"grp": held.grp, "topic": held.topic, "part": held.part, "epoch": held.epoch}
