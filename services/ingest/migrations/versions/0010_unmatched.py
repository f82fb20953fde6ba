"""Finds the customers who are to be matched. It does not shut anybody out while it is built."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_profile_unmatched",
            "profile",
            ["shop_id", "customer_id"],
            postgresql_where=sa.text("not is_matched"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    raise NotImplementedError("forward only")
