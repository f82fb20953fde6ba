"""Take what people want no more of: as they write it back, and as gateways know it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.events import Channel, DeliveryState, OptOutChanged, ReplyReceived
from notifier.app.note_contact import CustomerKey
from notifier.domain.message import Message, moved
from notifier.domain.replies import OptOut, Reply, is_stopped, stopped_purposes


@dataclass(frozen=True, slots=True)
class Addressees:
    """Who a reply or an opt-out is about: a shop, and its customers who have the address."""

    shop_id: str
    customer_ids: tuple[str, ...]
    # The message that is answered, and whose it was.
    message_id: str | None = None
    writer_id: str | None = None


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def addressees(
        self, channel: Channel, address: str, message_id: str | None
    ) -> Sequence[Addressees]:
        """Return whom an *address* is about, their contacts locked."""

    async def opt_out(self, shop_id: str, opt_out: OptOut, at: datetime) -> None: ...
    async def lock_pending(self, customers: Sequence[CustomerKey]) -> list[Message]: ...
    async def announce(
        self, events: Iterable[OptOutChanged | ReplyReceived], at: datetime
    ) -> None: ...
    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def note_reply(store: Store, reply: Reply, now: datetime) -> bool:
    """Tell the shop of *reply*; when it says stop, stop, pending messages too.

    Returns whether the reply opted out.
    """
    purposes = stopped_purposes(reply.text)
    opt_out = OptOut(Channel.SMS, reply.address, purposes, reply.message_id)
    for found in await store.addressees(Channel.SMS, reply.address, reply.message_id):
        writers = [found.writer_id] if found.writer_id else found.customer_ids
        await store.announce(
            [
                ReplyReceived(found.shop_id, writer_id, reply.reply_id, now, found.message_id)
                for writer_id in writers
            ],
            now,
        )
        if purposes:
            await _stop(store, found, opt_out, now)
    return bool(purposes)


async def note_opt_out(store: Store, opt_out: OptOut, now: datetime) -> bool:
    """Stop what a gateway knows to be unwanted; return whether anybody is known by the address."""
    about = await store.addressees(opt_out.channel, opt_out.address, opt_out.message_id)
    for found in about:
        await _stop(store, found, opt_out, now)
    return bool(about)


async def _stop(store: Store, found: Addressees, opt_out: OptOut, now: datetime) -> None:
    """Stop what is to come, pending messages too.

    The receivers' locks make it exact: a message either passed its gate before, or meets the
    opt-out.
    """
    customers = [(found.shop_id, customer_id) for customer_id in found.customer_ids]
    await store.opt_out(found.shop_id, opt_out, now)
    await store.announce(
        [
            OptOutChanged(*who, opt_out.channel, purpose, opted_out=True, at=now)
            for who in customers
            for purpose in opt_out.purposes
        ],
        now,
    )
    await store.save(
        [
            moved(message, DeliveryState.SUPPRESSED, reason="opted_out")
            for message in await store.lock_pending(customers)
            if is_stopped(message, opt_out.channel, opt_out.purposes)
        ],
        now,
    )
