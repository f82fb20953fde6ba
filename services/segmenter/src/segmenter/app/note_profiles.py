"""Whole profiles from ingest: only derived columns stay here, and reporting gets its share."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from contracts.events import CustomerProfile, Traits
from segmenter.domain.person import UNKNOWN, KnownPerson, renew, traits_of
from segmenter.domain.standing import CustomerKey


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def persons(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, KnownPerson]: ...
    async def save_persons(self, persons: Mapping[CustomerKey, KnownPerson]) -> None: ...
    async def meet(self, customers: Collection[CustomerKey]) -> None: ...
    async def send(self, changes: Sequence[Traits]) -> None: ...


async def note_profiles(
    store: Store, news: Sequence[tuple[CustomerKey, CustomerProfile | None]], today: date
) -> None:
    """Take in profiles, or erasures where there is none; a person met here never bought so far."""
    known = await store.persons({customer for customer, _ in news})
    after: dict[CustomerKey, KnownPerson] = {}
    for customer, profile in news:
        before = after.get(customer) or known.get(customer, UNKNOWN)
        after[customer] = renew(before, profile)
    changed = {
        customer: person for customer, person in after.items() if person != known.get(customer)
    }
    await store.save_persons(changed)
    await store.meet({customer for customer, person in changed.items() if not person.erased})
    await store.send(
        [
            traits
            for customer, person in changed.items()
            if _without_revision(traits := traits_of(customer, person, today))
            != _without_revision(traits_of(customer, known.get(customer, UNKNOWN), today))
        ]
    )


def _without_revision(traits: Traits) -> tuple[str, str, str]:
    return traits.age_band, traits.gender, traits.region
