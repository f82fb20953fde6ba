"""What became of the last pushes of each connector: for who wires a shop and wonders.

No bodies, no personal data. It is noted in memory and written once a second, so a hook costs no
transaction more, and nothing waits when Postgres is away: what would be written then is the newest.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest.edges.directory import Connector
from ingest.edges.store import SOURCE
from ingest.edges.tables import push_log
from plumbing.away import is_transient
from plumbing.resources import worker_role, worker_tx
from plumbing.stopping import pause

KEPT: Final = 20  # of each connector
FLUSH_EVERY_S: Final = 1.0
MAX_REASON_CHARS: Final = 300

# accepted: every part is a fact now. partly: the rest is kept. kept: signed, and no fact to us.
# task: kept, since it asks for a person. forged: not signed by who may. greeting: it only asked for
# us. not_durable: told to come again.
Outcome: TypeAlias = Literal[
    "accepted", "partly", "kept", "task", "forged", "greeting", "not_durable"
]

_FORGET: Final = text("""
    delete from push_log where id in (
        select id from (
            select id, row_number() over (partition by connector_id order by id desc) as place
            from push_log where connector_id = any(:connectors)
        ) ranked where place > :kept
    )""")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Push:
    at: datetime
    outcome: str
    reason: str
    size_bytes: int


@dataclass(eq=False)
class PushLog:
    """One per process."""

    engine: AsyncEngine
    _new: dict[tuple[str, str], deque[Push]] = field(default_factory=dict, init=False)

    def note(
        self, connector: Connector, at: datetime, outcome: Outcome, reason: str, size_bytes: int
    ) -> None:
        key = (connector.shop_id, connector.connector_id)
        newest = self._new.setdefault(key, deque(maxlen=KEPT))
        newest.append(Push(at, outcome, reason[:MAX_REASON_CHARS], size_bytes))

    async def run(self, stop: asyncio.Event) -> None:
        while not await pause(stop, FLUSH_EVERY_S):
            await self.flush()
        await self.flush()

    async def flush(self) -> None:
        """Write what was noted; while the database is away it stays noted."""
        if not self._new:
            return
        noted, self._new = self._new, {}
        try:
            async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
                await conn.execute(insert(push_log), _rows(noted))
                ids = sorted(connector_id for _, connector_id in noted)
                await conn.execute(_FORGET, {"connectors": ids, "kept": KEPT})
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if not is_transient(error):
                raise
            for key, pushes in noted.items():
                pushes.extend(self._new.get(key, ()))
                self._new[key] = pushes


async def last_pushes(conn: AsyncConnection, connector_id: str) -> Sequence[Push]:
    """Return what is written of the connector's pushes, the newest first."""
    columns = (push_log.c.at, push_log.c.outcome, push_log.c.reason, push_log.c.size_bytes)
    page = select(*columns).where(push_log.c.connector_id == connector_id)
    rows = await conn.execute(page.order_by(push_log.c.id.desc()).limit(KEPT))
    return [Push(*row) for row in rows]


def _rows(noted: dict[tuple[str, str], deque[Push]]) -> list[dict[str, Any]]:
    return [
        {
            "shop_id": shop_id,
            "connector_id": connector_id,
            "at": push.at,
            "outcome": push.outcome,
            "reason": push.reason,
            "size_bytes": push.size_bytes,
        }
        for (shop_id, connector_id), pushes in noted.items()
        for push in pushes
    ]
