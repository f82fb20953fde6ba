"""Reporting's tables. No personal data: a customer is an opaque id."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.tables import NAMING, add_plumbing

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)

_HOT = {"fillfactor": 70}

shop = Table(
    "shop",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    PrimaryKeyConstraint("shop_id"),
)

# Every version seen: a message is judged by the window of its own.
rule = Table(
    "rule",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attribution_window_s", BigInteger, nullable=False),
    Column("credits_own_order", Boolean, nullable=False),
    Column("goal", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "rule_id", "version"),
)

# `state` is null in a row that only holds the lock for an order that is being merged first.
order_fact = Table(
    "order_fact",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("placed_at", DateTime(timezone=True)),
    Column("paid_at", DateTime(timezone=True)),
    Column("counted_in", Text),
    Column("currency", Text),
    Column("net_minor", BigInteger),
    Column("total_minor", BigInteger),
    Column("refunded_minor", BigInteger),
    Column("is_unpaid", Boolean),
    Column("is_cancelled", Boolean),
    Column("fact_ids", ARRAY(BigInteger)),
    Column("state", JSONB),
    PrimaryKeyConstraint("shop_id", "order_id"),
    Index(None, "shop_id", "customer_id"),
    Index(None, "shop_id", "placed_at"),
    Index(None, "shop_id", "paid_at"),
    postgresql_with=_HOT,
)

message = Table(
    "message",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("rule_id", Text),
    Column("rule_version", Integer),
    Column("kind", Text),
    Column("is_marketing", Boolean),
    Column("priority", Integer),
    Column("order_id", Text),
    Column("channel", Text),
    Column("gateway", Text),
    Column("state", Text),
    Column("reason", Text),
    Column("due_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    Column("pieces", Integer),
    Column("price_micros", BigInteger),
    Column("currency", Text),
    Column("registers", JSONB),
    PrimaryKeyConstraint("shop_id", "message_id"),
    Index(None, "shop_id", "sent_at"),
    Index(None, "shop_id", "due_at"),
    postgresql_with=_HOT,
)

decision = Table(
    "decision",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("shop_id", "decision_id"),
    Index(None, "shop_id", "decided_at"),
)

segment_change = Table(
    "segment_change",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("cell", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "customer_id", "revision"),
    Index(None, "shop_id", "as_of"),
)

OWNED_BY_SHOPS = (shop, rule, order_fact, message, decision, segment_change)
