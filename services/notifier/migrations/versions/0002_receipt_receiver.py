"""Whom a waiting receipt is about, why it says that a message failed, and who vouches for it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table gateway_receipt add column code text not null default ''")
    op.execute("alter table gateway_receipt add column receiver bytea")
    op.execute("alter table gateway_receipt add column signed boolean not null default true")


def downgrade() -> None:
    raise NotImplementedError("forward only")
