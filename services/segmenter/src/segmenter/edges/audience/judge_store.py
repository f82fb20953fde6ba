"""Judgements in Postgres: which audience, who enters and leaves, how far it got."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import AttributeType, AudienceChanged
from segmenter.app.judge_audience import Change, Task
from segmenter.domain.audience.tree import Question, Today
from segmenter.edges.audience.compile import compile_question
from segmenter.edges.store import Outlet, publish

_USED: Final = "audience.kind = 'live' and cardinality(used_by) > 0 and not removed"
_TURNED: Final = f"({_USED} and turned_at is distinct from done_at)"
_TASK: Final = f"""
    select audience.*, zone, currency, attributes, day, done_at, (due or {_TURNED}) as compares
    from audience join shop using (shop_id) join shop_day using (shop_id)
    """  # noqa: S608 - put together from constants
# Not while a shop's midnight pass is at work: then its cells are partly yesterday's. What a frozen
# audience has rests in `audience_change` until somebody uses it.
_TAKE: Final = text(
    f"""
    {_TASK}
    where phase = 'done'
      and (due or {_TURNED} or (writing and (removed or cardinality(used_by) > 0)))
    order by judged_day nulls first, shop_id, audience_id
    limit 1 for update of audience skip locked
    """
)
_FORGET: Final = text(
    "delete from audience_change where shop_id = :shop_id and audience_id = :audience_id"
)
_DIFFERENCE: Final = """
    insert into audience_change (shop_id, audience_id, customer_id, member)
    select :shop_id, :audience_id, customer_id, held is null
    from (select customer_id, true as chosen from ({rows}) asked where {member}) judged
    full join (select customer_id, true as held from audience_member
               where shop_id = :shop_id and audience_id = :audience_id) kept using (customer_id)
    where chosen is null or held is null
    """
_COMPARED: Final = text(
    """
    update audience
    set judgement = judgement + 1, judged_day = :day, due = false, writing = true, fault = null,
        turned_at = (select done_at from shop_day where shop_day.shop_id = :shop_id)
    where shop_id = :shop_id and audience_id = :audience_id
    """
)
_FAULT: Final = text(
    """
    update audience
    set due = false, writing = false, fault = :reason,
        turned_at = (select done_at from shop_day where shop_day.shop_id = :shop_id)
    where shop_id = :shop_id and audience_id = :audience_id
    """
)
_DRAW: Final = text(
    """
    delete from audience_change
    where shop_id = :shop_id and audience_id = :audience_id and customer_id = any(array(
      select customer_id from audience_change
      where shop_id = :shop_id and audience_id = :audience_id
      order by customer_id limit :limit))
    returning customer_id, member
    """
)
_ENTER: Final = text(
    """
    insert into audience_member (shop_id, audience_id, customer_id, since)
    select :shop_id, :audience_id, customer_id, :since
    from unnest(cast(:customers as text[])) as new(customer_id)
    on conflict (shop_id, audience_id, customer_id) do nothing
    """
)
_LEAVE: Final = text(
    """
    delete from audience_member
    where shop_id = :shop_id and audience_id = :audience_id
      and customer_id = any(cast(:customers as text[]))
    """
)
_FINISH: Final = text(
    "update audience set writing = false where shop_id = :shop_id and audience_id = :audience_id"
)
_REMOVE: Final = text(
    "delete from audience where shop_id = :shop_id and audience_id = :audience_id and removed"
)
_DIRTY_SHOP: Final = text(
    f"""
    select shop_id from shop_day
    where phase = 'done'
      and exists (select from audience_dirty where audience_dirty.shop_id = shop_day.shop_id)
      and not exists (select from audience
                      where audience.shop_id = shop_day.shop_id and {_USED}
                        and (due or writing or turned_at is distinct from done_at))
    order by shop_id limit 1
    """  # noqa: S608 - put together from constants
)
# Waits: whoever draws customers judges them by all audiences.
_LOCK_USED: Final = text(
    f"{_TASK} where shop_id = :shop_id and {_USED} order by audience_id for update of audience"
)
_DRAW_DIRTY: Final = text(
    """
    delete from audience_dirty
    where seq = any(array(select seq from audience_dirty where shop_id = :shop_id
                          order by seq limit :limit))
    returning customer_id
    """
)
# Whoever is not asked about, such as somebody's alias, is no member.
_SOME: Final = """
    select customer_id, coalesce(chosen, false) as member
    from (select customer_id, {member} as chosen from ({rows}) asked) judged
    full join (select customer_id, true as held from audience_member
               where shop_id = :shop_id and audience_id = :audience_id
                 and customer_id = any(cast(:only as text[]))) kept using (customer_id)
    where coalesce(chosen, false) <> (held is not null)
    order by customer_id
    """
_JUDGED_SOME: Final = text(
    """
    update audience set judgement = judgement + 1
    where shop_id = :shop_id and audience_id = any(cast(:audiences as text[]))
    returning audience_id, judgement
    """
)


class JudgeStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet

    async def take(self) -> Task | None:
        row = (await self._conn.execute(_TAKE)).one_or_none()
        return None if row is None else _task(row)

    async def compare(self, task: Task, question: Question | None) -> None:
        key = _key(task)
        await self._conn.execute(_FORGET, key)
        if question is None:
            rows, member, values = "select '' as customer_id", "false", {}
        else:
            found = compile_question(question, task.shop)
            rows, member, values = found.rows, found.member, dict(found.values)
        query = _DIFFERENCE.format(rows=rows, member=member)
        await self._conn.execute(text(query), {**values, **key})
        await self._conn.execute(_COMPARED, {**key, "day": task.shop.day})

    async def fault(self, task: Task, reason: str) -> None:
        await self._conn.execute(_FAULT, {**_key(task), "reason": reason})

    async def draw(self, task: Task, limit: int) -> list[Change]:
        rows = await self._conn.execute(_DRAW, {**_key(task), "limit": limit})
        changes = [Change(row.customer_id, row.member) for row in rows]
        return sorted(changes, key=lambda change: change.customer_id)

    async def keep(self, task: Task, changes: Sequence[Change]) -> None:
        entered = [change.customer_id for change in changes if change.member]
        left = [change.customer_id for change in changes if not change.member]
        since = {**_key(task), "since": task.judgement, "customers": entered}
        await self._conn.execute(_ENTER, since)
        await self._conn.execute(_LEAVE, {**_key(task), "customers": left})

    async def send(self, changes: Sequence[AudienceChanged]) -> None:
        await publish(self._conn, self._outlet, changes)

    async def finish(self, task: Task) -> None:
        if task.removed:
            await self._conn.execute(_REMOVE, _key(task))
        else:
            await self._conn.execute(_FINISH, _key(task))

    async def take_changed(self, limit: int) -> tuple[list[Task], list[str]]:
        shop_id = (await self._conn.execute(_DIRTY_SHOP)).scalar_one_or_none()
        if shop_id is None:
            return [], []
        rows = (await self._conn.execute(_LOCK_USED, {"shop_id": shop_id})).all()
        if any(row.compares or row.writing for row in rows):
            return [], []  # meanwhile; a whole judgement goes first
        drawn = await self._conn.execute(_DRAW_DIRTY, {"shop_id": shop_id, "limit": limit})
        customers = sorted(set(drawn.scalars()))
        audiences = {"shop_id": shop_id, "audiences": [row.audience_id for row in rows]}
        judged = await self._conn.execute(_JUDGED_SOME, audiences)
        judgements = {row.audience_id: row.judgement for row in judged}
        return [_task(row, judgements[row.audience_id]) for row in rows], customers

    async def compare_some(
        self, task: Task, question: Question, customers: Sequence[str]
    ) -> list[Change]:
        found = compile_question(question, task.shop, only=True)
        query = _SOME.format(rows=found.rows, member=found.member)
        values = {**found.values, **_key(task), "only": list(customers)}
        return [Change(*row) for row in await self._conn.execute(text(query), values)]


def _key(task: Task) -> dict[str, str]:
    return {"shop_id": task.shop.shop_id, "audience_id": task.audience_id}


def _task(row: Row[Any], judgement: int | None = None) -> Task:
    return Task(
        shop=Today(row.shop_id, row.zone, row.currency, row.day),
        own={name: AttributeType(of) for name, of in (row.attributes or {}).items()},
        audience_id=row.audience_id,
        question=row.question,
        judgement=row.judgement if judgement is None else judgement,
        judged_day=row.judged_day,
        compares=row.compares,
        removed=row.removed,
    )
