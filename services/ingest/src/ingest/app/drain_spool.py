"""Publish what waits in the spool, and say up to when all payments are in the log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Spooled(Generic[R]):
    seq: int
    record: R


class Spool(Protocol[R]):
    """The table; each call is one transaction."""

    async def oldest(self, limit: int) -> list[Spooled[R]]: ...
    async def delete(self, seqs: Collection[int]) -> None: ...

    async def real_now(self) -> datetime: ...

    async def held_partitions(self) -> set[int]:
        """Return the partitions of orders for which something waits to be published."""


class Log(Protocol[R_contra]):
    async def try_send(self, records: Sequence[R_contra]) -> list[bool]:
        """Send to Kafka alone; tell of each, in order, whether it was acknowledged."""

    async def try_watermark(self, at: datetime, parts: Sequence[int]) -> None: ...


async def drain_spool(spool: Spool[R], log: Log[R], *, limit: int) -> int:
    """Publish the oldest *limit* rows, delete the acknowledged; return how many these were.

    A crash between the two publishes again what has the same ids: it merges away.
    """
    rows = await spool.oldest(limit)
    if not rows:
        return 0
    acks = await log.try_send([row.record for row in rows])
    done = [row.seq for row, acknowledged in zip(rows, acks, strict=True) if acknowledged]
    await spool.delete(done)
    return len(done)


async def send_watermarks(spool: Spool[R], log: Log[R], *, partitions: int) -> int:
    """Publish the instant before which every acknowledged payment is in its partition's log.

    The clock is read first, and only then it is checked that nothing waits: what is acknowledged
    after the reading is not covered by it.
    """
    at = await spool.real_now()
    held = await spool.held_partitions()
    parts = [part for part in range(partitions) if part not in held]
    if parts:
        await log.try_watermark(at, parts)
    return len(parts)
