"""Customers who are one person: what was said of whom, and under whose id an order counts."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0006"
down_revision = "0001"
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
    for statement in rls("customer_tie", "segmenter"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
