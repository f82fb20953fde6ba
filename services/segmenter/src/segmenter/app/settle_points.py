"""Orders and reviews earn points, once they are due; what changes later is put right."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeAlias

from care.calendar import day_of
from care.currency import minor_of_unit
from care.facts import ParcelState
from contracts.ids import derive
from segmenter.domain.detail import arrived_at
from segmenter.domain.points import (
    ORDER,
    REVIEW,
    Account,
    Source,
    Worth,
    book,
    is_birthday,
    left_of,
    order_worth,
    review_worth,
    settle,
)
from segmenter.domain.standing import CustomerKey

AGAIN_AFTER: Final = timedelta(seconds=90)  # no transaction lasts as long
SourceKey: TypeAlias = tuple[str, str, str]  # shop, kind, id


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """What is known of an order, its buyer and its shop."""

    shop_id: str
    order_id: str
    customer_id: str
    net_minor: int | None  # None: it does not count, in the shop's currency
    paid_at: datetime | None
    signed_at: datetime | None
    confirmed_at: datetime | None
    birthday: tuple[int | None, int | None]  # of the solar calendar
    zone: str
    currency: str
    parcels: tuple[ParcelState, ...] = ()


class ToldReview(NamedTuple):
    shop_id: str
    review_id: str
    customer_id: str
    score: int | None
    reviewed_at: datetime | None
    zone: str


class Claim(NamedTuple):
    """What a source is worth to whom."""

    key: SourceKey
    customer_id: str
    worth: Worth
    factor: int
    zone: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger."""

    shop_id: str
    customer_id: str
    entry_id: str
    points: int
    cause: str
    at: datetime
    source: str = ""
    reason: str = ""
    expires_on: date | None = None
    number: int = 0
    balance: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """Points that are told to end."""

    shop_id: str
    customer_id: str
    entry_id: str
    points: int
    balance: int
    number: int
    on: date


@dataclass(slots=True)
class Booked:
    accounts: dict[CustomerKey, Account] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


class Ledger(Protocol):
    """What every change of points needs of storage, inside one open transaction."""

    # Nobody else writes these until the transaction ends; who has none gets an empty one.
    async def lock_accounts(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, Account]: ...
    async def post(
        self, accounts: Mapping[CustomerKey, Account], entries: Sequence[Entry]
    ) -> None: ...


class Sources(Ledger, Protocol):
    async def lock_sources(self, keys: Collection[SourceKey]) -> dict[SourceKey, Source]: ...
    async def save_sources(self, sources: Mapping[SourceKey, Source]) -> None: ...


class Ends(Ledger, Protocol):
    async def dated(self, customers: Collection[CustomerKey], by: date) -> dict[CustomerKey, int]:
        """Return the sums of the entries that carry *by* or an earlier day."""

    async def tell_endings(self, endings: Sequence[Ending]) -> None: ...


class Orders(Sources, Protocol):
    async def hold_orders(self, keys: Collection[tuple[str, ...]]) -> None: ...
    async def orders(self, keys: Collection[tuple[str, ...]]) -> list[PaidOrder]: ...
    async def expect(self, keys: Collection[tuple[str, ...]], due_at: datetime) -> None: ...


def order_claims(orders: Iterable[PaidOrder]) -> list[Claim]:
    return [_order_claim(one) for one in orders]


def review_claims(reviews: Iterable[ToldReview]) -> list[Claim]:
    return [
        Claim(
            (one.shop_id, REVIEW, one.review_id),
            one.customer_id,
            review_worth(one.score, one.reviewed_at),
            1,
            one.zone,
        )
        for one in reviews
    ]


