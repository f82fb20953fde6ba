"""Merge what is said of people into whole profiles, and let go of those who ask for it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from contracts.events import CustomerErased, CustomerFacts, CustomerProfile, OrderHome
from ingest.domain.profile import Profile, absorb, absorb_home, is_news, publish

Who: TypeAlias = tuple[str, str]  # shop, customer


class Store(Protocol):
    async def lock_profiles(self, people: Collection[Who]) -> Mapping[Who, tuple[int, Profile]]:
        """Return revision and profile of each, empty ones for the new, locked in sorted order."""

    async def erased(self, people: Collection[Who]) -> set[Who]: ...
    async def save_profiles(self, profiles: Mapping[Who, tuple[int, Profile]]) -> None: ...
    async def forget(self, people: Mapping[Who, datetime]) -> None:
        """Delete what is kept of them, and note, by a keyed hash, that they asked for it."""

    async def drop_empty(self, people: Collection[Who]) -> None: ...
    async def send_profiles(self, profiles: Sequence[CustomerProfile]) -> None: ...
    async def send_tombstones(self, people: Collection[Who]) -> None: ...


async def note_customers(
    store: Store, said: Sequence[CustomerFacts | OrderHome | CustomerErased]
) -> None:
    """Merge and publish. Who was erased stays so: no later fact brings the person back."""
    facts: dict[Who, list[CustomerFacts | OrderHome]] = defaultdict(list)
    gone: dict[Who, datetime] = {}
    for one in said:
        who = (one.shop_id, one.customer_id)
        match one:
            case CustomerErased():
                gone[who] = max(gone.get(who, one.erased_at), one.erased_at)
            case CustomerFacts() | OrderHome():
                facts[who].append(one)
    if not facts and not gone:
        return
    known = await store.lock_profiles(facts.keys() | gone.keys())
    # Asked after the lock: an erasure that we waited for is seen.
    lost = await store.erased(facts.keys() - gone.keys())
    await store.drop_empty(lost)
    await store.forget(gone)
    await store.send_tombstones(gone.keys())
    left = sorted(facts.keys() - lost - gone.keys())
    changes = {who: change for who in left if (change := _change(*known[who], facts[who]))}
    await store.save_profiles({who: (one.revision, one.profile) for who, one in changes.items()})
    await store.send_profiles(
        [publish(*who, one.revision, one.profile) for who, one in changes.items() if one.is_news]
    )


@dataclass(frozen=True, slots=True)
class _Change:
    revision: int
    profile: Profile
    is_news: bool  # a younger version of a known value is kept, and is no news to anybody


def _change(
    revision: int, known: Profile, said: Sequence[CustomerFacts | OrderHome]
) -> _Change | None:
    merged = known
    for one in said:
        merged = absorb_home(merged, one) if isinstance(one, OrderHome) else absorb(merged, one)
    if merged == known:
        return None
    news = is_news(merged, to=known)
    return _Change(revision + news, merged, news)
