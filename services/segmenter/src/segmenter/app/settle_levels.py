"""What people did moves their levels up, at once; who does something for the first time joins."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from care.calendar import day_of, start_of_day
from care.currency import minor_of_unit
from segmenter.domain.levels import (
    WINDOW_DAYS,
    Levels,
    Member,
    Merit,
    Notice,
    Outcome,
    climb,
    earned,
    join,
    review,
    set_manual,
    warn,
)
from segmenter.domain.passes import Pass
from segmenter.domain.standing import CustomerKey


@dataclass(frozen=True, slots=True)
class House:
    """What levels need to know of a shop."""

    shop_id: str
    zone: str
    currency: str
    levels: Levels

    @property
    def unit_minor(self) -> int:
        return minor_of_unit(self.currency)


class Window(NamedTuple):
    """In which span of time, and in which money, somebody is looked at."""

    since: datetime
    until: datetime
    zone: str
    currency: str


class Store(Protocol):
    """What is needed of storage, inside one open transaction."""

    async def houses(self, shop_ids: Collection[str]) -> dict[str, House]: ...

    # Nobody else writes these until the transaction ends.
    async def lock_members(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Member]: ...
    async def merits(self, windows: Mapping[CustomerKey, Window]) -> dict[CustomerKey, Merit]: ...
    async def first_paid(
        self, windows: Mapping[CustomerKey, Window]
    ) -> dict[CustomerKey, datetime]: ...
    async def save_members(self, members: Mapping[CustomerKey, Member]) -> None: ...
    async def tell(self, notices: Sequence[tuple[CustomerKey, Notice]]) -> None: ...


def window_of(house: House, last: date) -> Window:
    """Return the span of the 365 days that *last* ends."""
    first = last - timedelta(days=WINDOW_DAYS - 1)
    since, until = (start_of_day(day, house.zone) for day in (first, last + timedelta(days=1)))
    return Window(since, until, house.zone, house.currency)


async def settle_levels(
    store: Store,
    customers: Collection[CustomerKey],
    joined: Mapping[CustomerKey, datetime],
    now: datetime,
) -> None:
    """Put up whoever has earned it, and make members of those who bought or *joined*."""
    if not customers:
        return
    houses = await store.houses({shop_id for shop_id, _ in customers})
    known = [customer for customer in sorted(customers) if customer[0] in houses]
    today = {shop_id: day_of(now, house.zone) for shop_id, house in houses.items()}
    windows = {one: window_of(houses[one[0]], today[one[0]]) for one in known}
    members = await store.lock_members(known)
    strangers = {one: window for one, window in windows.items() if one not in members}
    began = {**await store.first_paid(strangers)}
    for customer, at in joined.items():
        if customer in strangers and at <= now:
            began[customer] = min(at, began.get(customer, at))
    merits = await store.merits(
        {one: windows[one] for one in known if one in members or one in began}
    )
    outcomes: dict[CustomerKey, Outcome] = {}
    for customer, merit in merits.items():
        house = houses[customer[0]]
        place = earned(house.levels, merit, house.unit_minor)
        if customer in members:
            outcome = climb(house.levels, members[customer], place, today[customer[0]])
        else:
            outcome = join(house.levels, place, day_of(began[customer], house.zone))
        outcomes[customer] = outcome
    await keep(store, members, outcomes)


async def judge(
    store: Store,
    house: House,
    kind: Pass,
    day: date,
    customers: Collection[CustomerKey],
    today: date,
) -> None:
    """Review or warn these members for *day*, the first of a month."""
    members = await store.lock_members(customers)
    merits = await store.merits(dict.fromkeys(sorted(members), window_of(house, day)))
    outcomes: dict[CustomerKey, Outcome] = {}
    for customer, merit in merits.items():
        member = members[customer]
        if kind is Pass.REVIEW:
            place = earned(house.levels, merit, house.unit_minor)
            outcomes[customer] = review(house.levels, member, place, day)
        else:
            outcomes[customer] = warn(
                house.levels, member, merit, house.unit_minor, review_day=day, today=today
            )
    await keep(store, members, outcomes)


async def end_manual(store: Store, customers: Collection[CustomerKey], now: datetime) -> None:
    """Let the ordinary level show again of those whose level by hand has ended."""
    houses = await store.houses({shop_id for shop_id, _ in customers})
    members = await store.lock_members(customers)
    outcomes = {
        customer: set_manual(house.levels, member, None, day_of(now, house.zone))
        for customer, member in members.items()
        if (house := houses.get(customer[0])) is not None
    }
    await keep(store, members, outcomes)


async def keep(
    store: Store, before: Mapping[CustomerKey, Member], outcomes: Mapping[CustomerKey, Outcome]
) -> None:
    """Write what changed, and tell what is to be told."""
    await store.save_members(
        {one: member for one, (member, _) in outcomes.items() if member != before.get(one)}
    )
    await store.tell([(one, notice) for one, (_, notice) in outcomes.items() if notice is not None])