async def settle_points(store: Sources, claims: Sequence[Claim], now: datetime) -> None:
    """Give what has become due, and bring in line what was given."""
    if not claims:
        return
    known = await store.lock_sources({claim.key for claim in claims})
    after: dict[SourceKey, Source] = {}
    entries: list[Entry] = []
    for claim in sorted(claims, key=lambda one: one.key):
        shop_id, kind, source_id = claim.key
        held = known.get(claim.key)
        source, grants = settle(
            held or Source(claim.customer_id),
            *(claim.customer_id, claim.worth, claim.factor),
            now=now,
            zone=claim.zone,
        )
        if source != (held or Source(claim.customer_id)):
            after[claim.key] = source
        entries += [
            Entry(
                shop_id,
                grant.customer_id,
                derive("points", shop_id, kind, source_id, str(grant.number)),
                grant.points,
                f"{kind}_{grant.cause}",
                now,
                source=source_id,
                expires_on=grant.expires_on,
            )
            for grant in grants
        ]
    await store.save_sources(after)
    await post(store, entries)


async def settle_arrivals(store: Orders, keys: Collection[tuple[str, ...]], now: datetime) -> None:
    """Look at orders of which parcels tell something.

    An order that is not known yet may be on its way into the database, by a transaction that does
    not see these parcels: it is looked at again when that one has surely ended.
    """
    await store.hold_orders(keys)
    orders = await store.orders(keys)
    missing = set(keys) - {(one.shop_id, one.order_id) for one in orders}
    await store.expect(missing, now + AGAIN_AFTER)
    await settle_points(store, order_claims(orders), now)


async def expire(
    store: Ends, shop_id: str, customers: Collection[CustomerKey], day: date, now: datetime
) -> None:
    """Take what is left of the points of which *day* was the last."""
    accounts = await store.lock_accounts(customers)
    left = _left(accounts, await store.dated(customers, day))
    booked = Booked()
    for customer, points in left.items():
        entry_id = derive("points", shop_id, "expired", customer[1], day.isoformat())
        entry = Entry(shop_id, customer[1], entry_id, -points, "expired", now)
        _add(booked, accounts, entry)
    await store.post(booked.accounts, booked.entries)


async def tell_endings(
    store: Ends, shop_id: str, customers: Collection[CustomerKey], day: date
) -> None:
    """Tell whose points end after *day*, and how many."""
    accounts = await store.lock_accounts(customers)
    left = _left(accounts, await store.dated(customers, day))
    await store.tell_endings(
        [
            Ending(
                *(shop_id, customer[1]),
                derive("points", shop_id, "expiring", customer[1], day.isoformat()),
                *(points, accounts[customer].balance, accounts[customer].entries),
                on=day,
            )
            for customer, points in left.items()
        ]
    )


async def post(store: Ledger, entries: Sequence[Entry]) -> list[Entry]:
    """Put *entries* into the ledger; return them as they stand there."""
    if not entries:
        return []
    accounts = await store.lock_accounts({(one.shop_id, one.customer_id) for one in entries})
    booked = Booked()
    for entry in entries:
        _add(booked, accounts, entry)
    await store.post(booked.accounts, booked.entries)
    return booked.entries


def _add(booked: Booked, accounts: Mapping[CustomerKey, Account], entry: Entry) -> None:
    customer = (entry.shop_id, entry.customer_id)
    before = booked.accounts.get(customer) or accounts[customer]
    after = book(before, entry.points, dated=entry.expires_on is not None)
    booked.accounts[customer] = after
    numbered = Entry(
        *(entry.shop_id, entry.customer_id, entry.entry_id, entry.points, entry.cause, entry.at),
        *(entry.source, entry.reason, entry.expires_on),
        number=after.entries,
        balance=after.balance,
    )
    booked.entries.append(numbered)


def _left(
    accounts: Mapping[CustomerKey, Account], dated: Mapping[CustomerKey, int]
) -> dict[CustomerKey, int]:
    left = {one: left_of(dated.get(one, 0), account.taken) for one, account in accounts.items()}
    return {one: points for one, points in sorted(left.items()) if points}


def _order_claim(order: PaidOrder) -> Claim:
    worth = order_worth(
        order.net_minor,
        minor_of_unit(order.currency),
        order.confirmed_at,
        arrived_at(order.signed_at, order.parcels),
    )
    paid_on = None if order.paid_at is None else day_of(order.paid_at, order.zone)
    doubled = paid_on is not None and is_birthday(paid_on, *order.birthday)
    key = (order.shop_id, ORDER, order.order_id)
    return Claim(key, order.customer_id, worth, 2 if doubled else 1, order.zone)
