"""Records in: what happened to orders, parcels, reviews and people; what shops and others say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.app.keep_rules import keep_rules
from care_triggers.app.note_event import note_orders, note_parcels, note_reviews
from care_triggers.app.note_person import note_erased, note_profiles
from care_triggers.domain.rule import Rule
from care_triggers.edges.rows import House
from care_triggers.edges.store import PostgresStore
from care_triggers.metrics import RULES_ANNOUNCED
from contracts import topics
from contracts.codec import Tombstone, Unreadable, decode, split_key
from contracts.events import (
    CustomerProfile,
    DeliveryChanged,
    OrderFacts,
    ReviewFacts,
    SegmentChanged,
    ShipmentFacts,
    Shop,
    Watermark,
)
from plumbing.absence import Absence
from plumbing.consume import Handle
from plumbing.crashpoint import crashpoint
from plumbing.records import Record
from plumbing.sieve import Read, Sieve


class Consumer:
    """The handlers of one consumer group; each writes state, outbox and letters, nothing else."""

    def __init__(self, grp: str, house: House, rules: Mapping[str, Rule], absence: Absence) -> None:
        self._house = house
        self._rules = rules
        self._sieve = Sieve(
            grp=grp,
            decode=decode,
            unreadable=Unreadable,
            sealer=house.sealer,
            owner="shop",
            absence=absence,
        )

    def handlers(self) -> dict[str, Handle]:
        return {
            topics.ORDERS: self.on_orders,
            topics.SHIPMENTS: self.on_shipments,
            topics.REVIEWS: self.on_reviews,
            topics.CUSTOMERS: self.on_customers,
            topics.SHOPS: self.on_shops,
            topics.SEGMENTS: self.on_segments,
            topics.DELIVERIES: self.on_deliveries,
        }

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store, read = await self._open(conn, records)
        now = await store.now()
        await note_orders(store, _only(read, OrderFacts), now)
        crashpoint("after-merge")
        await store.flush(now, _watermarks(read))

    async def on_shipments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store, read = await self._open(conn, records)
        now = await store.now()
        await note_parcels(store, _only(read, ShipmentFacts), now)
        crashpoint("after-merge")
        await store.flush(now)

    async def on_reviews(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store, read = await self._open(conn, records)
        now = await store.now()
        await note_reviews(store, _only(read, ReviewFacts), now)
        crashpoint("after-merge")
        await store.flush(now)

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """A tombstone erases; what a key says after it is dropped as late."""
        store, read = await self._open(conn, records)
        now = await store.now()
        erased = {split_key(event.key) for _, event in read if isinstance(event, Tombstone)}
        await note_profiles(store, _only(read, CustomerProfile), now)
        await note_erased(store, erased, now)
        crashpoint("after-merge")
        await store.flush(now)

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Keep the shops, and give new ones their rules."""
        read = await self._sieve.read(conn, records)
        store = PostgresStore(conn, self._house)
        shops = _only(read, Shop)
        if not shops:
            return
        now = await store.now()
        names = {one.shop_id for one in shops}
        await store.save_shops(shops)
        await store.lock_shops(names)
        RULES_ANNOUNCED.inc(await keep_rules(store, names, self._rules, now))
        crashpoint("after-merge")
        await store.flush(now)

    async def on_segments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store, read = await self._open(conn, records)
        await store.save_cells(_only(read, SegmentChanged))

    async def on_deliveries(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store, read = await self._open(conn, records)
        await store.note_deliveries(_only(read, DeliveryChanged))

    async def _open(
        self, conn: AsyncConnection, records: Sequence[Record]
    ) -> tuple[PostgresStore, Read]:
        """Return the store and the events of known shops, and of nobody."""
        store = PostgresStore(conn, self._house)
        return store, await self._sieve.read(conn, records, known=store.shops)


def _only(read: Read, kind: type[Any]) -> list[Any]:
    return [event for _, event in read if isinstance(event, kind)]


def _watermarks(read: Read) -> dict[int, datetime]:
    marks: dict[int, datetime] = {}
    for record, event in read:
        if isinstance(event, Watermark):
            marks[record.part] = max(event.at, marks.get(record.part, event.at))
    return marks
