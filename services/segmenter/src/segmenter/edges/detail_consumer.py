"""The second reading group: facts in full, for all that is not RFM.

Each method runs inside one batch's transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import topics
from contracts.codec import Tombstone, Unreadable, decode, split_key
from contracts.events import (
    CustomerProfile,
    OrderFacts,
    Product,
    ReviewFacts,
    ShipmentFacts,
    Watermark,
)
from plumbing.absence import Absence
from plumbing.consume import Handle
from plumbing.records import Record
from plumbing.seal import Sealer
from plumbing.sieve import Read, Sieve
from segmenter.app.note_details import (
    note_goods,
    note_orders,
    note_parcels,
    note_people,
    note_reviews,
)
from segmenter.domain.detail import unfit_detail, unfit_parcel, unfit_product, unfit_review
from segmenter.edges.detail_store import DetailStore


class DetailConsumer:
    """The handlers of one consumer group.

    Args:
        grp: The group.
        sealer: Encrypts dead letters; without it nothing of a person may rest in one.
        absence: How long facts wait for their shop.
    """

    def __init__(self, grp: str, *, sealer: Sealer | None, absence: Absence) -> None:
        self._sealed = sealer is not None
        self._sieve = Sieve(
            grp=grp,
            decode=decode,
            unreadable=Unreadable,
            sealer=sealer,
            owner="shop",
            absence=absence,
        )

    def handlers(self) -> dict[str, Handle]:
        return {
            topics.ORDERS: self.on_orders,
            topics.SHIPMENTS: self.on_shipments,
            topics.REVIEWS: self.on_reviews,
            topics.CUSTOMERS: self.on_customers,
            topics.CATALOG: self.on_catalog,
        }

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_order)
        await note_orders(store, _only(read, OrderFacts))

    async def on_shipments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_parcel)
        await note_parcels(store, _only(read, ShipmentFacts))

    async def on_reviews(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_review)
        await note_reviews(store, _only(read, ReviewFacts))

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """A tombstone erases; what a key says after it is dropped as late."""
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, fault=_unfit_profile, bare=not self._sealed)
        await note_people(store, _only(read, CustomerProfile), _gone(read))

    async def on_catalog(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_product)
        await note_goods(store, _only(read, Product), _gone(read))


def _only(read: Read, kind: type[Any]) -> list[Any]:
    return [event for _, event in read if isinstance(event, kind)]


def _gone(read: Read) -> set[tuple[str, str]]:
    return {split_key(event.key) for _, event in read if isinstance(event, Tombstone)}


def _unfit_order(event: Any) -> str | None:
    if isinstance(event, OrderFacts):
        return unfit_detail(event)
    return None if isinstance(event, Watermark) else _not_handled(event)


def _unfit_parcel(event: Any) -> str | None:
    return unfit_parcel(event) if isinstance(event, ShipmentFacts) else _not_handled(event)


def _unfit_review(event: Any) -> str | None:
    return unfit_review(event) if isinstance(event, ReviewFacts) else _not_handled(event)


def _unfit_profile(event: Any) -> str | None:
    return None if isinstance(event, CustomerProfile | Tombstone) else _not_handled(event)


def _unfit_product(event: Any) -> str | None:
    if isinstance(event, Product):
        return unfit_product(event)
    return None if isinstance(event, Tombstone) else _not_handled(event)


def _not_handled(event: Any) -> str:
    return f"{type(event).__name__} is not handled"
