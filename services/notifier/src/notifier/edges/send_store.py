"""What comes after the gate: outcomes, receipts that waited, what nobody settled."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, delete, func, or_, select, text, update

from contracts.events import DeliveryState
from notifier.domain.message import Message
from notifier.domain.outcome import Accepted, Outcome
from notifier.domain.receipts import Receipt
from notifier.edges import tables as t
from notifier.edges.gate_store import GateStore
from notifier.edges.message_rows import COLUMNS, message_of

SWEEP: Final = 500

_TAKE_MATCHED: Final = text(
    """
    delete from gateway_receipt r using message m
    where m.attempt_no > 0
      and (m.message_id = r.message_id
           or (m.gateway = r.gateway and m.provider_id = r.provider_id))
    returning r.gateway, r.state, r.message_id, r.provider_id, r.at
    """
)
_PRUNE: Final = (
    text("delete from gateway_receipt where received_at < clock_timestamp() - interval '24 hours'"),
    text("delete from said where day < (clock.business_now() - interval '3 days')::date"),
    text("delete from cap_count where day < (clock.business_now() - interval '40 days')::date"),
)


class SendStore(GateStore):
    """All statements of the send path; bound to one open transaction."""

    async def lock(self, message_id: str) -> Message | None:
        return await self.lock_one(t.message.c.message_id == message_id)

    async def lock_one(self, condition: ColumnElement[bool]) -> Message | None:
        found = await self._conn.execute(
            select(*COLUMNS).where(condition).order_by(t.message.c.message_id).with_for_update()
        )
        row = found.mappings().first()
        return None if row is None else message_of(row)

    async def waiting_receipts(self, message: Message) -> list[Receipt]:
        r = t.gateway_receipt.c
        found = await self._conn.execute(
            delete(t.gateway_receipt)
            .where(
                r.gateway == message.gateway,
                or_(r.message_id == message.message_id, r.provider_id == message.provider_id),
            )
            .returning(r.gateway, r.state, r.message_id, r.provider_id, r.at)
        )
        return [receipt_of(row) for row in found.mappings()]

    async def end_attempt(self, message_id: str, attempt_no: int, result: Outcome) -> bool:
        ended = await self._conn.scalar(
            update(t.attempt)
            .where(
                t.attempt.c.message_id == message_id,
                t.attempt.c.attempt_no == attempt_no,
                t.attempt.c.outcome.is_(None),
            )
            .values(
                outcome=type(result).__name__.lower(),
                detail="" if isinstance(result, Accepted) else result.reason,
            )
            .returning(t.attempt.c.attempt_no)
        )
        return ended is not None

    async def give_back(self, message_id: str, attempt_no: int) -> None:
        a = t.attempt.c
        of_attempt = (a.message_id == message_id, a.attempt_no == attempt_no)
        c = t.cap_count.c
        await self._conn.execute(
            update(t.cap_count)
            .where(
                *of_attempt,
                c.shop_id == a.shop_id,
                c.customer_id == a.customer_id,
                c.day == a.day,
                c.message_class == a.message_class,
                c.channel == a.channel,
            )
            .values(n=c.n - 1)
        )
        await self._conn.execute(delete(t.said).where(t.said.c.message_id == message_id))

    async def lock_stale(self, state: DeliveryState, older_than_s: float) -> list[Message]:
        m = t.message.c
        found = await self._conn.execute(
            select(*COLUMNS)
            .where(
                m.state == state.value,
                m.since < func.clock_timestamp() - timedelta(seconds=older_than_s),
            )
            .order_by(m.message_id)
            .limit(SWEEP)
            .with_for_update(skip_locked=True)
        )
        return [message_of(row) for row in found.mappings()]

    async def take_matched(self) -> list[Receipt]:
        return [receipt_of(row) for row in (await self._conn.execute(_TAKE_MATCHED)).mappings()]

    async def prune(self) -> None:
        """Drop what cannot matter any more."""
        for statement in _PRUNE:
            await self._conn.execute(statement)


def receipt_of(row: RowMapping) -> Receipt:
    return Receipt(
        gateway=row["gateway"],
        state=DeliveryState(row["state"]),
        message_id=row["message_id"],
        provider_id=row["provider_id"],
        at=row["at"],
    )
