"""What the last batch of a partition left, so that the next need not read it again.

A memory is true only if the transaction that made it is the last one under a claim that still
holds. Both are asked of Postgres, behind the batch's fence: whether that transaction committed,
and whether the partition's epoch is still that one. So whatever happened meanwhile - a fence, a
COMMIT without an answer, a revocation, another pod's batch - nothing stale is believed. It is
taken out before the batch and put back after it: a batch that fails leaves nothing.

Rows that others than the partition's owner write (an order of two customers, midnight) are
guarded as ever: a row is written only if its `xmin` is the one that we know. Customers who are one
person with others are not remembered, for several partitions write them.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Generic, TypeAlias, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.domain.fold import Held, OrderKey
from segmenter.domain.standing import CustomerKey, Standing

Place: TypeAlias = tuple[str, int]  # topic, partition

ROW_BYTES: Final = 800  # of an order or a standing with its key, as Python holds it
MOST_BYTES: Final = 128 * 1024 * 1024  # of all partitions
LEFT_ALONE_S: Final = 600.0  # revoked, or without events

_LOOK: Final = text(
    """
    select cast(pg_current_xact_id() as text) as xact,
           cast(cast(pg_current_xact_id() as xid) as text) as xmin,
           pg_xact_status(cast(cast(:xact as text) as xid8)) as became,
           (select epoch from consumer_partition
            where grp = :grp and topic = :topic and part = :part) as epoch
    """
)

K = TypeVar("K")
V = TypeVar("V")


@dataclass(eq=False, slots=True)
class Rows(Generic[K, V]):
    """Rows by key, each with the `xmin` under which it is known."""

    held: dict[K, V] = field(default_factory=dict)
    seen: dict[K, str] = field(default_factory=dict)

    def note(self, rows: Mapping[K, V], xmin: str) -> None:
        """Remember *rows*, all of one transaction."""
        self.held.update(rows)
        self.seen.update(dict.fromkeys(rows, xmin))

    def drop(self, keys: Iterable[K]) -> None:
        for key in keys:
            self.held.pop(key, None)
            self.seen.pop(key, None)

    def trim(self, most: int) -> None:
        """Forget the oldest, so many at once that it is seldom done."""
        if len(self.held) > most:
            recent = islice(self.held, len(self.held) - most // 2, None)
            self.held = {key: self.held[key] for key in recent}
            self.seen = {key: self.seen[key] for key in self.held}


@dataclass(eq=False, slots=True)
class Memory:
    """One partition's, as the transaction *xact* leaves it under the claim of *epoch*."""

    xact: str = ""
    xmin: str = ""  # of all that it writes
    epoch: int | None = None  # None: of no claim, so nothing to keep
    orders: Rows[OrderKey, Held] = field(default_factory=Rows)
    standings: Rows[CustomerKey, Standing] = field(default_factory=Rows)

    def forget(self) -> None:
        self.orders, self.standings = Rows(), Rows()

    def trim(self, most: int) -> None:
        """Forget the oldest rows where there are more than *most*."""
        self.orders.trim(most // 2)
        self.standings.trim(most // 2)


class Memories:
    """Those of a process. Each partition has an equal share of the bytes, until it is left alone.

    Args:
        grp: The consumer group.
        most_bytes: Of all together, about.
    """

    def __init__(self, grp: str, most_bytes: int = MOST_BYTES) -> None:
        self._grp = grp
        self._most = most_bytes // ROW_BYTES
        self._kept: dict[Place, Memory] = {}
        self._kept_at: dict[Place, float] = {}  # monotonic; of those too that are taken out

    async def take(self, conn: AsyncConnection, place: Place) -> Memory:
        """Return what is known of *place* in the batch's transaction, whose fence is passed."""
        kept = self._kept.pop(place, None) or Memory()
        if conn.in_nested_transaction():
            return Memory()  # a savepoint: its rows have another xmin, and it may be rolled back
        at = {"grp": self._grp, "topic": place[0], "part": place[1], "xact": kept.xact or None}
        now = (await conn.execute(_LOOK, at)).one()
        is_true = now.became == "committed" and now.epoch is not None and now.epoch == kept.epoch
        memory = kept if is_true else Memory()
        memory.xact, memory.xmin, memory.epoch = now.xact, now.xmin, now.epoch
        return memory

    def keep(self, place: Place, memory: Memory) -> None:
        """Remember *memory* as of its transaction, which is about to be committed."""
        if memory.epoch is None:
            return
        now = time.monotonic()
        self._kept[place], self._kept_at[place] = memory, now
        for other, at in list(self._kept_at.items()):
            if now - at > LEFT_ALONE_S:
                del self._kept_at[other]
                self._kept.pop(other, None)
        share = self._most // len(self._kept_at)
        for one in self._kept.values():
            one.trim(share)
