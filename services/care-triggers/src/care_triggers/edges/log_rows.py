"""SQL of what was decided and what became of it: decisions, tasks, planned messages, deliveries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from care_triggers.app.note_event import Key
from care_triggers.domain.course import Note, Task
from care_triggers.domain.rulebook import Pending
from care_triggers.edges.rows import Rows, among, timer_of
from care_triggers.edges.rule_rows import recallable
from care_triggers.edges.tables import decision, delivery, planned_message, task, timer
from contracts.events import DeliveryChanged, MessagePlanned


class LogRows(Rows):
    async def log(self, notes: Sequence[Note]) -> None:
        """Keep decisions; one that was taken before stays as it was."""
        rows = [
            {
                "decision_id": one.decision.decision_id,
                "shop_id": one.decision.shop_id,
                "customer_id": one.decision.customer_id,
                "rule_id": one.decision.rule_id,
                "rule_version": one.decision.rule_version,
                "kind": one.decision.kind,
                "once_key": one.decision.once_key,
                "result": one.decision.result.value,
                "reason": one.decision.reason,
                "due_at": one.decision.due_at,
                "message_id": one.decision.message_id,
                "task_id": one.decision.task_id,
                "at": one.at,
                "facts": dict(one.facts),
            }
            for one in notes
        ]
        if rows:
            await self._conn.execute(insert(decision).on_conflict_do_nothing(), rows)

    async def plan(self, messages: Sequence[MessagePlanned], now: datetime) -> None:
        rows = [
            {
                "message_id": one.message_id,
                "shop_id": one.shop_id,
                "customer_id": one.customer_id,
                "rule_id": one.rule_id,
                "rule_version": one.rule_version,
                "kind": one.kind,
                "once_key": one.once_key,
                "order_id": one.order_id,
                "parcel_id": one.parcel_id,
                "review_id": one.review_id,
                "due_at": one.due_at,
                "expires_at": one.expires_at,
                "planned_at": now,
                "revision": 0,
            }
            for one in messages
        ]
        if rows:
            await self._conn.execute(insert(planned_message).on_conflict_do_nothing(), rows)

    async def recall(self, reasons: Mapping[str, str], now: datetime) -> set[str]:
        if not reasons:
            return set()
        held = (
            select(planned_message.c.message_id)
            .where(planned_message.c.message_id.in_(sorted(reasons)), recallable)
            .order_by(planned_message.c.message_id)
            .with_for_update()
        )
        found = set((await self._conn.execute(held)).scalars())
        if found:
            where = planned_message.c.message_id.in_(sorted(found))
            await self._conn.execute(update(planned_message).where(where).values(recalled_at=now))
        return found

    async def open_tasks(self, tasks: Sequence[Task]) -> None:
        rows = [
            {
                "task_id": one.task_id,
                "shop_id": one.shop_id,
                "customer_id": one.customer_id,
                "rule_id": one.rule_id,
                "rule_version": one.rule_version,
                "cause": one.cause,
                "subject": one.subject,
                "team": one.team,
                "priority": one.priority,
                "order_id": one.order_id,
                "opened_at": one.opened_at,
                "due_at": one.due_at,
                "state": "open",
                "outcome": "",
            }
            for one in tasks
        ]
        if rows:
            await self._conn.execute(insert(task).on_conflict_do_nothing(), rows)

    async def close_tasks(self, reasons: Mapping[str, str], now: datetime) -> None:
        """Close tasks whose cause is gone; one that a person ended stays as it is."""
        if not reasons:
            return
        close = (
            update(task)
            .where(task.c.task_id == bindparam("of"), task.c.state == "open")
            .values(state="closed", outcome=bindparam("why"), ended_at=now)
        )
        rows: list[dict[str, Any]] = [
            {"of": key, "why": reason} for key, reason in sorted(reasons.items())
        ]
        await self._conn.execute(close, rows)

    async def pending_of(self, people: Collection[Key]) -> Pending:
        waiting = select(timer).where(among(timer, timer.c.customer_id, people))
        planned = select(planned_message, planned_message.c.message_id.label("key")).where(
            among(planned_message, planned_message.c.customer_id, people), recallable
        )
        return Pending(
            [timer_of(row) for row in await self._conn.execute(waiting)],
            [timer_of(row) for row in await self._conn.execute(planned)],
        )

    async def note_deliveries(self, changes: Sequence[DeliveryChanged]) -> None:
        """Keep every state once, and the newest beside the planned message."""
        ordered = sorted(changes, key=lambda one: (one.message_id, one.revision))
        if not ordered:
            return
        await self._conn.execute(
            insert(delivery).on_conflict_do_nothing(),
            [
                {
                    "message_id": one.message_id,
                    "revision": one.revision,
                    "shop_id": one.shop_id,
                    "customer_id": one.customer_id,
                    "rule_id": one.rule_id,
                    "state": one.state.value,
                    "reason": one.reason,
                    "channel": one.channel and one.channel.value,
                    "changed_at": one.changed_at,
                }
                for one in ordered
            ],
        )
        newest = {one.message_id: one for one in ordered}
        move = (
            update(planned_message)
            .where(planned_message.c.message_id == bindparam("of"))
            .where(planned_message.c.revision < bindparam("new_revision"))
            .values(state=bindparam("new_state"), revision=bindparam("new_revision"))
        )
        await self._conn.execute(
            move,
            [
                {"of": key, "new_revision": one.revision, "new_state": one.state.value}
                for key, one in newest.items()
            ],
        )
