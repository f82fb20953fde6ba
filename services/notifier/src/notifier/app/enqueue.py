"""Take in what care-triggers planned, and what it took back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from contracts.events import DeliveryState, MessageRecalled
from notifier.domain.message import Message, moved


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def add(self, messages: Sequence[Message]) -> None:
        """Insert those that are new; a plan repeated changes nothing."""

    async def note_recalls(self, recalls: Sequence[MessageRecalled]) -> None: ...

    async def lock_recalled(self, message_ids: Sequence[str]) -> Mapping[str, tuple[Message, str]]:
        """Return, locked, those of *message_ids* that are planned and recalled, and why."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None:
        """Write *messages* and announce their states."""


async def enqueue(
    store: Store,
    plans: Sequence[Message],
    recalls: Sequence[MessageRecalled],
    now: datetime,
) -> None:
    """Store *plans* and *recalls*, in whichever order the two came, in this batch or before.

    A message that is claimed already stays so: its recall came too late, unless the gateway
    refuses it and the gate is asked again.
    """
    await store.add(plans)
    await store.note_recalls(recalls)
    touched = {plan.message_id for plan in plans} | {recall.message_id for recall in recalls}
    recalled = await store.lock_recalled(sorted(touched))
    await store.save(
        [
            moved(message, DeliveryState.SUPPRESSED, reason=reason)
            for message, reason in recalled.values()
        ],
        now,
    )
