"""Who is one person: decided by contacts that several customers of a shop have as their own.

Merges form trees: a link leads from an alias to its survivor, and to undo a merge is to cut its
link. Contacts are keyed hashes here; nobody is matched by name or address.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final, NamedTuple

MOST_SHARING: Final = 5  # customers that one contact merges; more are for a person to judge
MOST_MEMBERS: Final = 20  # customers that are one person; it bounds a transaction, too


class Contact(NamedTuple):
    """What customers are matched by."""

    kind: str  # "phone" or "email"
    blind: bytes  # its keyed hash


@dataclass(frozen=True, slots=True)
class Link:
    """Two customers that are one person."""

    alias_id: str
    survivor_id: str
    decided_at: datetime
    contact: Contact | None = None  # why; None: somebody said so


@dataclass(frozen=True, slots=True)
class Verdict:
    """What matching decides.

    Args:
        links: New ones.
        cut: Links that rest on a contact which too many share by now.
        doubtful: Contacts for a person to judge.
        clear: Contacts that are not, or no more.
    """

    links: tuple[Link, ...] = ()
    cut: tuple[Link, ...] = ()
    doubtful: frozenset[Contact] = frozenset()
    clear: frozenset[Contact] = frozenset()


def decide(
    sharers: Mapping[Contact, Collection[str]],
    links: Collection[Link],
    parted: Collection[tuple[str, str]],
    at: datetime,
) -> Verdict:
    """Merge whoever shares a contact.

    Args:
        sharers: Customers by contact, of more than `MOST_SHARING` any `MOST_SHARING` + 1.
        links: All of the persons that these are part of.
        parted: Pairs that somebody parted: no merge unites them again.
        at: Business time.
    """
    crowded = {contact for contact, who in sharers.items() if len(who) > MOST_SHARING}
    cut = tuple(link for link in links if link.contact in crowded)
    persons = Persons([link for link in links if link.contact not in crowded])
    new, doubtful = [], set(crowded)
    for contact in sorted(sharers.keys() - crowded):
        for one, other in combinations(sorted(sharers[contact]), 2):
            if persons.are_one(one, other) or persons.are_parted(one, other, parted):
                continue
            if persons.size(one) + persons.size(other) > MOST_MEMBERS:
                doubtful.add(contact)
            else:
                new.append(persons.join(one, other, at, contact))
    clear = frozenset(sharers.keys() - doubtful)
    return Verdict(tuple(new), cut, frozenset(doubtful), clear)


class Persons:
    """Customers by person, as links unite them."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._members: dict[str, set[str]] = {}
        self._root: dict[str, str] = {}
        for link in sorted(links, key=lambda one: one.alias_id):
            self._unite(link.survivor_id, link.alias_id)
        aliases = {link.alias_id for link in links}
        for members in list(self._members.values()):
            [root] = members - aliases
            self._call(members, root)

    def root(self, customer_id: str) -> str:
        """Return who survives."""
        return self._root.get(customer_id, customer_id)

    def members(self, customer_id: str) -> set[str]:
        return self._members.get(self.root(customer_id), {customer_id})

    def size(self, customer_id: str) -> int:
        return len(self.members(customer_id))

    def are_one(self, a: str, b: str) -> bool:
        return self.root(a) == self.root(b)

    def are_parted(self, a: str, b: str, parted: Collection[tuple[str, str]]) -> bool:
        ours, theirs = self.members(a), self.members(b)
        return any((x in ours and y in theirs) or (y in ours and x in theirs) for x, y in parted)

    def join(self, a: str, b: str, at: datetime, contact: Contact | None) -> Link:
        """Unite two persons; the smaller id survives, so that nothing depends on who came first."""
        survivor, alias = sorted((self.root(a), self.root(b)))
        self._call(self.members(survivor) | self.members(alias), survivor)
        return Link(alias, survivor, at, contact)

    def _unite(self, a: str, b: str) -> None:
        self._call(self.members(a) | self.members(b), self.root(a))

    def _call(self, members: set[str], root: str) -> None:
        for one in members:
            self._members.pop(self._root.get(one, one), None)
        for one in members:
            self._root[one] = root
        self._members[root] = members
