"""Orders by day: what audiences add up over a span is read from this index alone."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"
branch_labels, depends_on = None, None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")  # years of orders take minutes
        op.create_index(
            "ix_customer_order_days",
            "customer_order",
            ["shop_id", "paid_day"],
            postgresql_include=["customer_id", "net_minor"],
            postgresql_where=sa.text("paid_day is not null"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.execute("set statement_timeout = '60s'")


def downgrade() -> None:
    raise NotImplementedError("forward only")
