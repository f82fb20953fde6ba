"""Requests of operators, served by the one who may write for the partition: its owner.

replay: handle a letter's record again, under the fence, through the same handler; take: make the
record that a stopped partition stands at a letter.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

LIMIT: Final = 100

_OPEN: Final = text(
    """
    select r.id, r.kind, r.topic, r.part, r.off
    from replay_request r
    join unnest(cast(:topics as text[]), cast(:parts as int[])) as mine(topic, part)
      on (r.topic, r.part) = (mine.topic, mine.part)
    where r.grp = :grp order by r.id limit :limit
    """
)
_LETTER: Final = text(
    """
    select topic, part, off, key, value, headers, timestamp_ms, sealed from dead_letter
    where grp = :grp and topic = :topic and part = :part and off = :off for update
    """
)
_DROP_LETTER: Final = text(
    """
    delete from dead_letter
    where grp = :grp and topic = :topic and part = :part and off = :off
    """
)
_NEW_REASON: Final = text(
    """
    update dead_letter set reason = :reason
    where grp = :grp and topic = :topic and part = :part and off = :off
    """
)
_DONE: Final = text("delete from replay_request where id = :id")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    id: int
    kind: str
    topic: str
    part: int
    off: int

    @property
    def at(self) -> TopicPartition:
        return TopicPartition(self.topic, self.part)


async def open_requests(
    conn: AsyncConnection, grp: str, mine: Collection[TopicPartition]
) -> Sequence[Request]:
    """Return the oldest requests for partitions of ours."""
    ours = {"topics": [at.topic for at in mine], "parts": [at.partition for at in mine]}
    rows = await conn.execute(_OPEN, {"grp": grp, "limit": LIMIT, **ours})
    return [Request(*row) for row in rows]


async def letter(conn: AsyncConnection, grp: str, request: Request) -> Row[Any] | None:
    """Lock and return the letter that *request* means; None if it is gone."""
    return (await conn.execute(_LETTER, _place(grp, request))).one_or_none()


async def went_through(conn: AsyncConnection, grp: str, request: Request) -> None:
    """Delete the letter with its request: it has had its effect in this transaction."""
    await conn.execute(_DROP_LETTER, _place(grp, request))
    await done(conn, request)


async def failed_again(conn: AsyncConnection, grp: str, request: Request, reason: str) -> None:
    """Keep the letter under its new reason and drop the request."""
    await conn.execute(_NEW_REASON, {**_place(grp, request), "reason": reason})
    await done(conn, request)


async def done(conn: AsyncConnection, request: Request) -> None:
    await conn.execute(_DONE, {"id": request.id})


def _place(grp: str, request: Request) -> dict[str, object]:
    return {"grp": grp, "topic": request.topic, "part": request.part, "off": request.off}
