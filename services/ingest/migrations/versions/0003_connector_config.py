"""How bodies of a generic connector are signed, and what they mean."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table connector add column config text")


def downgrade() -> None:
    raise NotImplementedError("forward only")
