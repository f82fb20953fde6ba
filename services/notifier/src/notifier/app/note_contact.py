"""Keep who can be reached where, and forget whom we must forget."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from contracts.events import CustomerProfile, DeliveryState
from notifier.domain.message import Message, moved

CustomerKey: TypeAlias = tuple[str, str]  # shop_id, customer_id


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def erased_among(self, customers: Collection[CustomerKey]) -> set[CustomerKey]: ...

    async def put_contacts(self, profiles: Sequence[CustomerProfile]) -> set[CustomerKey]:
        """Write those that are newer than what is stored; return whose address changed."""

    async def erase(self, customers: Collection[CustomerKey], at: datetime) -> None: ...

    async def lock_pending(self, customers: Collection[CustomerKey]) -> list[Message]: ...

    async def judge_again(self, customers: Collection[CustomerKey]) -> None:
        """Make the planned messages of *customers* due now, so that the gate sees them anew."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def note_contacts(
    store: Store,
    profiles: Mapping[CustomerKey, CustomerProfile],
    erased: Collection[CustomerKey],
    now: datetime,
) -> None:
    """Merge *profiles*; the *erased* lose contact and pending messages, and stay erased.

    A profile that arrives after its owner was erased is an older event on a detour: dropped.
    """
    await store.erase(erased, now)
    gone = await store.erased_among(profiles.keys())
    kept = [profile for who, profile in sorted(profiles.items()) if who not in gone]
    reachable = await store.put_contacts(kept)
    await store.judge_again(reachable)
    pending = await store.lock_pending(erased)
    await store.save(
        [moved(message, DeliveryState.SUPPRESSED, reason="erased") for message in pending], now
    )
