"""Ingest's schema. Whatever names a person lies sealed, or as a keyed hash."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.tables import NAMING, add_plumbing

_NOW: Final = text("clock_timestamp()")

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)

shop = Table(
    "shop",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("sms_signature", Text, nullable=False),
    Column("escrow", Boolean, nullable=False),
    Column("same_day_cutoff", Text, nullable=False),
    Column("min_reminder_minor", BigInteger, nullable=False),
    Column("marketing_consent_implied", Boolean, nullable=False),
    Column("email_from", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("attributes", JSONB, nullable=False, server_default=text("'[]'")),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    PrimaryKeyConstraint("shop_id"),
)

connector = Table(
    "connector",
    metadata,
    Column("connector_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("secrets", LargeBinary, nullable=False),  # sealed JSON list
    Column("accept_test", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("config", Text),  # JSON, of kinds that must be told something
    Column("api", LargeBinary),  # sealed JSON: how the platform is asked
    PrimaryKeyConstraint("connector_id"),
    Index(None, "shop_id"),
)

# How far a platform has been asked; see `domain.pulling`.
pull = Table(
    "pull",
    metadata,
    Column("connector_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("mark", DateTime(timezone=True), nullable=False),
    Column("began_at", DateTime(timezone=True)),
    Column("place", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("hook_off", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("connector_id"),
    Index(None, "next_at"),
    Index(None, "shop_id"),
)

# Every spelling of an order's id; one that fits two orders fits none.
order_ref = Table(
    "order_ref",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "ref", "order_id"),
)

parcel_ref = Table(
    "parcel_ref",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("carrier", Text),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("shop_id", "number", "order_id"),
)

# Parcels by what their platform calls them, which is no number.
fulfilment_ref = Table(
    "fulfilment_ref",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("parcel_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "ref", "parcel_id", "order_id"),
)

# Whose a cart is. A platform's cart lives for days, its row a little longer.
cart_ref = Table(
    "cart_ref",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("named_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    PrimaryKeyConstraint("shop_id", "token"),
    Index(None, "named_at"),
)

# Facts without an owner: no personal data, no free text.
parked = Table(
    "parked",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("wait_key", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("fact", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("shop_id", "wait_key", "event_id"),
    Index(None, "received_at"),
)

profile = Table(
    "profile",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("sealed", LargeBinary),  # null: a row that was only locked so far
    Column("is_matched", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("shop_id", "customer_id"),
    Index(
        "ix_profile_unmatched", "shop_id", "customer_id", postgresql_where=text("not is_matched")
    ),
    postgresql_with={"fillfactor": 70},
)

# Who asked to be forgotten, by keyed hash; this list outlives the person.
erased = Table(
    "erased",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("customer_hash", LargeBinary, nullable=False),
    Column("erased_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("shop_id", "customer_hash"),
)

# The number and the mailbox that are a customer's own, by keyed hash.
contact_point = Table(
    "contact_point",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("blind", LargeBinary, nullable=False),
    Column("customer_id", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "blind", "customer_id"),
    Index(None, "shop_id", "customer_id"),
)

# Two customers that are one person; without a contact, since somebody said so.
merge = Table(
    "merge",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("alias_id", Text, nullable=False),
    Column("survivor_id", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("kind", Text),
    Column("blind", LargeBinary),
    PrimaryKeyConstraint("shop_id", "alias_id"),
    Index(None, "shop_id", "survivor_id"),
    Index(None, "shop_id", "blind"),
    Index(None, "shop_id", "decided_at"),
)

# Pairs that somebody parted: they are not merged again.
parted = Table(
    "parted",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("first_id", Text, nullable=False),
    Column("second_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("shop_id", "first_id", "second_id"),
    Index(None, "shop_id", "second_id"),
)

# Contacts that merge nobody: a person is to judge.
doubtful = Table(
    "doubtful",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("blind", LargeBinary, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("shop_id", "blind"),
)

# Who was erased and is part of a merge, until that is cut.
gone = Table(
    "gone",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    PrimaryKeyConstraint("shop_id", "customer_id"),
)

review_text = Table(
    "review_text",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("review_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("version_us", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("shop_id", "review_id"),
    Index(None, "shop_id", "customer_id"),
)

# Signed pushes that could not be read as facts or ask for a person's decision, and facts that
# waited too long.
rejected_push = Table(
    "rejected_push",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("connector_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("task", Text),
    Column("subject", Text),  # the customer or order that the task is about
    PrimaryKeyConstraint("id"),
    UniqueConstraint("shop_id", "connector_id", "digest"),
    Index("ix_rejected_push_task", "shop_id", "subject", postgresql_where=text("task is not null")),
)

# What became of each connector's last pushes; no bodies.
push_log = Table(
    "push_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("connector_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "connector_id", "id"),
)

# What staff changed of many customers at once; what was there before lies sealed.
edit = Table(
    "edit",
    metadata,
    Column("edit_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("change", LargeBinary, nullable=False),  # sealed JSON
    Column("customers", Integer, nullable=False),
    Column("reverted_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("edit_id"),
    Index(None, "shop_id", "at"),
)

edited = Table(
    "edited",
    metadata,
    Column("edit_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("before", LargeBinary, nullable=False),  # sealed JSON
    PrimaryKeyConstraint("edit_id", "customer_id"),
    Index(None, "shop_id", "customer_id"),
)

# What was answered to a POST that had an Idempotency-Key; without a status it is at work.
idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("shop_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("status", Integer),
    Column("media_type", Text),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("shop_id", "key"),
    Index(None, "at"),
)

# Files of history; see `edges.imports`. `rows` is the cursor: all before it is committed.
import_run = Table(
    "import_run",
    metadata,
    Column("import_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("mapping", Text),  # JSON
    Column("dry_run", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text),
    Column("header", Text),  # JSON, as are the columns: which header was taken for what
    Column("columns", Text),
    Column("size_bytes", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False, server_default=text("0")),
    Column("accepted", Integer, nullable=False, server_default=text("0")),
    Column("rejected", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("touched_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("import_id"),
    Index(None, "shop_id", "created_at"),
)

# The file, sealed, until its import ends.
import_piece = Table(
    "import_piece",
    metadata,
    Column("import_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("import_id", "number"),
)

# Rows that are no facts, their cells sealed, by keyed hash of whom they are about.
import_reject = Table(
    "import_reject",
    metadata,
    Column("import_id", Text, nullable=False),
    Column("shop_id", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("customer_hash", LargeBinary),
    PrimaryKeyConstraint("import_id", "line"),
    Index(None, "shop_id", "customer_hash"),
)

# What Kafka did not take at once. The partition is the key's, so no metadata is needed.
ingest_spool = Table(
    "ingest_spool",
    metadata,
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("key", LargeBinary),
    Column("event_id", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("headers", LargeBinary, nullable=False),
    Column("put_at", DateTime(timezone=True), server_default=_NOW),
    PrimaryKeyConstraint("seq"),
    UniqueConstraint("topic", "event_id"),
    Index(None, "topic", "part"),
    Index(None, "key"),
)
