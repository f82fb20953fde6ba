"""A row of the outbox may hold several records."""

from alembic import op

from plumbing.migrate import bundle_outbox

revision, down_revision = "0008", "0007"
branch_labels, depends_on = None, None


def upgrade() -> None:
    bundle_outbox(op)


def downgrade() -> None:
    raise NotImplementedError("forward only")
