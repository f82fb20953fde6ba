"""What became of each connector's last pushes."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_log",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("connector_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_push_log"),
    )
    op.create_index("ix_push_log_connector_id_id", "push_log", ["connector_id", "id"])
    for statement in rls("push_log", "ingest"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
