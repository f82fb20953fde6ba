"""How people bought goods of last year's season: for an item, a style or a category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from segmenter.domain.cohort import (
    Cohort,
    Days,
    Habits,
    cohort_of,
    habits_of,
    launches_of_last_year,
)


@dataclass(frozen=True, slots=True)
class Goods:
    """Which items: those that all the texts describe; an empty text describes any."""

    sku: str = ""
    style: str = ""
    category: str = ""
    season: str = ""


@dataclass(frozen=True, slots=True)
class Launched:
    """An item's last season: from L on; H may be unknown."""

    sku: str
    launch_day: date
    hot_sale_day: date | None


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction that sees one shop."""

    async def described(self, goods: Goods) -> list[tuple[str, date | None, date | None]]:
        """Return the sku of each item with its L and H, where the catalogue has them."""

    async def habits(self, items: Sequence[Launched], sales: Sequence[Days]) -> dict[Habits, int]:
        """Return how many buyers have which habits."""

    async def buyers(
        self,
        items: Sequence[Launched],
        sales: Sequence[Days],
        habits: Sequence[Habits],
        after: str,
        limit: int,
    ) -> list[str]:
        """Return the buyers behind *after* who have one of *habits*, by id."""


async def items_of(
    store: Store, goods: Goods, days: tuple[date, date | None] | None, today: date
) -> list[Launched]:
    """Return the items of *goods* that have a last season.

    Args:
        store: Knows the catalogue.
        goods: Which items.
        days: L and H to use for all of them, instead of the catalogue's.
        today: Without *days*, launches about a year before it count; of one item by name, its own.
    """
    found = await store.described(goods)
    if days is not None:
        skus = [goods.sku] if goods.sku else [sku for sku, _, _ in found]
        return [Launched(sku, *days) for sku in skus]
    first, last = (date.min, today) if goods.sku else launches_of_last_year(today)
    return [
        Launched(sku, launch, hot)
        for sku, launch, hot in found
        if launch is not None and first <= launch <= last
    ]


async def count_cohorts(
    store: Store, items: Sequence[Launched], sales: Sequence[Days]
) -> Mapping[Cohort | None, int]:
    """Return how many buyers are in each cohort, and in none."""
    counts: dict[Cohort | None, int] = dict.fromkeys((*Cohort, None), 0)
    for habits, buyers in (await store.habits(items, sales)).items():
        counts[cohort_of(habits)] += buyers
    return counts


async def list_cohort(
    store: Store,
    items: Sequence[Launched],
    sales: Sequence[Days],
    cohort: Cohort,
    after: str,
    limit: int,
) -> list[str]:
    return await store.buyers(items, sales, habits_of(cohort), after, limit)
