"""What was answered to a POST that had a key, for a day."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("shop_id", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_at", "idempotency_key", ["at"])
    for statement in rls("idempotency_key", "ingest"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
