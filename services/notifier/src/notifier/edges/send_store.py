"""What comes after the gate: outcomes, receipts that waited, what nobody settled."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import RowMapping, delete, func, select, text, update

from contracts.events import DeliveryState
from notifier.domain.message import Message
from notifier.domain.outcome import Accepted, Outcome
from notifier.domain.receipts import Receipt
from notifier.edges import tables as t
from notifier.edges.gate_store import GateStore
from notifier.edges.message_rows import COLUMNS, message_of

SWEEP: Final = 500

# A receipt without a signature must name the receiver too, and says nothing of a request whose
# answer is still to come; one with a signature may leave the receiver to the gateway's own id.
_TAKE_WAITING: Final = text(
    """
    delete from gateway_receipt r
    using unnest(cast(:ids as text[]), cast(:attempts as int[]), cast(:gateways as text[]),
                 cast(:provider_ids as text[]), cast(:answered as boolean[]))
            as m(message_id, attempt_no, gateway, provider_id, answered)
      join attempt a on a.message_id = m.message_id and a.attempt_no = m.attempt_no
    where r.gateway = m.gateway and (r.signed or m.answered)
      and (r.message_id = m.message_id and (r.signed or r.receiver = a.address_hash)
           or r.provider_id = m.provider_id
              and (r.receiver is null or r.receiver = a.address_hash))
    returning m.message_id as of_message, r.*
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
        found = await self.lock_all([message_id])
        return found[0] if found else None

    async def lock_all(self, message_ids: Iterable[str]) -> list[Message]:
        m = t.message.c
        found = await self._conn.execute(
            select(*COLUMNS)
            .where(m.message_id == func.any(sorted(message_ids)))
            .order_by(m.message_id)  # one lock order
            .with_for_update()
        )
        return [message_of(row) for row in found.mappings()]

    async def take_waiting(self, messages: Sequence[Message]) -> list[tuple[str, Receipt]]:
        """Take the receipts that wait for *messages*, the first to come first."""
        found = await self._conn.execute(
            _TAKE_WAITING,
            {
                "ids": [one.message_id for one in messages],
                "attempts": [one.attempt_no for one in messages],
                "gateways": [one.gateway for one in messages],
                "provider_ids": [one.provider_id for one in messages],
                "answered": [one.state is not DeliveryState.CLAIMED for one in messages],
            },
        )
        rows = sorted(found.mappings(), key=lambda row: (row["received_at"], row["receipt_key"]))
        return [(row["of_message"], _receipt_of(row)) for row in rows]

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

    async def prune(self) -> None:
        """Drop what cannot matter any more."""
        for statement in _PRUNE:
            await self._conn.execute(statement)


def _receipt_of(row: RowMapping) -> Receipt:
    return Receipt(
        gateway=row["gateway"],
        state=DeliveryState(row["state"]),
        message_id=row["message_id"],
        provider_id=row["provider_id"],
        at=row["at"],
        code=row["code"],
        receiver=row["receiver"],
        is_signed=row["signed"],
    )
