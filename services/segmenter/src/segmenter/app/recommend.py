"""What goes with an item: what buyers bought together with it, then what the catalogue names."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from segmenter.domain.pairs import Figures


class Basis(StrEnum):
    BOUGHT_TOGETHER = "bought_together"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Suggestion:
    sku: str
    title: str  # empty: not in the catalogue, or without one
    because: str  # the item that it goes with
    figures: Figures | None  # of both together; None: the catalogue says so

    @property
    def basis(self) -> Basis:
        return Basis.CATALOGUE if self.figures is None else Basis.BOUGHT_TOGETHER


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction that sees one shop."""

    # Both without what is out of stock, best first.
    async def partners(self, sku: str, season: str, limit: int) -> list[Suggestion]: ...
    async def named_partners(self, sku: str, limit: int) -> list[Suggestion]: ...


async def related(store: Store, sku: str, season: str, limit: int) -> Sequence[Suggestion]:
    """Return what goes with *sku*: what is bought together with it, then what the shop names."""
    found = await store.partners(sku, season, limit)
    if len(found) < limit:
        known = {one.sku for one in found}
        found += [one for one in await store.named_partners(sku, 2 * limit) if one.sku not in known]
    return found[:limit]
