"""Orders, standings, the shop's day, announced changes, derived traits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from plumbing.migrate import create_plumbing, rls

revision, down_revision = "0001", None
branch_labels, depends_on = None, None

HOT = {"fillfactor": 70}
INSTANT = sa.DateTime(timezone=True)
TABLES = (
    "shop",
    "shop_day",
    "customer_order",
    "customer_state",
    "due_customer",
    "segment_change",
    "customer_traits",
)


def upgrade() -> None:
    create_plumbing(op)
    _shops()
    _orders()
    _standings()
    _traits()
    for table in TABLES:
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")


def _shops() -> None:
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop"),
    )
    op.create_table(
        "shop_day",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("average_orders", sa.BigInteger, nullable=False),
        sa.Column("average_sum_minor", sa.BigInteger, nullable=False),
        sa.Column("next_midnight", INSTANT, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("everything", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("done_at", INSTANT),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop_day"),
        postgresql_with=HOT,
    )


def _orders() -> None:
    op.create_table(
        "customer_order",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("paid_day", sa.Date),
        sa.Column("net_minor", sa.BigInteger),
        sa.Column("state", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name="pk_customer_order"),
        postgresql_with=HOT,
    )
    op.create_index(
        "ix_customer_order_purchases",
        "customer_order",
        ["shop_id", "customer_id", "paid_day"],
        postgresql_include=["net_minor", "order_id"],
        postgresql_where=sa.text("paid_day is not null"),
    )


def _standings() -> None:
    op.create_table(
        "customer_state",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("frequency", sa.BigInteger, nullable=False),
        sa.Column("monetary_minor", sa.BigInteger, nullable=False),
        sa.Column("first_day", sa.Date),
        sa.Column("last_day", sa.Date),
        sa.Column("next_day", sa.Date),
        sa.Column("due_day", sa.Date),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("is_high", sa.Boolean),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_customer_state"),
        postgresql_with=HOT,
    )
    op.create_index("ix_customer_state_cell", "customer_state", ["shop_id", "cell", "customer_id"])
    op.create_table(
        "due_customer",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_due_customer"),
    )
    op.create_table(
        "segment_change",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recency_days", sa.Integer),
        sa.Column("frequency", sa.BigInteger, nullable=False),
        sa.Column("monetary_minor", sa.BigInteger, nullable=False),
        sa.Column("announced_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", "revision", name="pk_segment_change"),
    )


def _traits() -> None:
    op.create_table(
        "customer_traits",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
        sa.Column("gender", sa.Text, nullable=False),
        sa.Column("birth_year", sa.Integer),
        sa.Column("birth_month", sa.Integer),
        sa.Column("birth_day", sa.Integer),
        sa.Column("birth_is_lunar", sa.Boolean, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("city", sa.Text, nullable=False),
        sa.Column("has_mobile", sa.Boolean, nullable=False),
        sa.Column("email_domain", sa.Text, nullable=False),
        sa.Column("customer_class", sa.Text, nullable=False),
        sa.Column("address_tags", ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_customer_traits"),
    )
