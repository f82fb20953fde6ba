"""What platforms are asked for: with which credentials, and how far it has come."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table connector add column api bytea")
    op.create_table(
        "pull",
        sa.Column("connector_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("mark", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True)),
        sa.Column("place", sa.DateTime(timezone=True)),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error", sa.Text),
        sa.Column("hook_off", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("connector_id", name="pk_pull"),
    )
    op.create_index("ix_pull_next_at", "pull", ["next_at"])
    op.create_index("ix_pull_shop_id", "pull", ["shop_id"])
    for statement in rls("pull", "ingest"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
