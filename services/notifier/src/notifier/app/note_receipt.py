"""Take what gateways tell of messages: receipts, early, late and twice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from notifier.domain.message import Message
from notifier.domain.receipts import Receipt, climb

Noted: TypeAlias = Literal["moved", "repeated", "waiting"]


class ReceiptStore(Protocol):
    """What receipts need from storage, inside one open transaction."""

    async def lock_by_receipts(self, receipts: Sequence[Receipt]) -> Sequence[Message | None]:
        """Return, locked, the message of each of *receipts*; None while none is known."""

    async def keep(self, receipts: Sequence[Receipt]) -> None:
        """Let *receipts* wait for their messages, for a day."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


class WaitingStore(Protocol):
    """What receipts that waited need from storage, inside one open transaction."""

    async def take_waiting(self, messages: Sequence[Message]) -> Sequence[tuple[str, Receipt]]:
        """Take the receipts that wait for *messages*, which are locked, with the messages' ids."""


async def note_receipts(
    store: ReceiptStore, receipts: Sequence[Receipt], now: datetime
) -> list[Noted]:
    """Apply *receipts* in their order, and tell what came of each.

    One whose message is not known is kept: it may be ahead of the COMMIT that will know it.
    """
    found = await store.lock_by_receipts(receipts)
    after = {one.message_id: one for one in found if one is not None}
    moved: set[str] = set()
    waiting: list[Receipt] = []
    noted: list[Noted] = []
    for receipt, message in zip(receipts, found, strict=True):
        if message is None:
            waiting.append(receipt)
            noted.append("waiting")
            continue
        known = after[message.message_id]
        climbed = climb(known, receipt)
        if climbed is known:
            noted.append("repeated")
            continue
        after[message.message_id] = climbed
        moved.add(message.message_id)
        noted.append("moved")
    await store.keep(waiting)
    await store.save([after[message_id] for message_id in moved], now)
    return noted


async def after_waiting(store: WaitingStore, messages: Sequence[Message]) -> list[Message]:
    """Return *messages*, which are locked, after the receipts that came before them."""
    after = {one.message_id: one for one in messages}
    for message_id, receipt in await store.take_waiting(messages):
        after[message_id] = climb(after[message_id], receipt)
    return list(after.values())
