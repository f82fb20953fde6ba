"""Customers that are one person: what ingest said of each pair, and whom that makes one.

The words about a pair are a register each way, so they may come late, twice and in any order:
once under each of the two customers' keys, on two partitions.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from contracts.events import CustomersMerged, CustomersUnmerged

Word: TypeAlias = CustomersMerged | CustomersUnmerged


class Pair(NamedTuple):
    alias_id: str
    survivor_id: str


class Tie(NamedTuple):
    """When a pair was last said to be one, and to be two."""

    merged_at: datetime | None = None
    parted_at: datetime | None = None

    @property
    def holds(self) -> bool:
        """Whether they are one; of two words of the same instant, the merge was the second."""
        if self.merged_at is None:
            return False
        return self.parted_at is None or self.parted_at <= self.merged_at


Ties: TypeAlias = Mapping[Pair, Tie]


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What new words change.

    Args:
        ties: Those that changed.
        moved: Who counts under another id now: by customer, the id before and after.
        survivors: Of everybody who is named, by id: under whose id they count; None for somebody
            who is alone.
    """

    ties: Ties
    moved: Mapping[str, tuple[str, str]]
    survivors: Mapping[str, str | None]


def regroup(known: Ties, words: Iterable[Word]) -> Regrouped:
    """Heed *words* of one shop.

    Args:
        known: The ties of all whom the words name, and of all tied to these.
        words: In any order.
    """
    ties = dict(known)
    for word in words:
        pair = Pair(word.alias_id, word.survivor_id)
        ties[pair] = _heard(ties.get(pair, Tie()), word)
    members = {one for pair in ties for one in pair}
    before, after = _roots(known, members), _roots(ties, members)
    sizes = dict.fromkeys(after.values(), 0)
    for root in after.values():
        sizes[root] += 1
    return Regrouped(
        {pair: tie for pair, tie in ties.items() if tie != known.get(pair)},
        {one: (before[one], after[one]) for one in members if before[one] != after[one]},
        {one: after[one] if sizes[after[one]] > 1 else None for one in members},
    )


def _heard(tie: Tie, word: Word) -> Tie:
    at = word.decided_at
    if isinstance(word, CustomersMerged):
        return tie._replace(merged_at=max(at, tie.merged_at or at))
    return tie._replace(parted_at=max(at, tie.parted_at or at))


def _roots(ties: Ties, members: Collection[str]) -> dict[str, str]:
    """Return by member who survives: the smallest id of those that ties unite, as in ingest."""
    roots = {one: one for one in members}

    def root(one: str) -> str:
        while roots[one] != one:
            one = roots[one]
        return one

    for pair, tie in ties.items():
        if tie.holds:
            first, second = sorted((root(pair.alias_id), root(pair.survivor_id)))
            roots[second] = first
    return {one: root(one) for one in members}
