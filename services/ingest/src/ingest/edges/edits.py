"""What staff changed of many customers at once, kept to be looked up and to be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import customer_key
from ingest.app.note_customer import Who
from ingest.domain.editing import Before, from_rows, to_rows
from ingest.edges.tables import edit, edited
from plumbing.seal import Sealer

KEPT_DAYS: Final = 30  # of what was there before

_OUTLIVED: Final = text(
    """
    delete from edited
    where (edit_id, customer_id) in (
        select d.edit_id, d.customer_id from edit e join edited d on d.edit_id = e.edit_id
        where e.at < clock.business_now() - make_interval(days => :days)
        limit :limit)
    """
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An edit as it was asked for; `change` is its JSON."""

    edit_id: str
    shop_id: str
    at: datetime
    source: str
    by: str
    change: Mapping[str, Any]
    customers: int
    reverted_at: datetime | None = None


class EditStore:
    """One open transaction; as the API it sees one shop only."""

    def __init__(self, conn: AsyncConnection, sealer: Sealer) -> None:
        self._conn = conn
        self._sealer = sealer

    async def keep(self, new: Kept, before: Mapping[Who, Before]) -> None:
        change = self._sealer.seal(orjson.dumps(new.change), _context(new.edit_id))
        row = {
            "edit_id": new.edit_id,
            "shop_id": new.shop_id,
            "at": new.at,
            "source": new.source,
            "by": new.by,
            "change": change,
            "customers": new.customers,
        }
        await self._conn.execute(insert(edit), row)
        rows = [
            {
                "edit_id": new.edit_id,
                "shop_id": new.shop_id,
                "customer_id": who[1],
                "before": self._sealer.seal(orjson.dumps(to_rows(was)), _context(new.edit_id, who)),
            }
            for who, was in sorted(before.items())
        ]
        if rows:
            await self._conn.execute(insert(edited), rows)

    async def latest(self, shop_id: str, limit: int) -> list[Kept]:
        wanted = select(edit).where(edit.c.shop_id == shop_id)
        rows = await self._conn.execute(wanted.order_by(edit.c.at.desc()).limit(limit))
        return [self._kept(row) for row in rows]

    async def locked(self, shop_id: str, edit_id: str) -> Kept | None:
        wanted = select(edit).where(edit.c.shop_id == shop_id, edit.c.edit_id == edit_id)
        row = (await self._conn.execute(wanted.with_for_update())).one_or_none()
        return None if row is None else self._kept(row)

    async def before(self, edit_id: str) -> dict[Who, Before]:
        rows = await self._conn.execute(select(edited).where(edited.c.edit_id == edit_id))
        found = {}
        for row in rows:
            who = (row.shop_id, row.customer_id)
            opened = self._sealer.unseal(row.before, _context(edit_id, who))
            found[who] = from_rows(orjson.loads(opened))
        return found

    async def note_reverted(self, edit_id: str, at: datetime) -> None:
        changed = update(edit).where(edit.c.edit_id == edit_id).values(reverted_at=at)
        await self._conn.execute(changed)
        await self._conn.execute(delete(edited).where(edited.c.edit_id == edit_id))

    def _kept(self, row: Row[Any]) -> Kept:
        change = orjson.loads(self._sealer.unseal(row.change, _context(row.edit_id)))
        return Kept(
            row.edit_id,
            row.shop_id,
            row.at,
            row.source,
            row.by,
            change,
            row.customers,
            row.reverted_at,
        )


async def forget_before(conn: AsyncConnection, limit: int) -> None:
    """Delete what was there before edits that are too old to be taken back."""
    await conn.execute(_OUTLIVED, {"days": KEPT_DAYS, "limit": limit})


def _context(edit_id: str, who: Who | None = None) -> bytes:
    whose = b"" if who is None else b":" + customer_key(*who)
    return b"edit:" + edit_id.encode() + whose
