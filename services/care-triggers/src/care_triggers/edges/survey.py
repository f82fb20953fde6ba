"""What waits in the tables, for the gauges: asked for by a loop, never by a scrape."""

import time
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from care_triggers.edges.rows import SERVICE
from care_triggers.metrics import OLDEST_DUE, TIMERS, TIMERS_DUE
from plumbing.resources import worker_role, worker_tx

AT_MOST: Final = 10_000

_WAITING: Final = text("select count(*) from (select from timer limit 100000) counted")
_DUE: Final = text(
    """
    select key from timer where next_at <= clock.business_now() order by next_at, key limit :at_most
    """
)


@dataclass(kw_only=True, eq=False)
class Survey:
    """One look, for `plumbing.poll`.

    A fact may come long after what it tells of, and its timer is then due at birth. Late is only
    what one look after the other finds due.
    """

    engine: AsyncEngine
    _since: dict[str, float] = field(default_factory=dict, init=False)

    async def __call__(self) -> int:
        """Refresh the gauges; nothing is left to do afterwards."""
        async with worker_tx(self.engine, worker_role(SERVICE)) as conn:
            waiting = await conn.scalar(_WAITING)
            due = (await conn.scalars(_DUE, {"at_most": AT_MOST})).all()
        now = time.monotonic()
        self._since = {key: self._since.get(key, now) for key in due}
        TIMERS.set(waiting or 0)
        TIMERS_DUE.set(len(due))
        OLDEST_DUE.set(now - min(self._since.values(), default=now))
        return 0
