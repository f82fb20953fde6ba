"""What a shop notes of its customers beyond what all know, and changes of many at once."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table shop add column attributes jsonb not null default '[]'")
    op.create_table(
        "edit",
        sa.Column("edit_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("change", sa.LargeBinary, nullable=False),
        sa.Column("customers", sa.Integer, nullable=False),
        sa.Column("reverted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("edit_id", name="pk_edit"),
    )
    op.create_index("ix_edit_shop_id_at", "edit", ["shop_id", "at"])
    op.create_table(
        "edited",
        sa.Column("edit_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("before", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("edit_id", "customer_id", name="pk_edited"),
    )
    op.create_index("ix_edited_shop_id_customer_id", "edited", ["shop_id", "customer_id"])
    for table in ("edit", "edited"):
        for statement in rls(table, "ingest"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
