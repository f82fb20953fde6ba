"""Every topic, in one table: what it carries, how it is keyed, how long it is kept."""

from dataclasses import dataclass, field
from typing import Final

from contracts import events

ORDERS: Final = "orders.v1"
SHIPMENTS: Final = "shipments.v1"
REVIEWS: Final = "reviews.v1"
CARTS: Final = "carts.v1"
CUSTOMER_FACTS: Final = "customer-facts.v1"
CUSTOMERS: Final = "customers.v1"
CATALOG: Final = "catalog.v1"
SHOPS: Final = "shops.v1"
RULES: Final = "rules.v1"
SEGMENTS: Final = "segments.v1"
MESSAGES: Final = "messages.v1"
DELIVERIES: Final = "deliveries.v1"

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
FOR_EVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1"}
# Erasure: a tombstone works within a day and stays visible to slow readers for thirty.
COMPACTED: Final = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(DAY_MS),
    "delete.retention.ms": str(30 * DAY_MS),
}


@dataclass(frozen=True, slots=True)
class Topic:
    """`key` names the fields that make the record's key, joined by a colon."""

    name: str
    types: tuple[type, ...]
    key: tuple[str, ...]
    config: dict[str, str] = field(default_factory=dict)


CUSTOMER: Final = ("shop_id", "customer_id")
_MERGES: Final = (events.CustomersMerged, events.CustomersUnmerged)

TOPICS: Final[tuple[Topic, ...]] = (
    Topic(ORDERS, (events.OrderFacts, events.Watermark, *_MERGES), CUSTOMER, FOR_EVER),
    Topic(SHIPMENTS, (events.ShipmentFacts,), CUSTOMER, FOR_EVER),
    Topic(REVIEWS, (events.ReviewFacts,), CUSTOMER, FOR_EVER),
    Topic(CARTS, (events.CartFacts, events.WishFacts), CUSTOMER, FOR_EVER),
    Topic(
        CUSTOMER_FACTS,
        (events.CustomerFacts, events.CustomerErased),
        CUSTOMER,
        {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)},
    ),
    Topic(CUSTOMERS, (events.CustomerProfile,), CUSTOMER, COMPACTED),
    Topic(CATALOG, (events.Product,), ("shop_id", "sku"), COMPACTED),
    Topic(SHOPS, (events.Shop,), ("shop_id",), COMPACTED),
    Topic(RULES, (events.Rule,), ("shop_id", "rule_id"), COMPACTED),
    Topic(
        SEGMENTS,
        (
            events.SegmentChanged,
            events.LevelChanged,
            events.PointsChanged,
            events.ChurnChanged,
            events.AudienceChanged,
            events.Traits,
        ),
        CUSTOMER,
        {"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)},
    ),
    Topic(
        MESSAGES,
        (
            events.MessagePlanned,
            events.MessageRecalled,
            events.Decision,
            events.Watermark,
        ),
        CUSTOMER,
        {"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)},
    ),
    Topic(
        DELIVERIES,
        (
            events.DeliveryChanged,
            events.LinkClicked,
            events.ReplyReceived,
            events.OptOutChanged,
        ),
        CUSTOMER,
        {"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)},
    ),
)

BY_NAME: Final = {topic.name: topic for topic in TOPICS}
