"""Since when a record waits in the spool. Those of before get no age: it would take a rewrite."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table ingest_spool add column put_at timestamptz")
    op.execute("alter table ingest_spool alter column put_at set default clock_timestamp()")


def downgrade() -> None:
    raise NotImplementedError("forward only")
