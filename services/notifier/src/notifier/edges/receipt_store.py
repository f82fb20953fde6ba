"""What the receipts' route writes, and what the API reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, and_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from contracts.events import Channel
from notifier.app.note_opt_out import Addressees
from notifier.domain.message import Message
from notifier.domain.receipts import Receipt
from notifier.domain.replies import OptOut
from notifier.edges import tables as t
from notifier.edges.message_rows import COLUMNS, message_of
from notifier.edges.send_store import SWEEP, SendStore


@dataclass(frozen=True, slots=True)
class Tried:
    attempt_no: int
    channel: str
    gateway: str
    at: datetime
    outcome: str | None
    detail: str | None


# Our own id first, then the gateway's; what is asked of each is told beside `_TAKE_WAITING`.
_FIND: Final = text(
    """
    select r.n, found.message_id
    from unnest(cast(:ns as int[]), cast(:gateways as text[]), cast(:message_ids as text[]),
                cast(:provider_ids as text[]), cast(:receivers as bytea[]),
                cast(:signed as boolean[]))
           as r(n, gateway, message_id, provider_id, receiver, signed)
    cross join lateral (
      select m.message_id, 1 as place
      from message m join attempt a on a.message_id = m.message_id and a.attempt_no = m.attempt_no
      where m.message_id = r.message_id and m.gateway = r.gateway
        and (r.signed or m.state <> 'claimed' and a.address_hash = r.receiver)
      union all
      select m.message_id, 2
      from message m join attempt a on a.message_id = m.message_id and a.attempt_no = m.attempt_no
      where m.provider_id = r.provider_id and m.gateway = r.gateway
        and (r.signed or m.state <> 'claimed')
        and (r.receiver is null or a.address_hash = r.receiver)
      order by place, message_id limit 1) found
    """
)
# The settlement takes what waits; left over is only what crossed its COMMIT, minutes ago at most.
_WAITED_FOR: Final = text(
    """
    with late as (
      select * from gateway_receipt where received_at > clock_timestamp() - interval '10 minutes')
    select m.message_id
    from late r join message m on m.message_id = r.message_id
      join attempt a on a.message_id = m.message_id and a.attempt_no = m.attempt_no
    where m.gateway = r.gateway
      and (r.signed or m.state <> 'claimed' and a.address_hash = r.receiver)
    union
    select m.message_id
    from late r join message m
        on m.gateway = r.gateway and m.provider_id = r.provider_id
      join attempt a on a.message_id = m.message_id and a.attempt_no = m.attempt_no
    where (r.signed or m.state <> 'claimed')
      and (r.receiver is null or a.address_hash = r.receiver)
    limit :most
    """
)


class ReceiptStore(SendStore):
    """Bound to one open transaction."""

    async def lock_by_receipts(self, receipts: Sequence[Receipt]) -> list[Message | None]:
        found = await self._conn.execute(
            _FIND,
            {
                "ns": list(range(len(receipts))),
                "gateways": [one.gateway for one in receipts],
                "message_ids": [one.message_id for one in receipts],
                "provider_ids": [one.provider_id for one in receipts],
                "receivers": [one.receiver for one in receipts],
                "signed": [one.is_signed for one in receipts],
            },
        )
        ids: dict[int, str] = {row.n: row.message_id for row in found}
        locked = {one.message_id: one for one in await self.lock_all(set(ids.values()))}
        return [locked.get(ids.get(n, "")) for n in range(len(receipts))]

    async def lock_waited_for(self) -> list[Message]:
        found = await self._conn.scalars(_WAITED_FOR, {"most": SWEEP})
        return await self.lock_all(found)

    async def keep(self, receipts: Sequence[Receipt]) -> None:
        rows = [
            {
                "gateway": one.gateway,
                "receipt_key": _key(one),
                "state": one.state.value,
                "message_id": one.message_id,
                "provider_id": one.provider_id,
                "at": one.at,
                "code": one.code,
                "receiver": one.receiver,
                "signed": one.is_signed,
            }
            for one in receipts
        ]
        if rows:
            rows.sort(key=lambda row: (str(row["receipt_key"]), str(row["state"])))
            await self._conn.execute(insert(t.gateway_receipt).on_conflict_do_nothing(), rows)

    async def addressees(
        self, channel: Channel, address: str, message_id: str | None
    ) -> list[Addressees]:
        """Return whom an address is about.

        The message that was named, else the last one that went to the address, tells the shop. With
        neither, every shop that knows the address is meant: nobody must ask twice to be left alone.
        """
        digest = self._vault.address_hash(channel, address)
        answered = await self._answered(digest, message_id)
        c = t.contact.c
        condition = (c.phone_hash if channel is Channel.SMS else c.email_hash) == digest
        if answered is not None:
            condition = and_(condition, c.shop_id == answered["shop_id"])
        found = await self._conn.execute(
            select(c.shop_id, c.customer_id)
            .where(condition)
            .order_by(c.shop_id, c.customer_id)
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

    async def opt_out(self, shop_id: str, opt_out: OptOut, at: datetime) -> None:
        digest = self._vault.address_hash(opt_out.channel, opt_out.address)
        rows = [
            {
                "shop_id": shop_id,
                "address_hash": digest,
                "channel": opt_out.channel.value,
                "purpose": purpose.value,
                "at": at,
            }
            for purpose in opt_out.purposes
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


def _key(receipt: Receipt) -> str:
    """Return what tells a waiting receipt from others; a forged one never takes a signed one's."""
    parts = [receipt.message_id or "", receipt.provider_id or ""]
    parts += [receipt.receiver.hex()] if receipt.receiver is not None else []
    return "|".join(parts if receipt.is_signed else [*parts, "unsigned"])


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
