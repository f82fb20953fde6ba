"""What the API shows: a customer, a list, the grid; live, or as of any day.

Live is what was announced: the standings, with the average of the day's midnight. As of a day,
today included, everything is added up again from the orders known now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from contracts.events import Cell
from segmenter.domain.average import Average
from segmenter.domain.book import Book
from segmenter.domain.grid import cell_of
from segmenter.domain.rfm import DaySum, Rfm, Tally, recency
from segmenter.domain.scores import SPAN_DAYS, Scores, ShopCuts, scores_of
from segmenter.domain.standing import ShopDay, Standing

WINDOWS_DAYS: Final = (7, 30, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class CustomerView:
    customer_id: str
    as_of: date
    cell: Cell
    life: Rfm
    windows: Mapping[int, Rfm]
    first_day: date | None
    last_day: date | None
    average: Average
    revision: int | None  # None: computed for a day, not announced
    aliases: Sequence[str]  # other ids of the same person
    counted_days: int
    scores: Scores | None


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    customer_id: str
    cell: Cell
    life: Rfm
    window: Rfm | None


@dataclass(frozen=True, slots=True)
class CellTotal:
    customers: int = 0
    orders: int = 0
    monetary_minor: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    as_of: date
    average: Average
    cells: Mapping[Cell, CellTotal]


@dataclass(frozen=True, slots=True)
class Group:
    """Customers who are alike as far as the grid can tell."""

    recency_days: int
    frequency: int
    is_high: bool
    total: CellTotal


@dataclass(frozen=True, slots=True)
class Sums:
    """One customer's purchases up to a day, added up over the life and over a window."""

    customer_id: str
    life: Rfm
    window: Rfm | None


class Store(Protocol):
    """What the views need from storage, inside one open transaction that sees one shop."""

    async def standing(self, customer_id: str) -> Standing | None: ...
    async def sums(self, customer_id: str) -> Sequence[DaySum]: ...
    async def cuts(self, shop_id: str, as_of: date | None) -> ShopCuts | None: ...
    async def aliases(self, survivor_id: str) -> Sequence[str]: ...
    async def average(self, day: date) -> Average: ...
    async def live_cells(self) -> dict[Cell, CellTotal]: ...
    async def groups(self, day: date, average: Average) -> list[Group]: ...
    async def how_many(self) -> int: ...
    async def live_page(
        self, cell: Cell | None, after: str, limit: int
    ) -> list[tuple[str, Standing]]: ...
    async def page(
        self, day: date, window_days: int | None, after: str, limit: int
    ) -> list[Sums]: ...


async def view_customer(
    store: Store,
    shop: ShopDay,
    customer_id: str,
    as_of: date | None,
    windows_days: Collection[int],
) -> CustomerView | None:
    """Return the person called *customer_id*, live or as of a day; None when nobody is."""
    standing = await store.standing(customer_id)
    survivor_id = None if standing is None else standing.survivor_id
    if survivor_id not in {None, customer_id}:
        customer_id = str(survivor_id)
        standing = await store.standing(customer_id)
    if standing is None:
        return None
    book = Book(await store.sums(customer_id))
    day = as_of or shop.day
    if as_of is None:
        total, average, cell = standing.total, shop.average, standing.cell
    else:
        total, average = book.tally(day), await store.average(day)
        cell = _cell(_life(total, day), average)
    return CustomerView(
        customer_id=customer_id,
        as_of=day,
        cell=cell,
        life=_life(total, day),
        windows={days: book.measure(day, days) for days in sorted(windows_days)},
        counted_days=book.days_until(day),
        scores=scores_of(book.measure(day, SPAN_DAYS), await store.cuts(shop.shop_id, as_of)),
        first_day=total.first_day,
        last_day=total.last_day,
        average=average,
        revision=standing.revision if as_of is None else None,
        aliases=() if survivor_id is None else await store.aliases(customer_id),
    )


async def view_grid(store: Store, shop: ShopDay, as_of: date | None) -> Grid:
    """Return every cell with its customers and their life's orders and money."""
    if as_of is None:
        return Grid(shop.day, shop.average, _all_cells(await store.live_cells()))
    average = await store.average(as_of)
    cells: dict[Cell, CellTotal] = {}
    bought = 0
    for group in await store.groups(as_of, average):
        cell = cell_of(group.recency_days, group.frequency, is_high=group.is_high)
        held, more = cells.get(cell, CellTotal()), group.total
        cells[cell] = CellTotal(
            held.customers + more.customers,
            held.orders + more.orders,
            held.monetary_minor + more.monetary_minor,
        )
        bought += more.customers
    cells[Cell.NEVER_BOUGHT] = CellTotal(customers=await store.how_many() - bought)
    return Grid(as_of, average, _all_cells(cells))


async def list_live(
    store: Store, shop: ShopDay, cell: Cell | None, after: str, limit: int
) -> list[ListedCustomer]:
    """Return the customers behind *after*, by id: of one cell, or all."""
    return [
        ListedCustomer(customer_id, standing.cell, _life(standing.total, shop.day), None)
        for customer_id, standing in await store.live_page(cell, after, limit)
    ]


async def list_as_of(
    store: Store, as_of: date, window_days: int | None, after: str, limit: int
) -> Sequence[ListedCustomer]:
    """Return the customers behind *after*, by id, as they stood at the end of *as_of*."""
    average = await store.average(as_of)
    return [
        ListedCustomer(sums.customer_id, _cell(sums.life, average), sums.life, sums.window)
        for sums in await store.page(as_of, window_days, after, limit)
    ]


def _life(total: Tally, day: date) -> Rfm:
    return Rfm(recency(total.last_day, day), total.frequency, total.monetary_minor)


def _cell(life: Rfm, average: Average) -> Cell:
    is_high = average.is_high(life.monetary_minor)
    return cell_of(life.recency_days, life.frequency, is_high=is_high)


def _all_cells(found: Mapping[Cell, CellTotal]) -> dict[Cell, CellTotal]:
    return {cell: found.get(cell, CellTotal()) for cell in Cell}
