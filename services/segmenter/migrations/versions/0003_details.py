"""What is known of orders, goods and people beyond RFM."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from plumbing.migrate import rls

revision, down_revision = "0003", "0001"
branch_labels, depends_on = None, None

HOT = {"fillfactor": 70}
INSTANT = sa.DateTime(timezone=True)
TABLES = ("order_detail", "order_refund", "order_item", "parcel", "review", "login", "product")


def upgrade() -> None:
    _orders()
    _items()
    _parcels()
    _reviews()
    _logins()
    _products()
    for table in TABLES:
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")


def _orders() -> None:
    op.create_table(
        "order_detail",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("placed_at", INSTANT),
        sa.Column("paid_at", INSTANT),
        sa.Column("net_minor", sa.BigInteger),
        sa.Column("signed_at", INSTANT),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("state", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name="pk_order_detail"),
        postgresql_with=HOT,
    )
    op.create_index(
        "ix_order_detail_customer", "order_detail", ["shop_id", "customer_id", "paid_at"]
    )
    op.create_table(
        "order_refund",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("refund_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("opened_at", INSTANT),
        sa.Column("taken_at", INSTANT),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "refund_id", name="pk_order_refund"),
    )
    op.create_index(
        "ix_order_refund_customer", "order_refund", ["shop_id", "customer_id", "taken_at"]
    )


def _items() -> None:
    op.create_table(
        "order_item",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("paid_at", INSTANT),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "sku", name="pk_order_item"),
    )
    op.create_index("ix_order_item_sku", "order_item", ["shop_id", "sku", "paid_at", "customer_id"])
    op.create_index("ix_order_item_customer", "order_item", ["shop_id", "customer_id", "paid_at"])


def _parcels() -> None:
    op.create_table(
        "parcel",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("parcel_id", sa.Text, nullable=False),
        sa.Column("signed_at", INSTANT),
        sa.Column("state", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "parcel_id", name="pk_parcel"),
        postgresql_with=HOT,
    )


def _reviews() -> None:
    op.create_table(
        "review",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("review_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("score", sa.Integer),
        sa.Column("reviewed_at", INSTANT),
        sa.Column("withdrawn_at", INSTANT),
        sa.Column("state", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "review_id", name="pk_review"),
        postgresql_with=HOT,
    )
    op.create_index("ix_review_customer", "review", ["shop_id", "customer_id", "reviewed_at"])


def _logins() -> None:
    op.create_table(
        "login",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", "at", name="pk_login"),
    )


def _products() -> None:
    op.create_table(
        "product",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("season", sa.Text, nullable=False),
        sa.Column("style", sa.Text, nullable=False),
        sa.Column("pairs_with", ARRAY(sa.Text), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("price_minor", sa.BigInteger),
        sa.Column("stock", sa.BigInteger),
        sa.Column("launch_day", sa.Date),
        sa.Column("hot_sale_day", sa.Date),
        sa.Column("cycle_days", sa.BigInteger),
        sa.PrimaryKeyConstraint("shop_id", "sku", name="pk_product"),
    )
    op.create_index(
        "ix_product_category",
        "product",
        ["shop_id", "category"],
        postgresql_where=sa.text("category <> ''"),
    )
