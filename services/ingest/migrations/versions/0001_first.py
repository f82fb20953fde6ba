"""The first tables: shops, connectors, registries, profiles, the spool."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.migrate import create_plumbing, rls

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT = (
    "shop",
    "connector",
    "order_ref",
    "parcel_ref",
    "parked",
    "profile",
    "erased",
    "review_text",
    "rejected_push",
)
NOW = sa.text("clock_timestamp()")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def sealed(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


def instant(name: str, default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=default)


def identity(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    create_plumbing(op)
    create_shops()
    create_registries()
    create_people()
    create_rests()
    for table in TENANT:
        for statement in rls(table, "ingest"):
            op.execute(statement)


def create_shops() -> None:
    op.create_table(
        "shop",
        text("shop_id"),
        number("revision"),
        text("name"),
        text("zone"),
        text("currency"),
        text("country"),
        text("locale"),
        text("sms_signature"),
        flag("escrow"),
        text("same_day_cutoff"),
        number("min_reminder_minor"),
        flag("marketing_consent_implied"),
        text("email_from"),
        sa.Column("settings", JSONB, nullable=False),
        instant("changed_at", NOW),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop"),
    )
    op.create_table(
        "connector",
        text("connector_id"),
        text("shop_id"),
        text("kind"),
        sealed("secrets"),
        flag("accept_test"),
        instant("created_at", NOW),
        sa.PrimaryKeyConstraint("connector_id", name="pk_connector"),
    )
    op.create_index("ix_connector_shop_id", "connector", ["shop_id"])


def create_registries() -> None:
    op.create_table(
        "order_ref",
        text("shop_id"),
        text("ref"),
        text("order_id"),
        text("customer_id"),
        sa.PrimaryKeyConstraint("shop_id", "ref", "order_id", name="pk_order_ref"),
    )
    op.create_table(
        "parcel_ref",
        text("shop_id"),
        text("number"),
        text("order_id"),
        text("customer_id"),
        sa.Column("carrier", sa.Text),
        instant("registered_at"),
        sa.PrimaryKeyConstraint("shop_id", "number", "order_id", name="pk_parcel_ref"),
    )
    op.create_table(
        "parked",
        identity("id"),
        text("shop_id"),
        text("wait_key"),
        text("event_id"),
        text("type"),
        sealed("fact"),
        instant("received_at", NOW),
        sa.PrimaryKeyConstraint("id", name="pk_parked"),
        sa.UniqueConstraint(
            "shop_id", "wait_key", "event_id", name="uq_parked_shop_id_wait_key_event_id"
        ),
    )
    op.create_index("ix_parked_received_at", "parked", ["received_at"])


def create_people() -> None:
    op.create_table(
        "profile",
        text("shop_id"),
        text("customer_id"),
        number("revision"),
        sealed("sealed", nullable=True),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_profile"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "erased",
        text("shop_id"),
        sealed("customer_hash"),
        instant("erased_at"),
        sa.PrimaryKeyConstraint("shop_id", "customer_hash", name="pk_erased"),
    )
    op.create_table(
        "review_text",
        text("shop_id"),
        text("review_id"),
        text("customer_id"),
        number("version_us"),
        sealed("sealed"),
        sa.PrimaryKeyConstraint("shop_id", "review_id", name="pk_review_text"),
    )
    op.create_index("ix_review_text_shop_id_customer_id", "review_text", ["shop_id", "customer_id"])


def create_rests() -> None:
    op.create_table(
        "rejected_push",
        identity("id"),
        text("shop_id"),
        text("connector_id"),
        sealed("digest"),
        text("reason"),
        sealed("sealed"),
        instant("received_at", NOW),
        sa.PrimaryKeyConstraint("id", name="pk_rejected_push"),
        sa.UniqueConstraint(
            "shop_id", "connector_id", "digest", name="uq_rejected_push_shop_id_connector_id_digest"
        ),
    )
    op.create_table(
        "ingest_spool",
        identity("seq"),
        text("topic"),
        sa.Column("part", sa.Integer, nullable=False),
        sealed("key", nullable=True),
        text("event_id"),
        sealed("sealed", nullable=True),
        sealed("headers"),
        sa.PrimaryKeyConstraint("seq", name="pk_ingest_spool"),
        sa.UniqueConstraint("topic", "event_id", name="uq_ingest_spool_topic_event_id"),
    )
    op.create_index("ix_ingest_spool_topic_part", "ingest_spool", ["topic", "part"])
    op.create_index("ix_ingest_spool_key", "ingest_spool", ["key"])


def downgrade() -> None:
    raise NotImplementedError("forward only")
