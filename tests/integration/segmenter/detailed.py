"""The segmenter's second reading group, handler by handler, beside the first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.codec import customer_key, tombstone
from contracts.events import CustomerProfile, OrderFacts, Product, ReviewFacts, ShipmentFacts
from contracts.topics import CATALOG, CUSTOMERS
from integration.segmenter.conftest import NOON, Segmenter
from plumbing.absence import Absence
from plumbing.records import Record
from segmenter.edges.details.consumer import DetailConsumer
from segmenter.edges.members.timers import tend
from support.bench import PARTITIONS

GROUP: Final = "segmenter-details"
ROWS: Final = (
    "select * from order_detail order by shop_id, order_id",
    "select * from order_item order by shop_id, order_id, sku",
    "select * from order_refund order by shop_id, order_id, refund_id",
    "select * from parcel order by shop_id, order_id, parcel_id",
    "select * from review order by shop_id, review_id",
    "select * from login order by shop_id, customer_id, at",
    "select * from product order by shop_id, sku",
)


def detail_consumer() -> DetailConsumer:
    return DetailConsumer(GROUP, PARTITIONS, sealer=None, absence=Absence())


@dataclass(kw_only=True, eq=False)
class Details:
    segmenter: Segmenter
    consumer: DetailConsumer = field(default_factory=detail_consumer)

    async def orders(self, *facts: OrderFacts) -> None:
        await self._run(self.consumer.on_orders, facts)

    async def parcels(self, *facts: ShipmentFacts) -> None:
        await self._run(self.consumer.on_shipments, facts)

    async def reviews(self, *facts: ReviewFacts) -> None:
        await self._run(self.consumer.on_reviews, facts)

    async def profiles(self, *profiles: CustomerProfile) -> None:
        await self._run(self.consumer.on_customers, profiles)

    async def erase(self, shop_id: str, customer_id: str) -> None:
        key = customer_key(shop_id, customer_id)
        await self._run(
            self.consumer.on_customers, [tombstone(CUSTOMERS, key, source="test", at=NOON)]
        )

    async def products(self, *products: Product) -> None:
        await self._run(self.consumer.on_catalog, products)

    async def drop_product(self, shop_id: str, sku: str) -> None:
        gone = tombstone(CATALOG, f"{shop_id}:{sku}".encode(), source="test", at=NOON)
        await self._run(self.consumer.on_catalog, [gone])

    async def tell(self, fact: Any) -> None:
        """Hand one fact to whom it concerns."""
        match fact:
            case OrderFacts():
                await self.orders(fact)
            case ShipmentFacts():
                await self.parcels(fact)
            case ReviewFacts():
                await self.reviews(fact)
            case CustomerProfile():
                await self.profiles(fact)
            case _:
                await self.products(fact)

    async def tend(self, *, limit: int = 500) -> int:
        """Do all that is due; return in how many transactions."""
        steps = 0
        while await tend(self.segmenter.engine, partitions=PARTITIONS, limit=limit):
            steps += 1
        return steps

    def restart(self) -> None:
        self.consumer = detail_consumer()

    async def state(self) -> list[list[dict[str, Any]]]:
        return [await self.segmenter.rows(query) for query in ROWS]

    async def _run(self, handler: Any, events: Sequence[Any]) -> None:
        records: list[Record] = [self.segmenter.record(event) for event in events]
        async with self.segmenter.tx() as conn:
            await handler(conn, records)
