"""Give up waiting for what will not come."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from contracts.events import DeliveryState
from notifier.app.note_receipt import WaitingStore, after_waiting
from notifier.domain.message import Message, moved


class Store(WaitingStore, Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def lock_stale(self, state: DeliveryState, older_than_s: float) -> Sequence[Message]:
        """Return, locked, messages that have been in *state* for so long, real time."""

    async def lock_waited_for(self) -> Sequence[Message]:
        """Return, locked, messages that are known and that receipts of late wait for."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def reconcile(
    store: Store, now: datetime, *, claim_timeout_s: float, unknown_close_s: float
) -> int:
    """Give up waiting: claims whose process died are unknown, unknowns unsettled are closed.

    Neither is ever sent again. A receipt that crossed the COMMIT it belongs to is applied here.
    Returns how many moved.
    """
    waited_for = await store.lock_waited_for()
    late = [
        after
        for before, after in zip(waited_for, await after_waiting(store, waited_for), strict=True)
        if after is not before
    ]
    await store.save(late, now)
    unknown = [
        moved(message, DeliveryState.UNKNOWN, reason="no_answer_recorded")
        for message in await store.lock_stale(DeliveryState.CLAIMED, claim_timeout_s)
    ]
    closed = [
        moved(message, DeliveryState.CLOSED_UNKNOWN, reason="unknown_outcome")
        for message in await store.lock_stale(DeliveryState.UNKNOWN, unknown_close_s)
    ]
    await store.save([*await after_waiting(store, unknown), *closed], now)
    return len(late) + len(unknown) + len(closed)
