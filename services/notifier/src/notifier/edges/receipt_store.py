"""What the receipts' route writes, and what the API reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, and_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from contracts.events import Channel, Purpose
from notifier.app.note_receipt import Addressees
from notifier.domain.message import Message
from notifier.domain.receipts import Receipt
from notifier.domain.replies import Reply
from notifier.edges import tables as t
from notifier.edges.message_rows import COLUMNS, message_of
from notifier.edges.send_store import SendStore


@dataclass(frozen=True, slots=True)
class Tried:
    attempt_no: int
    channel: str
    gateway: str
    at: datetime
    outcome: str | None
    detail: str | None


class ReceiptStore(SendStore):
    """Bound to one open transaction."""

    async def lock_by_receipt(self, receipt: Receipt) -> Message | None:
        m = t.message.c
        by_theirs = and_(m.gateway == receipt.gateway, m.provider_id == receipt.provider_id)
        if receipt.message_id is None:
            return await self.lock_one(and_(m.attempt_no > 0, by_theirs))
        # A gateway speaks of its own messages only.
        ours = or_(m.gateway.is_(None), m.gateway == receipt.gateway)
        by_ours = and_(m.message_id == receipt.message_id, ours)
        return await self.lock_one(and_(m.attempt_no > 0, by_ours))

    async def keep(self, receipt: Receipt) -> None:
        row = {
            "gateway": receipt.gateway,
            "receipt_key": f"{receipt.message_id or ''}|{receipt.provider_id or ''}",
            "state": receipt.state.value,
            "message_id": receipt.message_id,
            "provider_id": receipt.provider_id,
            "at": receipt.at,
        }
        await self._conn.execute(insert(t.gateway_receipt).values(row).on_conflict_do_nothing())

    async def addressees(self, reply: Reply) -> list[Addressees]:
        """Return whom the reply is about.

        The message that it names, else the last one that went to the number, tells the shop. With
        neither, every shop that knows the number is meant: nobody must ask twice to be left alone.
        """
        digest = self._vault.address_hash(Channel.SMS, reply.address)
        answered = await self._answered(digest, reply.message_id)
        condition = t.contact.c.phone_hash == digest
        if answered is not None:
            condition = and_(condition, t.contact.c.shop_id == answered["shop_id"])
        found = await self._conn.execute(
            select(t.contact.c.shop_id, t.contact.c.customer_id)
            .where(condition)
            .order_by(t.contact.c.shop_id, t.contact.c.customer_id)
            .with_for_update()
        )
        customers: dict[str, list[str]] = {}
        for shop_id, customer_id in found:
            customers.setdefault(shop_id, []).append(customer_id)
        if answered is None:
            return [Addressees(shop_id, tuple(ids)) for shop_id, ids in customers.items()]
        ids = customers.get(answered["shop_id"], [])
        return [
            Addressees(
                answered["shop_id"], tuple(ids), answered["message_id"], answered["customer_id"]
            )
        ]

    async def opt_out(
        self, shop_id: str, reply: Reply, purposes: Sequence[Purpose], at: datetime
    ) -> None:
        digest = self._vault.address_hash(Channel.SMS, reply.address)
        rows = [
            {
                "shop_id": shop_id,
                "address_hash": digest,
                "channel": Channel.SMS.value,
                "purpose": purpose.value,
                "at": at,
            }
            for purpose in purposes
        ]
        await self._conn.execute(insert(t.opt_out).on_conflict_do_nothing(), rows)

    async def _answered(self, digest: bytes, message_id: str | None) -> RowMapping | None:
        a = t.attempt.c
        found = await self._conn.execute(
            select(a.shop_id, a.customer_id, a.message_id)
            .where(a.address_hash == digest)
            .order_by((a.message_id == (message_id or "")).desc(), a.at.desc())
            .limit(1)
        )
        return found.mappings().one_or_none()


class ReadStore(SendStore):
    """What the API shows; row-level security keeps it to one shop."""

    async def messages(
        self, customer_id: str | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[Message]:
        m = t.message.c
        query = select(*COLUMNS).order_by(m.due_at.desc(), m.message_id.desc()).limit(limit)
        if customer_id is not None:
            query = query.where(m.customer_id == customer_id)
        if before is not None:
            query = query.where(tuple_(m.due_at, m.message_id) < tuple_(*before))
        return [message_of(row) for row in (await self._conn.execute(query)).mappings()]

    async def message(self, message_id: str) -> Message | None:
        found = await self._conn.execute(
            select(*COLUMNS).where(t.message.c.message_id == message_id)
        )
        row = found.mappings().one_or_none()
        return None if row is None else message_of(row)

    async def attempts(self, message_id: str) -> list[Tried]:
        a = t.attempt.c
        found = await self._conn.execute(
            select(a.attempt_no, a.channel, a.gateway, a.at, a.outcome, a.detail)
            .where(a.message_id == message_id)
            .order_by(a.attempt_no)
        )
        return [Tried(*row) for row in found]

    async def address_of(self, message: Message) -> str | None:
        """Return where *message*'s customer is reached by its channel, as known today."""
        found = await self._conn.execute(
            select(t.contact).where(
                t.contact.c.shop_id == message.shop_id,
                t.contact.c.customer_id == message.customer_id,
            )
        )
        row = found.mappings().one_or_none()
        if row is None or message.channel is None:
            return None
        receiver = self._vault.receiver(row, frozenset())
        return receiver.phone if message.channel is Channel.SMS else receiver.email
