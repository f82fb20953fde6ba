"""Everything that stage one keeps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.migrate import create_plumbing, rls

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "shop",
    "rule_version",
    "order_fact",
    "parcel_fact",
    "review_fact",
    "customer",
    "segment",
    "timer",
    "planned_message",
    "delivery",
    "decision",
    "task",
)


def upgrade() -> None:
    create_plumbing(op)
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("rules_hash", sa.Text),
        sa.Column("planned_day", sa.Date),
        sa.Column("cursor_day", sa.Date),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop"),
    )
    op.create_table(
        "rule_version",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("shop_id", "rule_id", "version", name="pk_rule_version"),
    )
    op.create_index(
        "uq_rule_version_current",
        "rule_version",
        ["shop_id", "rule_id"],
        unique=True,
        postgresql_where=sa.text("until is null"),
    )
    op.create_table(
        "order_fact",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True)),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("state", JSONB, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name="pk_order_fact"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_order_fact_shop_id_customer_id", "order_fact", ["shop_id", "customer_id"])
    op.create_table(
        "parcel_fact",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("parcel_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("state", JSONB, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "parcel_id", name="pk_parcel_fact"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_parcel_fact_shop_id_customer_id", "parcel_fact", ["shop_id", "customer_id"])
    op.create_index("ix_parcel_fact_shop_id_order_id", "parcel_fact", ["shop_id", "order_id"])
    op.create_table(
        "review_fact",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("review_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("state", JSONB, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "review_id", name="pk_review_fact"),
    )
    op.create_index("ix_review_fact_shop_id_customer_id", "review_fact", ["shop_id", "customer_id"])
    op.create_table(
        "customer",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
        sa.Column("birth_index", sa.LargeBinary),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("steps", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_customer"),
    )
    op.create_index(
        "ix_customer_shop_id_birth_index_customer_id",
        "customer",
        ["shop_id", "birth_index", "customer_id"],
    )
    op.create_table(
        "segment",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_segment"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "timer",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Text),
        sa.Column("parcel_id", sa.Text),
        sa.Column("review_id", sa.Text),
        sa.Column("day", sa.Date),
        sa.PrimaryKeyConstraint("key", name="pk_timer"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_timer_next_at_key", "timer", ["next_at", "key"])
    op.create_index("ix_timer_shop_id_customer_id", "timer", ["shop_id", "customer_id"])
    op.create_index("ix_timer_shop_id_rule_id", "timer", ["shop_id", "rule_id"])
    op.create_table(
        "planned_message",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text),
        sa.Column("parcel_id", sa.Text),
        sa.Column("review_id", sa.Text),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recalled_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_planned_message"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_planned_message_shop_id_customer_id", "planned_message", ["shop_id", "customer_id"]
    )
    op.create_index(
        "ix_planned_message_shop_id_rule_id_expires_at",
        "planned_message",
        ["shop_id", "rule_id", "expires_at"],
    )
    op.create_table(
        "delivery",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("message_id", "revision", name="pk_delivery"),
    )
    op.create_index("ix_delivery_shop_id_customer_id", "delivery", ["shop_id", "customer_id"])
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("message_id", sa.Text),
        sa.Column("task_id", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision"),
    )
    op.create_index(
        "ix_decision_shop_id_customer_id_at", "decision", ["shop_id", "customer_id", "at"]
    )
    op.create_table(
        "task",
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Text),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.Text),
        sa.CheckConstraint("state in ('open', 'done', 'closed')", name="ck_task_state"),
        sa.PrimaryKeyConstraint("task_id", name="pk_task"),
    )
    op.create_index("ix_task_shop_id_customer_id", "task", ["shop_id", "customer_id"])
    op.create_index(
        "ix_task_shop_id_state_due_at_task_id", "task", ["shop_id", "state", "due_at", "task_id"]
    )

    for table in TENANT_TABLES:
        for statement in rls(table, "care-triggers"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
