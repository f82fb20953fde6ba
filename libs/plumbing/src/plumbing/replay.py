"""Requests of operators, served by the one who may write for the partition: its owner.

replay: handle a letter's record again, under the fence, through the same handler; take: make the
record that a stopped partition stands at a letter.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from aiokafka import TopicPartition
from aiokafka.errors import RecordTooLargeError
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing import offsets
from plumbing.away import is_transient
from plumbing.dead_letters import Dead, park, parked, to_record
from plumbing.limits import NotReady
from plumbing.partitions import Hold
from plumbing.reader import Reader
from plumbing.records import Record
from plumbing.seal import Sealer

Begin: TypeAlias = Callable[[Hold], AbstractAsyncContextManager[AsyncConnection]]
Run: TypeAlias = Callable[[AsyncConnection, Hold, Sequence[Record]], Awaitable[None]]

TAKE_WITHIN_MS: Final = 5_000
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


class Desk:
    """Serves one request at a time, each in a transaction under its partition's fence."""

    def __init__(
        self, grp: str, *, reader: Reader, sealer: Sealer | None, begin: Begin, run: Run
    ) -> None:
        """Take what serving needs.

        Args:
            grp: The consumer group.
            reader: Fetches a record that is to be taken.
            sealer: Opens sealed letters.
            begin: Begins a transaction under a hold's claim, and commits it.
            run: Runs the topic's handler.
        """
        self._grp = grp
        self._reader = reader
        self._sealer = sealer
        self._begin = begin
        self._run = run

    async def replay(self, hold: Hold, request: Request) -> bool:
        """Handle the letter's record again; return whether it went through and the letter is gone.

        A failure leaves the letter with its new reason, and never ends the process.
        """
        try:
            async with self._begin(hold) as conn:
                went = await self._once_more(conn, hold, request)
                await conn.execute(_DONE, {"id": request.id})
        except NotReady:
            return False  # the request stays for the next time
        return went

    async def take(self, hold: Hold, request: Request) -> bool:
        """Make the record that the stopped *hold* stands at a letter, and go on behind it."""
        if request.off >= hold.next_offset and not hold.stopped:
            return False  # it may still come to stand there
        stands_there = request.off == hold.next_offset
        record = await self._fetch(hold, request) if stands_there else None
        if stands_there and record is None:
            return False
        async with self._begin(hold) as conn:
            await conn.execute(_DONE, {"id": request.id})
            if record is None:
                return False  # it is behind, or far ahead: nothing to take
            if record.offset == request.off:  # else compaction was there before us
                dead = [Dead(record, "taken by hand")]
                await park(conn, self._grp, dead, sealer=self._sealer)
            await offsets.advance(conn, hold.held, request.off + 1)
            await offsets.stop(conn, hold.held, None)
        hold.next_offset = request.off + 1
        hold.struck = False
        hold.stopped = ""
        hold.rest(0)
        return True

    async def _once_more(self, conn: AsyncConnection, hold: Hold, request: Request) -> bool:
        place = _place(self._grp, request)
        row = (await conn.execute(_LETTER, place)).one_or_none()
        if row is None:
            return False
        failure = await self._handle(conn, hold, row)
        if failure:
            await conn.execute(_NEW_REASON, {**place, "reason": failure})
        elif await parked(conn) == 0:  # else the handler has given it its new reason
            await conn.execute(_DROP_LETTER, place)
            return True
        return False

    async def _handle(self, conn: AsyncConnection, hold: Hold, row: Row[Any]) -> str:
        """Return why it failed, empty if it did not."""
        try:
            async with conn.begin_nested():
                await self._run(conn, hold, [to_record(row, self._sealer)])
        except NotReady:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("replay failed", extra={**hold.fields, "error": type(error).__name__})
            return f"replay failed: {type(error).__name__}"
        return ""

    async def _fetch(self, hold: Hold, request: Request) -> Record | None:
        try:
            return await self._reader.one(hold, TAKE_WITHIN_MS)
        except RecordTooLargeError:
            return Record(request.topic, request.part, request.off, None, None, (), 0)


def _place(grp: str, request: Request) -> dict[str, object]:
    return {"grp": grp, "topic": request.topic, "part": request.part, "off": request.off}
