"""Merge customers who are one person, by what they share or because somebody says so; undo that.

All profiles of the persons concerned are locked at once, in sorted order, as everybody locks them.
Whom that concerns is read before and again under the locks: if there are more by then, nothing is
done, and it is tried again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.events import CustomersMerged, CustomersUnmerged
from ingest.app.note_customer import Store as People
from ingest.app.note_customer import Who, keep_changed
from ingest.domain.matching import (
    MOST_MEMBERS,
    MOST_SHARING,
    Contact,
    Link,
    Persons,
    decide,
)
from ingest.domain.profile import Profile, bound_by, own_contacts
from ingest.errors import MergeRefused, NotMerged, UnknownCustomer


class Store(People, Protocol):
    """The tables of matching, of one shop, in one open transaction."""

    async def take_turn(self) -> None:
        """Wait until nobody else matches in this shop: two would not see each other's contacts."""

    async def known(self, customers: Collection[str]) -> Mapping[str, Profile]:
        """Return the profiles of those who have one."""

    async def lock_known(self, customers: Collection[str]) -> Mapping[Who, tuple[int, Profile]]:
        """Return revision and profile of those who have one, locked in sorted order."""

    def contacts(self, spelled: Mapping[str, str]) -> frozenset[Contact]:
        """Return the keyed hashes of contacts by kind."""

    async def kept_contacts(self, customers: Collection[str]) -> set[Contact]: ...
    async def keep_contacts(self, now: Mapping[str, Collection[Contact]]) -> None:
        """Replace the contacts of these customers."""

    async def sharers(
        self, contacts: Collection[Contact], limit: int
    ) -> Mapping[Contact, set[str]]: ...
    async def links(self, customers: Collection[str]) -> list[Link]:
        """Return all links of the whole persons that these are part of."""

    async def links_by(self, contacts: Collection[Contact]) -> list[Link]: ...
    async def parted(self, customers: Collection[str]) -> list[tuple[str, str]]: ...
    async def part(self, pair: tuple[str, str], at: datetime) -> None: ...
    async def unite(self, pairs: Collection[tuple[str, str]]) -> None: ...
    async def add_links(self, links: Collection[Link]) -> None: ...
    async def cut_links(self, links: Collection[Link]) -> None: ...
    async def judge(
        self, doubts: Collection[Contact], clear: Collection[Contact], at: datetime
    ) -> None: ...
    async def note_matched(
        self, done: Collection[str], again: Collection[str], erased_ones: Collection[str]
    ) -> None:
        """Note who has been looked at, and who must be looked at again."""

    async def announce(self, news: Iterable[CustomersMerged | CustomersUnmerged]) -> None: ...


@dataclass(frozen=True, slots=True)
class _Concerned:
    own: Mapping[str, frozenset[Contact]]
    sharers: Mapping[Contact, set[str]]
    links: Collection[Link]
    people: set[str]


async def match(
    store: Store, shop_id: str, customers: Collection[str], gone: Collection[str], at: datetime
) -> bool:
    """Look who these customers are. False: others turned out to be concerned; try again.

    Args:
        store: Of that shop.
        shop_id: Whose customers.
        customers: Whose contacts or refusals have changed.
        gone: Who were erased, and are part of merges.
        at: Business time.
    """
    await store.take_turn()
    seen = await _concerned(store, customers, gone)
    known = await store.lock_known(seen.people)
    seen = await _concerned(store, customers, gone)
    if not seen.people <= {customer_id for _, customer_id in known} | set(customers):
        return False
    left = [link for link in seen.links if not _ends(link) & set(gone)]
    verdict = decide(seen.sharers, left, await store.parted(seen.people), at)
    cut = {*verdict.cut, *(set(seen.links) - set(left))}
    await store.keep_contacts(seen.own)
    await store.judge(verdict.doubtful, verdict.clear, at)
    await store.cut_links(cut)
    await store.add_links(verdict.links)
    links = [*(link for link in left if link not in cut), *verdict.links]
    await keep_changed(store, known, _bound(shop_id, known, links))
    await store.announce(_news(shop_id, verdict.links, cut, at))
    others = {end for link in cut for end in _ends(link)} - set(gone)
    await store.note_matched(set(customers) - others, others, gone)
    return True


