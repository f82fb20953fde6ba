"""Merge what is said of people into whole profiles, and let go of those who ask for it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from contracts.events import CustomerErased, CustomerFacts, CustomerProfile, OrderHome
from ingest.domain.editing import Before, Edit, taken_back
from ingest.domain.profile import Profile, absorb, absorb_home, concerns_matching, is_news, publish

Who: TypeAlias = tuple[str, str]  # shop, customer


class Store(Protocol):
    async def lock_profiles(self, people: Collection[Who]) -> Mapping[Who, tuple[int, Profile]]:
        """Return revision and profile of each, empty ones for the new, locked in sorted order."""

    async def erased(self, people: Collection[Who]) -> set[Who]: ...
    async def save_profiles(
        self, profiles: Mapping[Who, tuple[int, Profile]], *, to_match: Collection[Who]
    ) -> None:
        """Write them; who they are is to be looked at of *to_match*."""

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
    await keep_changed(store, known, {who: _merged(known[who][1], facts[who]) for who in left})


async def edit_customers(
    store: Store, people: Collection[Who], edit: Edit, *, at: datetime, source: str
) -> Mapping[Who, Before]:
    """Say *edit* of *people*; return what was there before, of all but those who were erased."""
    known = await _living(store, people)
    merged = {
        who: absorb(profile, edit.facts(*who, at, source)) for who, (_, profile) in known.items()
    }
    await keep_changed(store, known, merged)
    return {who: edit.before(profile) for who, (_, profile) in known.items()}


async def take_edit_back(
    store: Store, before: Mapping[Who, Before], *, edited_at: datetime, at: datetime
) -> None:
    """Set what was there *before*, wherever nothing newer than the edit was said."""
    known = await _living(store, before.keys())
    merged = {
        who: taken_back(profile, before[who], edited_at=edited_at, at=at)
        for who, (_, profile) in known.items()
    }
    await keep_changed(store, known, merged)


async def keep_changed(
    store: Store, known: Mapping[Who, tuple[int, Profile]], merged: Mapping[Who, Profile]
) -> None:
    """Write what is not as it was, and publish it.

    A younger version of a known value is kept, and is no news to anybody.
    """
    changed = {who: profile for who, profile in merged.items() if profile != known[who][1]}
    news = {who for who, profile in changed.items() if is_news(profile, to=known[who][1])}
    new = {who: (known[who][0] + (who in news), profile) for who, profile in changed.items()}
    to_match = {
        who for who, profile in changed.items() if concerns_matching(profile, before=known[who][1])
    }
    await store.save_profiles(new, to_match=to_match)
    await store.send_profiles([publish(*who, *new[who]) for who in new if who in news])


async def _living(store: Store, people: Collection[Who]) -> Mapping[Who, tuple[int, Profile]]:
    """Lock the profiles of those who were not erased."""
    known = await store.lock_profiles(people)
    lost = await store.erased(people)
    await store.drop_empty(lost)
    return {who: known[who] for who in sorted(known.keys() - lost)}


def _merged(known: Profile, said: Sequence[CustomerFacts | OrderHome]) -> Profile:
    for one in said:
        known = absorb_home(known, one) if isinstance(one, OrderHome) else absorb(known, one)
    return known
