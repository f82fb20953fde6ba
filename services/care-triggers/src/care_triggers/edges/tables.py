"""Tables. What merges is jsonb; row-level security fences all that has a shop_id."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.tables import NAMING, add_plumbing

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)

HOT: Final = {"fillfactor": 70}


def _at(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


shop = Table(
    "shop",
    metadata,
    _text("shop_id"),
    Column("revision", BigInteger, nullable=False),
    _text("zone"),
    Column("body", JSONB, nullable=False),
    Column("rules_hash", Text),  # of the rule file that the shop was given last
    Column("planned_day", Date),  # birthdays up to this day are planned
    Column("cursor_day", Date),  # the day that is being planned ...
    _text("cursor"),  # ... and the last customer that was looked at
    PrimaryKeyConstraint("shop_id"),
)

rule_version = Table(
    "rule_version",
    metadata,
    _text("shop_id"),
    _text("rule_id"),
    Column("version", BigInteger, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    _at("since", nullable=False),
    _at("until"),  # empty: it is the current one
    PrimaryKeyConstraint("shop_id", "rule_id", "version"),
)
Index(
    "uq_rule_version_current",
    rule_version.c.shop_id,
    rule_version.c.rule_id,
    unique=True,
    postgresql_where=text("until is null"),
)

order_fact = Table(
    "order_fact",
    metadata,
    _text("shop_id"),
    _text("order_id"),
    _text("customer_id"),
    _at("placed_at"),
    _at("paid_at"),
    Column("is_open", Boolean, nullable=False),  # something waits or is planned
    Column("state", JSONB, nullable=False),
    Column("steps", JSONB, nullable=False),
    PrimaryKeyConstraint("shop_id", "order_id"),
    Index(None, "shop_id", "customer_id"),
    postgresql_with=HOT,
)

parcel_fact = Table(
    "parcel_fact",
    metadata,
    _text("shop_id"),
    _text("parcel_id"),
    _text("order_id"),
    _text("customer_id"),
    # What lists ask for, out of the state.
    _at("handed_over_at"),
    _at("signed_at"),
    _at("turned_back_at"),  # refused, or returned
    Column("estimated_day", Date),
    Column("state", JSONB, nullable=False),
    Column("steps", JSONB, nullable=False),
    PrimaryKeyConstraint("shop_id", "parcel_id"),
    Index(None, "shop_id", "order_id"),
    Index(None, "shop_id", "customer_id"),
    Index(None, "shop_id", "signed_at", "parcel_id"),
    postgresql_with=HOT,
)

review_fact = Table(
    "review_fact",
    metadata,
    _text("shop_id"),
    _text("review_id"),
    _text("customer_id"),
    _at("reviewed_at"),
    Column("rating", BigInteger),  # empty: none, or withdrawn
    Column("state", JSONB, nullable=False),
    Column("steps", JSONB, nullable=False),
    PrimaryKeyConstraint("shop_id", "review_id"),
    Index(None, "shop_id", "customer_id"),
    Index(None, "shop_id", "reviewed_at", "review_id"),
)

customer = Table(
    "customer",
    metadata,
    _text("shop_id"),
    _text("customer_id"),
    Column("revision", BigInteger, nullable=False),
    Column("erased", Boolean, nullable=False),
    Column("birth_index", LargeBinary),  # keyed hash of calendar, month and day
    Column("sealed", LargeBinary),
    Column("steps", JSONB, nullable=False),
    PrimaryKeyConstraint("shop_id", "customer_id"),
    Index(None, "shop_id", "birth_index", "customer_id"),
)

segment = Table(
    "segment",
    metadata,
    _text("shop_id"),
    _text("customer_id"),
    Column("revision", BigInteger, nullable=False),
    _text("cell"),
    PrimaryKeyConstraint("shop_id", "customer_id"),
    postgresql_with=HOT,
)

timer = Table(
    "timer",
    metadata,
    _text("key"),  # the id of the message that it may become
    _text("shop_id"),
    _text("customer_id"),
    _text("rule_id"),
    Column("rule_version", BigInteger, nullable=False),
    _text("kind"),
    _text("once_key"),
    _at("due_at", nullable=False),  # the instant that the message names
    _at("next_at", nullable=False),  # when to look: later than due_at after a delay
    _at("expires_at", nullable=False),
    Column("order_id", Text),
    Column("parcel_id", Text),
    Column("review_id", Text),
    Column("day", Date),
    PrimaryKeyConstraint("key"),
    Index(None, "next_at", "key"),
    Index(None, "shop_id", "customer_id"),
    Index(None, "shop_id", "rule_id"),
    postgresql_with=HOT,
)

planned_message = Table(
    "planned_message",
    metadata,
    _text("message_id"),
    _text("shop_id"),
    _text("customer_id"),
    _text("rule_id"),
    Column("rule_version", BigInteger, nullable=False),
    _text("kind"),
    _text("once_key"),
    Column("order_id", Text),
    Column("parcel_id", Text),
    Column("review_id", Text),
    _at("due_at", nullable=False),
    _at("expires_at", nullable=False),
    _at("planned_at", nullable=False),
    _at("recalled_at"),
    Column("state", Text),  # the notifier's word; empty until it speaks
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("message_id"),
    Index(None, "shop_id", "customer_id"),
    Index(None, "shop_id", "rule_id", "expires_at"),
    postgresql_with=HOT,
)

delivery = Table(
    "delivery",
    metadata,
    _text("message_id"),
    Column("revision", BigInteger, nullable=False),
    _text("shop_id"),
    _text("customer_id"),
    _text("rule_id"),
    _text("state"),
    _text("reason"),
    Column("channel", Text),
    _at("changed_at"),
    PrimaryKeyConstraint("message_id", "revision"),
    Index(None, "shop_id", "customer_id"),
)

decision = Table(
    "decision",
    metadata,
    _text("decision_id"),
    _text("shop_id"),
    _text("customer_id"),
    _text("rule_id"),
    Column("rule_version", BigInteger, nullable=False),
    _text("kind"),
    _text("once_key"),
    _text("result"),
    _text("reason"),
    _at("due_at"),
    Column("message_id", Text),
    Column("task_id", Text),
    _at("at", nullable=False),
    Column("facts", JSONB, nullable=False),
    PrimaryKeyConstraint("decision_id"),
    Index(None, "shop_id", "customer_id", "at"),
)

task = Table(
    "task",
    metadata,
    _text("task_id"),
    _text("shop_id"),
    _text("customer_id"),
    _text("rule_id"),
    Column("rule_version", BigInteger, nullable=False),
    _text("cause"),
    _text("subject"),
    _text("team"),
    Column("priority", BigInteger, nullable=False),
    Column("order_id", Text),
    _at("opened_at", nullable=False),
    _at("due_at", nullable=False),
    _text("state"),
    _text("outcome"),
    _at("ended_at"),
    Column("ended_by", Text),
    PrimaryKeyConstraint("task_id"),
    CheckConstraint("state in ('open', 'done', 'closed')", name="state"),
    Index(None, "shop_id", "state", "due_at", "task_id"),
    Index(None, "shop_id", "customer_id"),
)
