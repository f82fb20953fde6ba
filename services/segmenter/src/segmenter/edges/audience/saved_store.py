"""Saved audiences as the API keeps them. The transaction sees one shop's rows only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.errors import AudienceConflict

MOST_SAVED: Final = 500
MOST_USED: Final = 20
MOST_USERS: Final = 50
# The first of an advisory lock's two keys; the second is the shop: who counts audiences is alone.
COUNT_LOCK: Final = 4_820_103

_ALONE: Final = text("select pg_advisory_xact_lock(:space, hashtext(:shop_id))")
_HOW_MANY: Final = text(
    """
    select count(*) as saved,
           count(*) filter (where kind = 'live' and cardinality(used_by) > 0) as used
    from audience where not removed
    """
)
_INSERT: Final = text(
    """
    insert into audience
      (shop_id, audience_id, name, kind, question, revision, used_by, created_at, updated_at,
       judgement, due, writing, removed)
    values (:shop_id, :audience_id, :name, :kind, cast(:question as jsonb), 1, '{}',
            clock.business_now(), clock.business_now(), 0, :kind = 'frozen', false, false)
    on conflict (shop_id, name) do nothing
    returning *
    """
)
_COLUMNS: Final = "select * from audience where not removed"
_ONE: Final = text(_COLUMNS + " and audience_id = :audience_id")
_LOCK: Final = text(_COLUMNS + " and audience_id = :audience_id for update")
_PAGE: Final = text(_COLUMNS + " and audience_id > :after order by audience_id limit :limit")
_RENEW: Final = text(
    """
    update audience
    set name = :name, question = cast(:question as jsonb), revision = revision + 1,
        updated_at = clock.business_now(), fault = null,
        due = kind = 'frozen' or cardinality(used_by) > 0
    where audience_id = :audience_id
      and not exists (select from audience other
                      where other.name = :name and other.audience_id <> :audience_id)
    returning *
    """
)
_USE: Final = text(
    """
    update audience
    set used_by = array(select distinct one from unnest(used_by || cast(:user as text)) one
                        order by one),
        due = due or kind = 'live' and cardinality(used_by) = 0
    where audience_id = :audience_id returning *
    """
)
_RELEASE: Final = text(
    """
    update audience set used_by = array_remove(used_by, :user)
    where audience_id = :audience_id returning *
    """
)
# The name is free at once; whom it had is told by the pass, which removes the row at last.
_REMOVE: Final = text(
    """
    update audience set removed = true, due = true, name = 'removed ' || audience_id
    where audience_id = :audience_id
    """
)
_MEMBERS: Final = text(
    """
    select count(*) from audience_member
    where shop_id = :shop_id and audience_id = :audience_id
    """
)


@dataclass(frozen=True, slots=True)
class Saved:
    audience_id: str
    name: str
    kind: str
    question: Mapping[str, Any]
    revision: int
    used_by: Sequence[str]
    created_at: datetime
    updated_at: datetime
    judged_day: date | None
    is_settled: bool  # what is kept of its members is whole
    fault: str | None


class SavedStore:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection, shop_id: str) -> None:
        self._conn = conn
        self._shop_id = shop_id

    async def add(self, audience_id: str, name: str, kind: str, question: object) -> Saved:
        await self._alone()
        if (await self._conn.execute(_HOW_MANY)).one().saved >= MOST_SAVED:
            raise AudienceConflict(f"a shop has at most {MOST_SAVED} audiences: delete one first")
        values = {
            "shop_id": self._shop_id,
            "audience_id": audience_id,
            "name": name,
            "kind": kind,
            "question": orjson.dumps(question).decode(),
        }
        return _named(await self._conn.execute(_INSERT, values))

    async def one(self, audience_id: str, *, lock: bool = False) -> Saved | None:
        query = _LOCK if lock else _ONE
        row = (await self._conn.execute(query, {"audience_id": audience_id})).one_or_none()
        return None if row is None else _saved(row)

    async def page(self, after: str, limit: int) -> list[Saved]:
        rows = await self._conn.execute(_PAGE, {"after": after, "limit": limit})
        return [_saved(row) for row in rows]

    async def renew(self, audience_id: str, name: str, question: object) -> Saved:
        await self._alone()
        values = {
            "audience_id": audience_id,
            "name": name,
            "question": orjson.dumps(question).decode(),
        }
        return _named(await self._conn.execute(_RENEW, values))

    async def use(self, saved: Saved, user: str) -> Saved:
        await self._alone()
        used = (await self._conn.execute(_HOW_MANY)).one().used
        if saved.kind == "live" and not saved.used_by and used >= MOST_USED:
            raise AudienceConflict(
                f"a shop has at most {MOST_USED} live audiences in use: release one first,"
                " or save this one as frozen"
            )
        if user not in saved.used_by and len(saved.used_by) >= MOST_USERS:
            raise AudienceConflict(f"an audience has at most {MOST_USERS} users")
        values = {"audience_id": saved.audience_id, "user": user}
        return _saved((await self._conn.execute(_USE, values)).one())

    async def release(self, saved: Saved, user: str) -> Saved:
        values = {"audience_id": saved.audience_id, "user": user}
        return _saved((await self._conn.execute(_RELEASE, values)).one())

    async def remove(self, saved: Saved) -> None:
        if saved.used_by:
            raise AudienceConflict("the audience is in use: let its users release it first")
        await self._conn.execute(_REMOVE, {"audience_id": saved.audience_id})

    async def how_many_members(self, audience_id: str) -> int:
        """Return how many are announced as members."""
        values = {"shop_id": self._shop_id, "audience_id": audience_id}
        return int((await self._conn.execute(_MEMBERS, values)).scalar_one())

    async def _alone(self) -> None:
        await self._conn.execute(_ALONE, {"space": COUNT_LOCK, "shop_id": self._shop_id})


def _named(result: Any) -> Saved:
    row = result.one_or_none()
    if row is None:
        raise AudienceConflict("another audience of the shop has this name")
    return _saved(row)


def _saved(row: Row[Any]) -> Saved:
    return Saved(
        audience_id=row.audience_id,
        name=row.name,
        kind=row.kind,
        question=row.question,
        revision=row.revision,
        used_by=list(row.used_by),
        created_at=row.created_at,
        updated_at=row.updated_at,
        judged_day=row.judged_day,
        is_settled=row.judgement > 0 and not row.due and not row.writing,
        fault=row.fault,
    )
