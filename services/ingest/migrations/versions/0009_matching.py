"""Who is one person: contacts by keyed hash, merges, and what somebody has parted."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table profile add column is_matched boolean not null default false")
    op.create_table(
        "contact_point",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("blind", sa.LargeBinary, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "blind", "customer_id", name="pk_contact_point"),
    )
    op.create_index(
        "ix_contact_point_shop_id_customer_id", "contact_point", ["shop_id", "customer_id"]
    )
    op.create_table(
        "merge",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("alias_id", sa.Text, nullable=False),
        sa.Column("survivor_id", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("blind", sa.LargeBinary),
        sa.PrimaryKeyConstraint("shop_id", "alias_id", name="pk_merge"),
    )
    op.create_index("ix_merge_shop_id_survivor_id", "merge", ["shop_id", "survivor_id"])
    op.create_index("ix_merge_shop_id_blind", "merge", ["shop_id", "blind"])
    op.create_index("ix_merge_shop_id_decided_at", "merge", ["shop_id", "decided_at"])
    op.create_table(
        "parted",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("first_id", sa.Text, nullable=False),
        sa.Column("second_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "first_id", "second_id", name="pk_parted"),
    )
    op.create_index("ix_parted_shop_id_second_id", "parted", ["shop_id", "second_id"])
    op.create_table(
        "doubtful",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("blind", sa.LargeBinary, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "blind", name="pk_doubtful"),
    )
    op.create_table(
        "gone",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_gone"),
    )
    for table in ("contact_point", "merge", "parted", "doubtful", "gone"):
        for statement in rls(table, "ingest"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
