"""Notifier's tables. Whatever tells who somebody is rests sealed; a number's hash is keyed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from plumbing.tables import NAMING, add_plumbing

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)

INSTANT = DateTime(timezone=True)


shop = Table(
    "shop",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("sms_signature", Text, nullable=False),
    Column("marketing_consent_implied", Boolean, nullable=False),
    Column("email_from", Text, nullable=False),
)

contact = Table(
    "contact",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("phone", LargeBinary),
    Column("email", LargeBinary),
    Column("name", LargeBinary),
    Column("phone_hash", LargeBinary),
    Column("email_hash", LargeBinary),
    Column("locale", Text),
    Column("zone", Text),
    Column("region", JSONB),
    Column("consents", JSONB, nullable=False),
    Index("ix_contact_phone_hash", "phone_hash"),
    Index("ix_contact_email_hash", "email_hash"),
)

erased = Table(
    "erased",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_hash", LargeBinary, primary_key=True),
    Column("at", INSTANT, nullable=False),
)

# Outlives the person: the number's keyed hash, never the number.
opt_out = Table(
    "opt_out",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("address_hash", LargeBinary, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("at", INSTANT, nullable=False),
)

rule = Table(
    "rule",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("rule_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("quiet_exempt", Boolean, nullable=False),
    Column("texts", JSONB, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("channels", ARRAY(Text), nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("order_id", Text),
    Column("needs_freshness", Boolean, nullable=False),
    Column("variables", JSONB, nullable=False),
    Column("part", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("next_at", INSTANT, nullable=False),
    Column("attempt_no", Integer, nullable=False),
    Column("channel", Text),
    Column("gateway", Text),
    Column("provider_id", Text),
    Column("pieces", Integer),
    Column("price_micros", BigInteger),
    Column("currency", Text),
    Column("sent_at", INSTANT),
    # real time: leases and timeouts are never shifted
    Column("since", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Index("ix_message_due", "next_at", postgresql_where=text("state = 'planned'")),
    Index("ix_message_customer", "shop_id", "customer_id", "message_id"),
    Index(
        "ix_message_since",
        "state",
        "since",
        postgresql_where=text("state in ('claimed','unknown')"),
    ),
    Index(
        "ix_message_held",
        "part",
        postgresql_where=text("state = 'planned' and reason = 'freshness'"),
    ),
    Index("ix_message_provider", "gateway", "provider_id"),
    postgresql_with={"fillfactor": "70"},
)

recall = Table(
    "recall",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("shop_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# A request that may have been made. It is on disk before the request is.
attempt = Table(
    "attempt",
    metadata,
    Column("message_id", Text),
    Column("attempt_no", Integer),
    Column("shop_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("address_hash", LargeBinary, nullable=False),
    Column("text_hash", LargeBinary, nullable=False),
    Column("day", Date, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("outcome", Text),
    Column("detail", Text),
    PrimaryKeyConstraint("message_id", "attempt_no"),
    Index("ix_attempt_address", "address_hash", "at"),
)

cap_count = Table(
    "cap_count",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("message_class", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    postgresql_with={"fillfactor": "70"},
)

# The same words to the same address on one day are said once.
said = Table(
    "said",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("address_hash", LargeBinary, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("text_hash", LargeBinary, primary_key=True),
    Column("message_id", Text, nullable=False),
)

watermark = Table(
    "watermark",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("at", INSTANT, nullable=False),
    postgresql_with={"fillfactor": "70"},
)

# Receipts that came before we knew their message; kept for a day.
gateway_receipt = Table(
    "gateway_receipt",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("receipt_key", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("message_id", Text),
    Column("provider_id", Text),
    Column("at", INSTANT),
    Column("received_at", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("code", Text, nullable=False, server_default=text("''")),
    Column("receiver", LargeBinary),
    Column("signed", Boolean, nullable=False, server_default=text("true")),
    Index("ix_gateway_receipt_message_id", "message_id"),
    Index("ix_gateway_receipt_provider_id", "provider_id"),
    Index("ix_gateway_receipt_received_at", "received_at"),
)

OF_SHOPS = (shop, contact, erased, opt_out, rule, message, recall, attempt, cap_count, said)
