"""Ingest reads its own topics: registries and profiles are made of what is in the log."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import Unreadable, decoder
from contracts.events import (
    CartFacts,
    CustomerErased,
    CustomerFacts,
    OrderFacts,
    OrderHome,
    ShipmentFacts,
)
from ingest.app.note_customer import note_customers
from ingest.app.note_fact import note_carts, note_orders, note_shipments
from ingest.edges.people import PeopleStore
from ingest.edges.store import PostgresStore
from plumbing.records import Record
from plumbing.seal import Sealer
from plumbing.sieve import Sieve

decode = decoder({OrderFacts: OrderHome})  # of orders only what the registries keep


class Consumer:
    """The handlers; each call is inside one batch's transaction.

    Args:
        grp: The consumer group, whose dead letters these are.
        sealer: Encrypts profiles and letters.
        partitions: Of the customer-keyed topics.
        now: This machine's clock, for the time that events are sent with.
    """

    def __init__(
        self, grp: str, sealer: Sealer, partitions: int, now: Callable[[], datetime]
    ) -> None:
        self._sieve = Sieve(grp=grp, decode=decode, unreadable=Unreadable, sealer=sealer)
        self._sealer = sealer
        self._partitions = partitions
        self._now = now

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Note whose each order is, and where its receiver lives."""
        events = await self._read(conn, records)
        orders = [one for one in events if isinstance(one, OrderHome)]
        await note_orders(self._store(conn), orders)
        homes = [one for one in orders if one.region is not None]
        await note_customers(self._people(conn), homes)

    async def on_shipments(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        await note_shipments(
            self._store(conn), [one for one in events if isinstance(one, ShipmentFacts)]
        )

    async def on_carts(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        await note_carts(self._store(conn), [one for one in events if isinstance(one, CartFacts)])

    async def on_customer_facts(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events = await self._read(conn, records)
        said = [one for one in events if isinstance(one, CustomerFacts | CustomerErased)]
        await note_customers(self._people(conn), said)

    async def _read(self, conn: AsyncConnection, records: Sequence[Record]) -> list[object]:
        return [event for _, event in await self._sieve.read(conn, records)]

    def _store(self, conn: AsyncConnection) -> PostgresStore:
        return PostgresStore(conn, self._partitions, self._now())

    def _people(self, conn: AsyncConnection) -> PeopleStore:
        return PeopleStore(conn, self._sealer, self._partitions, self._now())
