"""From Kafka's records to the use cases. Each method runs inside one batch's transaction."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from care.calendar import UnknownZone, zone
from contracts.codec import Tombstone, Unreadable, decoder, split_key
from contracts.events import (
    CustomerProfile,
    CustomersMerged,
    CustomersUnmerged,
    OrderFacts,
    OrderMoney,
    Shop,
    Watermark,
)
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.records import Record
from plumbing.seal import Sealer
from plumbing.sieve import Sieve
from segmenter.app.apply_orders import apply_orders
from segmenter.app.note_profiles import note_profiles
from segmenter.app.note_shops import note_shops
from segmenter.app.unite_people import unite_people
from segmenter.domain.fitness import unfit, unfit_pair
from segmenter.domain.standing import CustomerKey, ShopDay
from segmenter.edges.audience.dirty import NotingStore
from segmenter.edges.memory import Memories
from segmenter.edges.people_store import PeopleStore, lock_merges
from segmenter.edges.person_store import PersonStore
from segmenter.edges.shop_store import ShopStore
from segmenter.edges.store import Outlet
from segmenter.edges.unfit import not_handled, unfit_profile

MERGES: Final = (CustomersMerged, CustomersUnmerged)

decode = decoder({OrderFacts: OrderMoney})  # of orders only what is kept


class Consumer:
    """The handlers of one consumer group.

    Args:
        grp: The group.
        partitions: Of the customer-keyed topics.
        sealer: Encrypts dead letters; without it nothing of a person may rest in one.
        absence: How long facts wait for their shop.
    """

    def __init__(
        self, grp: str, partitions: int, *, sealer: Sealer | None, absence: Absence
    ) -> None:
        self._partitions = partitions
        self._sealed = sealer is not None
        self._memories = Memories(grp)
        self._sieve = Sieve(
            grp=grp,
            decode=decode,
            unreadable=Unreadable,
            sealer=sealer,
            owner="shop",
            absence=absence,
        )

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        shops: dict[str, ShopDay] = {}

        async def hold(shop_ids: set[str]) -> dict[str, ShopDay]:
            shops.update(await ShopStore(conn).hold_days(shop_ids))
            return shops

        read = await self._sieve.read(conn, records, known=hold, fault=_unfit_order)
        events = [event for _, event in read if not isinstance(event, Watermark)]
        if not events:
            return
        await self._lock_merges(conn, events)
        place = (records[0].topic, records[0].part)
        memory = await self._memories.take(conn, place)
        near = {record.key for record in records if record.key is not None}
        outlet = Outlet(await business_now(conn), self._partitions, place[1], near)
        for are_facts, run in groupby(events, key=lambda event: isinstance(event, OrderMoney)):
            if are_facts:
                await apply_orders(NotingStore(conn, outlet, memory), list(run), shops)
            else:
                await unite_people(PeopleStore(conn, outlet, memory), run, shops)
        self._memories.keep(place, memory)

    async def _lock_merges(self, conn: AsyncConnection, events: Sequence[Any]) -> None:
        """Before any row: whoever else unites people may need one of those that we will hold."""
        merging = {event.shop_id for event in events if isinstance(event, MERGES)}
        if merging:
            await lock_merges(conn, merging)

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read = await self._sieve.read(conn, records, fault=_unfit_shop)
        if read:
            shops = [event for _, event in read]
            await note_shops(ShopStore(conn), shops, await business_now(conn))

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read = await self._sieve.read(conn, records, fault=unfit_profile, bare=not self._sealed)
        if read:
            now = await business_now(conn)
            store = PersonStore(conn, Outlet(now, self._partitions))
            await note_profiles(store, [_news(event) for _, event in read], now.date())


def _unfit_order(event: Any) -> str | None:
    if isinstance(event, OrderMoney):
        return unfit(event)
    if isinstance(event, MERGES):
        return unfit_pair(event)
    return None if isinstance(event, Watermark) else not_handled(event)


def _unfit_shop(event: Any) -> str | None:
    if not isinstance(event, Shop):
        return not_handled(event)
    try:
        zone(event.zone)
    except UnknownZone:
        return "the shop's zone is unknown here"
    return None


def _news(event: CustomerProfile | Tombstone) -> tuple[CustomerKey, CustomerProfile | None]:
    if isinstance(event, Tombstone):
        return split_key(event.key), None
    return (event.shop_id, event.customer_id), event
