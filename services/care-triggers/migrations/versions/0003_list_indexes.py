"""Indexes for lists of parcels and reviews, built while the service works."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table, columns in (
            ("parcel_fact", ["shop_id", "signed_at", "parcel_id"]),
            ("review_fact", ["shop_id", "reviewed_at", "review_id"]),
        ):
            op.create_index(
                f"ix_{table}_{'_'.join(columns)}",
                table,
                columns,
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    raise NotImplementedError("forward only")
