"""Take what gateways tell afterwards: receipts of messages, and what people wrote back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from contracts.events import Channel, DeliveryState, OptOutChanged, Purpose, ReplyReceived
from notifier.app.note_contact import CustomerKey
from notifier.domain.message import Message, moved
from notifier.domain.receipts import Receipt, climb
from notifier.domain.replies import Reply, is_stopped, stopped_purposes

Noted: TypeAlias = Literal["moved", "repeated", "waiting"]


@dataclass(frozen=True, slots=True)
class Addressees:
    """Who a reply is about: a shop, and its customers who have the number."""

    shop_id: str
    customer_ids: tuple[str, ...]
    # The message that the reply answers, and whose it was.
    message_id: str | None = None
    writer_id: str | None = None


class ReceiptStore(Protocol):
    """What receipts need from storage, inside one open transaction."""

    async def lock_by_receipt(self, receipt: Receipt) -> Message | None: ...
    async def keep(self, receipt: Receipt) -> None: ...
    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


class ReplyStore(Protocol):
    """What replies need from storage, inside one open transaction."""

    async def addressees(self, reply: Reply) -> Sequence[Addressees]:
        """Return whom *reply* is about, their contacts locked."""

    async def opt_out(
        self, shop_id: str, reply: Reply, purposes: Sequence[Purpose], at: datetime
    ) -> None: ...

    async def lock_pending(self, customers: Sequence[CustomerKey]) -> list[Message]: ...
    async def announce(
        self, events: Iterable[OptOutChanged | ReplyReceived], at: datetime
    ) -> None: ...
    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def note_receipt(store: ReceiptStore, receipt: Receipt, now: datetime) -> Noted:
    """Apply *receipt*, or keep it: it may be ahead of the COMMIT that will know its message."""
    message = await store.lock_by_receipt(receipt)
    if message is None:
        await store.keep(receipt)
        return "waiting"
    after = climb(message, receipt)
    if after is message:
        return "repeated"
    await store.save([after], now)
    return "moved"


async def note_reply(store: ReplyStore, reply: Reply, now: datetime) -> bool:
    """Tell the shop of *reply*; when it says stop, stop, pending messages too.

    Returns whether the reply opted out. The receivers' locks make it exact: a message either
    passed its gate before, or meets the opt-out.
    """
    purposes = stopped_purposes(reply.text)
    for found in await store.addressees(reply):
        customers = [(found.shop_id, customer_id) for customer_id in found.customer_ids]
        events: list[OptOutChanged | ReplyReceived] = [
            ReplyReceived(found.shop_id, writer_id, reply.reply_id, now, found.message_id)
            for writer_id in ([found.writer_id] if found.writer_id else found.customer_ids)
        ]
        if purposes:
            await store.opt_out(found.shop_id, reply, purposes, now)
            events += [
                OptOutChanged(*who, Channel.SMS, purpose, opted_out=True, at=now)
                for who in customers
                for purpose in purposes
            ]
            await store.save(
                [
                    moved(message, DeliveryState.SUPPRESSED, reason="opted_out")
                    for message in await store.lock_pending(customers)
                    if is_stopped(message, Channel.SMS, purposes)
                ],
                now,
            )
        await store.announce(events, now)
    return bool(purposes)
