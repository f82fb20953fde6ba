"""Parcels by fulfilment, carts by token, and what a platform asks of a person."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fulfilment_ref",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("parcel_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "shop_id", "ref", "parcel_id", "order_id", name="pk_fulfilment_ref"
        ),
    )
    op.create_table(
        "cart_ref",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column(
            "named_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        sa.PrimaryKeyConstraint("shop_id", "token", name="pk_cart_ref"),
    )
    op.create_index("ix_cart_ref_named_at", "cart_ref", ["named_at"])
    for table in ("fulfilment_ref", "cart_ref"):
        for statement in rls(table, "ingest"):
            op.execute(statement)
    op.execute("alter table rejected_push add column task text, add column subject text")


def downgrade() -> None:
    raise NotImplementedError("forward only")
