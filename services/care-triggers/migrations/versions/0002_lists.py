"""Columns that lists of parcels and reviews are asked by.

Filled from the state of what is there: the owner lifts FORCE for that moment, inside the
transaction, for it is shut out of the rows otherwise.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_AT = "timestamptz 'epoch' + (state #>> '{at,%s}')::bigint * interval '1 microsecond'"


def upgrade() -> None:
    for name in ("handed_over_at", "signed_at", "turned_back_at"):
        op.add_column("parcel_fact", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("parcel_fact", sa.Column("estimated_day", sa.Date))
    op.add_column("review_fact", sa.Column("reviewed_at", sa.DateTime(timezone=True)))
    op.add_column("review_fact", sa.Column("rating", sa.BigInteger))
    for table in ("parcel_fact", "review_fact"):
        op.execute(f"alter table {table} no force row level security")
    op.execute(f"""
        update parcel_fact set
          handed_over_at = {_AT % "handed_over_at"},
          signed_at = {_AT % "signed_at"},
          turned_back_at = least({_AT % "refused_at"}, {_AT % "returned_at"}),
          estimated_day = (state #>> '{{is,estimated_day,1}}')::date""")  # noqa: S608 - ours
    op.execute(f"""
        update review_fact set
          reviewed_at = {_AT % "reviewed_at"},
          rating = case when state #> '{{at,withdrawn_at}}' is null
                        then (state #>> '{{is,rating,1}}')::bigint end""")  # noqa: S608 - ours
    for table in ("parcel_fact", "review_fact"):
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    raise NotImplementedError("forward only")
