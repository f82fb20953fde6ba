"""What a house's own consumer reads, handed to it without a broker."""

from collections.abc import Sequence
from typing import Any

from contracts.events import (
    CartFacts,
    CustomerErased,
    CustomerFacts,
    OrderFacts,
    ShipmentFacts,
)
from ingest.edges.consumer import Consumer
from plumbing.records import Record


async def consume(house: Any, *events: Any) -> None:
    """Hand *events* to the consumer's handlers, one transaction each topic."""
    consumer = Consumer("ingest", house.sealer, 4, house.ports.now)
    handlers = {
        OrderFacts: consumer.on_orders,
        ShipmentFacts: consumer.on_shipments,
        CartFacts: consumer.on_carts,
        CustomerFacts: consumer.on_customer_facts,
        CustomerErased: consumer.on_customer_facts,
    }
    async with house.worker() as conn:
        await handlers[type(events[0])](conn, records(house, events))


def records(house: Any, events: Sequence[Any]) -> list[Record]:
    sent = [house.ports.publisher.entry(event) for event in events]
    return [
        Record(one.topic, one.part, offset, one.key, one.value, one.headers, 0)
        for offset, one in enumerate(sent)
    ]