async def merge_by_hand(store: Store, shop_id: str, pair: tuple[str, str], at: datetime) -> None:
    """Merge two customers, although somebody may have parted them, unless they are one already.

    Raises:
        UnknownCustomer: Nothing is known of one of them.
        MergeRefused: Too many would be one person.
    """
    known, links = await _locked(store, pair)
    if missing := sorted(set(pair) - {customer_id for _, customer_id in known}):
        raise UnknownCustomer(f"nothing is known of {' and '.join(missing)}")
    persons = Persons(links)
    if persons.are_one(*pair):
        return
    ours, theirs = persons.members(pair[0]), persons.members(pair[1])
    if len(ours) + len(theirs) > MOST_MEMBERS:
        raise MergeRefused(f"at most {MOST_MEMBERS} customers can be one person")
    parted = await store.parted(ours | theirs)
    await store.unite([one for one in parted if (one[0] in ours) != (one[1] in ours)])
    link = persons.join(*pair, at, None)
    await store.add_links([link])
    await keep_changed(store, known, _bound(shop_id, known, [*links, link]))
    await store.announce(_news(shop_id, [link], (), at))


async def undo(store: Store, shop_id: str, alias_id: str, at: datetime) -> None:
    """Cut the link by which *alias_id* is somebody else; they are not merged again.

    Raises:
        NotMerged: There is no such link.
    """
    known, links = await _locked(store, [alias_id])
    cut = [link for link in links if link.alias_id == alias_id]
    if not cut:
        raise NotMerged("this customer was not merged into another one")
    await store.cut_links(cut)
    await store.part((alias_id, cut[0].survivor_id), at)
    left = [link for link in links if link not in cut]
    await keep_changed(store, known, _bound(shop_id, known, left))
    await store.announce(_news(shop_id, (), cut, at))


async def _locked(
    store: Store, customers: Collection[str]
) -> tuple[Mapping[Who, tuple[int, Profile]], list[Link]]:
    """Lock all that are one person with these; return their profiles and links."""
    links = await store.links(customers)
    people = {*customers, *(end for link in links for end in _ends(link))}
    known = await store.lock_known(people)
    links = await store.links(customers)
    if not {end for link in links for end in _ends(link)} <= people:
        raise MergeRefused("others are being merged with them at this moment: try again")
    return known, links


async def _concerned(store: Store, customers: Collection[str], gone: Collection[str]) -> _Concerned:
    """Return whom a look at *customers* concerns: all the persons that they are or may become."""
    profiles = await store.known(customers)
    own = {
        one: store.contacts(own_contacts(profiles[one]) if one in profiles else {})
        for one in customers
    }
    contacts = {*await store.kept_contacts(customers), *(c for has in own.values() for c in has)}
    kept = await store.sharers(contacts, MOST_SHARING + 1 + len(own))
    sharers = {
        contact: (kept.get(contact, set()) - own.keys())
        | {one for one, has in own.items() if contact in has}
        for contact in contacts
    }
    crowded = [contact for contact, who in sharers.items() if len(who) > MOST_SHARING]
    people = {*own, *gone}
    for contact in sharers.keys() - set(crowded):
        people |= sharers[contact]
    people |= {end for link in await store.links_by(crowded) for end in _ends(link)}
    links = await store.links(people)
    people |= {end for link in links for end in _ends(link)}
    return _Concerned(own, sharers, links, people - set(gone))


def _bound(
    shop_id: str, known: Mapping[Who, tuple[int, Profile]], links: Collection[Link]
) -> Mapping[Who, Profile]:
    """Return the profiles as they are bound by the others of the same person."""
    persons = Persons(links)
    return {
        (shop_id, one): bound_by(
            profile,
            [
                known[shop_id, other][1]
                for other in sorted(persons.members(one) - {one})
                if (shop_id, other) in known
            ],
        )
        for (_, one), (_, profile) in known.items()
    }


def _news(
    shop_id: str, merged: Collection[Link], cut: Collection[Link], at: datetime
) -> Iterable[CustomersMerged | CustomersUnmerged]:
    """Yield what is told under both keys; a cut comes before what takes its place."""
    for kind, links in ((CustomersUnmerged, cut), (CustomersMerged, merged)):
        for link in sorted(links, key=lambda one: one.alias_id):
            for key in (link.survivor_id, link.alias_id):
                yield kind(shop_id, key, link.survivor_id, link.alias_id, at)


def _ends(link: Link) -> set[str]:
    return {link.alias_id, link.survivor_id}
