"""Reading SQL behind the API: why a customer got something or did not, tasks, rules."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Table, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.edges.tables import (
    decision,
    delivery,
    order_fact,
    parcel_fact,
    planned_message,
    review_fact,
    rule_version,
    task,
    timer,
)
from care_triggers.errors import TaskEnded, TaskNotFound

NEWEST = 200  # of each kind; an explanation is for a person to read


class Queries:
    """Bound to a transaction that sees one shop only."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def facts(self, customer_id: str) -> dict[str, list[Row[Any]]]:
        return {
            "orders": await self._of(order_fact, customer_id),
            "parcels": await self._of(parcel_fact, customer_id),
            "reviews": await self._of(review_fact, customer_id),
        }

    async def timers(self, customer_id: str, rule_id: str | None) -> list[Row[Any]]:
        return await self._all(_ruled(timer, customer_id, rule_id).order_by(timer.c.due_at))

    async def messages(self, customer_id: str, rule_id: str | None) -> list[Row[Any]]:
        query = _ruled(planned_message, customer_id, rule_id)
        return await self._all(query.order_by(planned_message.c.planned_at.desc()))

    async def decisions(self, customer_id: str, rule_id: str | None) -> list[Row[Any]]:
        query = _ruled(decision, customer_id, rule_id)
        return await self._all(query.order_by(decision.c.at.desc(), decision.c.decision_id))

    async def deliveries(self, customer_id: str, rule_id: str | None) -> list[Row[Any]]:
        query = _ruled(delivery, customer_id, rule_id)
        return await self._all(query.order_by(delivery.c.changed_at.desc(), delivery.c.revision))

    async def tasks(
        self,
        state: str | None,
        customer_id: str | None,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Row[Any]]:
        """Return tasks by their due instant, from the one after *after* on."""
        query = select(task).order_by(task.c.due_at, task.c.task_id).limit(limit)
        if state is not None:
            query = query.where(task.c.state == state)
        if customer_id is not None:
            query = query.where(task.c.customer_id == customer_id)
        if after is not None:
            query = query.where(tuple_(task.c.due_at, task.c.task_id) > after)
        return list((await self._conn.execute(query)).all())

    async def end_task(self, task_id: str, *, outcome: str, by: str, now: datetime) -> Row[Any]:
        """Mark an open task as done.

        Raises:
            TaskNotFound: This shop has none of that id.
            TaskEnded: Somebody was faster, or its cause is gone.
        """
        where = task.c.task_id == task_id
        found = await self._conn.execute(select(task.c.state).where(where).with_for_update())
        state = found.scalar_one_or_none()
        if state is None:
            raise TaskNotFound("no such task")
        if state != "open":
            raise TaskEnded(f"the task is {state}")
        done = (
            update(task)
            .where(where)
            .values(state="done", outcome=outcome, ended_at=now, ended_by=by)
            .returning(task)
        )
        row: Row[Any] = (await self._conn.execute(done)).one()
        return row

    async def rules(self) -> list[Row[Any]]:
        query = select(rule_version).where(rule_version.c.until.is_(None))
        return await self._all(query.order_by(rule_version.c.rule_id))

    async def _of(self, table: Table, customer_id: str) -> list[Row[Any]]:
        return await self._all(select(table).where(table.c.customer_id == customer_id))

    async def _all(self, query: Select[Any]) -> list[Row[Any]]:
        return list((await self._conn.execute(query.limit(NEWEST))).all())


def _ruled(table: Table, customer_id: str, rule_id: str | None) -> Select[Any]:
    query = select(table).where(table.c.customer_id == customer_id)
    return query if rule_id is None else query.where(table.c.rule_id == rule_id)
