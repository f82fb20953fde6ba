"""Where a customer stands, until when that holds, and what to announce when it changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from contracts.events import Cell, ChangeReason, SegmentChanged
from segmenter.domain.average import Average
from segmenter.domain.grid import is_split, next_change, pair_of, stage_of
from segmenter.domain.rfm import NOTHING, Tally, recency

CustomerKey: TypeAlias = tuple[str, str]  # shop, customer


@dataclass(frozen=True, slots=True)
class ShopDay:
    """A shop, and the day for which its live cells are true. Only the midnight pass moves it."""

    shop_id: str
    zone: str
    currency: str
    day: date
    average: Average


class Standing(NamedTuple):
    """One customer's place in the grid.

    It holds on every day before `due_day`, as long as the average stays on the same side of the
    customer's money. So midnight has to touch only those whom one of the two concerns.
    """

    total: Tally
    cell: Cell
    is_high: bool | None  # None where the average decides nothing
    due_day: date | None
    revision: int  # changes announced so far
    # Of somebody who is one person with others: under whose id that person counts. The others keep
    # the cell that was announced of them, and no purchases.
    survivor_id: str | None = None


# Somebody of whom nothing is known never bought: not worth an announcement.
UNSEEN: Final = Standing(NOTHING, Cell.NEVER_BOUGHT, None, None, 0)


def is_stale(standing: Standing, day: date) -> bool:
    """Tell whether a purchase that was dated ahead has come of age: the tally must be redone."""
    return standing.total.next_day is not None and standing.total.next_day <= day


def move(
    customer: CustomerKey,
    before: Standing,
    total: Tally,
    shop: ShopDay,
    reason: ChangeReason | None = None,
) -> tuple[Standing, SegmentChanged | None]:
    """Return where *total* puts *customer* on the shop's day, and the change if it is one.

    Args:
        customer: Whose.
        before: The standing so far, of any earlier day.
        total: The customer's tally as of the shop's day.
        shop: Day and average to compare with.
        reason: Why, where the tally cannot tell.
    """
    after, changes = walk(customer, before, [total], shop, reason)
    return after, changes[0][1] if changes else None


def walk(
    customer: CustomerKey,
    before: Standing,
    totals: Iterable[Tally],
    shop: ShopDay,
    reason: ChangeReason | None = None,
) -> tuple[Standing, list[tuple[int, SegmentChanged]]]:
    """`move` along the *totals*; return where that ends, and the changes by number of the total."""
    total, cell, revision = before.total, before.cell, before.revision
    is_high = shop.average.is_high
    changes: list[tuple[int, SegmentChanged]] = []
    pair, days, last_day, often = None, None, None, False
    for number, after in enumerate(totals):
        if pair is None or after.last_day != last_day or (after.frequency > 1) is not often:
            last_day, often = after.last_day, after.frequency > 1
            days = recency(last_day, shop.day)
            pair = pair_of(days, after.frequency)
        now = pair[0] if is_high(after.monetary_minor) else pair[1]
        if now is not cell:
            revision += 1
            change = SegmentChanged(
                shop_id=customer[0],
                customer_id=customer[1],
                revision=revision,
                as_of=shop.day,
                before=cell,
                after=now,
                reason=reason or _reason(cell, now, bought=after != total),
                recency_days=days,
                frequency=after.frequency,
                monetary_minor=after.monetary_minor,
            )
            changes.append((number, change))
        total, cell = after, now
    side = shop.average.is_high(total.monetary_minor) if is_split(cell) else None
    due_day = _due_day(total, shop.day)
    return Standing(total, cell, side, due_day, revision, before.survivor_id), changes


def _due_day(total: Tally, as_of: date) -> date | None:
    days = [day for day in (next_change(total.last_day, as_of), total.next_day) if day is not None]
    return min(days, default=None)


def _reason(before: Cell, after: Cell, *, bought: bool) -> ChangeReason:
    if bought:
        return ChangeReason.EVENT
    if stage_of(before) is not stage_of(after):
        return ChangeReason.TIME
    return ChangeReason.AVERAGE
