"""Give up waiting for what will not come."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from contracts.events import DeliveryState
from notifier.app.note_receipt import note_receipt
from notifier.domain.message import Message, moved
from notifier.domain.receipts import Receipt


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def lock_stale(self, state: DeliveryState, older_than_s: float) -> Sequence[Message]:
        """Return, locked, messages that have been in *state* for so long, real time."""

    async def take_matched(self) -> Sequence[Receipt]:
        """Take waiting receipts whose message is known by now."""

    async def lock_by_receipt(self, receipt: Receipt) -> Message | None: ...
    async def keep(self, receipt: Receipt) -> None: ...
    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def reconcile(
    store: Store, now: datetime, *, claim_timeout_s: float, unknown_close_s: float
) -> int:
    """Give up waiting: claims whose process died are unknown, unknowns unsettled are closed.

    Neither is ever sent again. A receipt that crossed the COMMIT it belongs to is applied here.
    Returns how many moved.
    """
    late = await store.take_matched()
    for receipt in late:
        await note_receipt(store, receipt, now)
    unknown = [
        moved(message, DeliveryState.UNKNOWN, reason="no_answer_recorded")
        for message in await store.lock_stale(DeliveryState.CLAIMED, claim_timeout_s)
    ]
    closed = [
        moved(message, DeliveryState.CLOSED_UNKNOWN, reason="unknown_outcome")
        for message in await store.lock_stale(DeliveryState.UNKNOWN, unknown_close_s)
    ]
    await store.save([*unknown, *closed], now)
    return len(late) + len(unknown) + len(closed)
