"""The second reading group: facts in full, for all that is not RFM.

Each method runs inside one batch's transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import topics
from contracts.codec import Tombstone, Unreadable, decode, split_key
from contracts.events import (
    CustomerProfile,
    CustomersMerged,
    CustomersUnmerged,
    OrderFacts,
    Product,
    ReviewFacts,
    ShipmentFacts,
    Watermark,
)
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.consume import Handle
from plumbing.records import Record
from plumbing.seal import Sealer
from plumbing.sieve import Read, Sieve
from segmenter.app.note_details import (
    Key,
    note_goods,
    note_orders,
    note_parcels,
    note_people,
    note_reviews,
)
from segmenter.app.settle_levels import settle_levels
from segmenter.app.settle_points import order_claims, review_claims, settle_arrivals, settle_points
from segmenter.domain.detail import unfit_detail, unfit_parcel, unfit_product, unfit_review
from segmenter.domain.standing import CustomerKey
from segmenter.edges.audience.dirty import note_dirty
from segmenter.edges.details.store import DetailStore
from segmenter.edges.members.points_store import PointsStore
from segmenter.edges.members.store import MemberStore
from segmenter.edges.store import Outlet
from segmenter.edges.unfit import not_handled, unfit_profile

NOBODY: Final[Mapping[CustomerKey, datetime]] = MappingProxyType({})


class DetailConsumer:
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
        orders, customers = await note_orders(store, _only(read, OrderFacts))
        await self._settle(conn, customers, orders=orders)

    async def on_shipments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_parcel)
        orders = await note_parcels(store, _only(read, ShipmentFacts))
        outlet = await self._outlet(conn)
        await settle_arrivals(PointsStore(conn, outlet), orders, outlet.now)

    async def on_reviews(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_review)
        reviews, customers = await note_reviews(store, _only(read, ReviewFacts))
        await self._settle(conn, customers, reviews=reviews)

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """A tombstone erases; what a key says after it is dropped as late."""
        store = DetailStore(conn)
        read = await self._sieve.read(
            conn, records, known=store.shops, fault=unfit_profile, bare=not self._sealed
        )
        profiles, erased = _only(read, CustomerProfile), _gone(read)
        came = await note_people(store, profiles, erased)
        joined = {
            (one.shop_id, one.customer_id): one.joined_at
            for one in profiles
            if one.joined_at is not None and (one.shop_id, one.customer_id) not in erased
        }
        await self._settle(conn, came | joined.keys(), joined=joined)
        await MemberStore(conn, await self._outlet(conn)).forget_reasons(erased)

    async def on_catalog(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = DetailStore(conn)
        read = await self._sieve.read(conn, records, known=store.shops, fault=_unfit_product)
        await note_goods(store, _only(read, Product), _gone(read))

    async def _settle(
        self,
        conn: AsyncConnection,
        customers: Collection[CustomerKey],
        *,
        orders: Collection[Key] = (),
        reviews: Collection[Key] = (),
        joined: Mapping[CustomerKey, datetime] = NOBODY,
    ) -> None:
        """Give points for what changed, and look at levels and audiences of *customers*."""
        outlet = await self._outlet(conn)
        points = PointsStore(conn, outlet)
        claims = order_claims(await points.orders(orders))
        claims += review_claims(await points.reviews(reviews))
        await settle_points(points, claims, outlet.now)
        await settle_levels(MemberStore(conn, outlet), customers, joined, outlet.now)
        await note_dirty(conn, customers)

    async def _outlet(self, conn: AsyncConnection) -> Outlet:
        return Outlet(await business_now(conn), self._partitions)


def _only(read: Read, kind: type[Any]) -> list[Any]:
    return [event for _, event in read if isinstance(event, kind)]


def _gone(read: Read) -> set[tuple[str, str]]:
    return {split_key(event.key) for _, event in read if isinstance(event, Tombstone)}


def _unfit_order(event: Any) -> str | None:
    if isinstance(event, OrderFacts):
        return unfit_detail(event)
    # Who is one person is the first group's to heed: what rests here keeps its own id.
    heard = isinstance(event, Watermark | CustomersMerged | CustomersUnmerged)
    return None if heard else not_handled(event)


def _unfit_parcel(event: Any) -> str | None:
    return unfit_parcel(event) if isinstance(event, ShipmentFacts) else not_handled(event)


def _unfit_review(event: Any) -> str | None:
    return unfit_review(event) if isinstance(event, ReviewFacts) else not_handled(event)


def _unfit_product(event: Any) -> str | None:
    if isinstance(event, Product):
        return unfit_product(event)
    return None if isinstance(event, Tombstone) else not_handled(event)
