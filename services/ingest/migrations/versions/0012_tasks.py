"""Finds what platforms ask of a person. It does not shut anybody out while it is built."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_rejected_push_task",
            "rejected_push",
            ["shop_id", "subject"],
            postgresql_where=sa.text("task is not null"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    raise NotImplementedError("forward only")
