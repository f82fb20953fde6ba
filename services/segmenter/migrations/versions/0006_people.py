"""Customers who are one person, under whose id an order counts; the figures that scores go by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from plumbing.migrate import rls

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("customer_order", sa.Column("buyer_id", sa.Text))
    op.add_column("customer_state", sa.Column("survivor_id", sa.Text))
    op.create_table(
        "customer_tie",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("alias_id", sa.Text, nullable=False),
        sa.Column("survivor_id", sa.Text, nullable=False),
        sa.Column("merged_at", INSTANT),
        sa.Column("parted_at", INSTANT),
        sa.PrimaryKeyConstraint("shop_id", "alias_id", "survivor_id", name="pk_customer_tie"),
    )
    op.create_index("ix_customer_tie_survivor", "customer_tie", ["shop_id", "survivor_id"])
    op.create_table(
        "shop_score",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("buyers", sa.BigInteger, nullable=False),
        sa.Column("recency_days", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("frequency", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("monetary_minor", ARRAY(sa.BigInteger), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop_score"),
    )
    for table in ("customer_tie", "shop_score"):
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
