"""Audiences: the saved ones, their members, what is to be announced; more of persons and shops."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from plumbing.migrate import rls

revision, down_revision = "0004", "0003"
branch_labels, depends_on = None, None

HOT = {"fillfactor": 70}
INSTANT = sa.DateTime(timezone=True)
TABLES = ("audience", "audience_member", "audience_change", "audience_dirty")


def upgrade() -> None:
    op.add_column("shop", sa.Column("attributes", JSONB))
    op.add_column("customer_traits", sa.Column("mobile_prefix", sa.Text))
    op.add_column("customer_traits", sa.Column("joined_at", INSTANT))
    op.add_column("customer_traits", sa.Column("last_login_at", INSTANT))
    op.add_column("customer_traits", sa.Column("attributes", JSONB))
    _audiences()
    _members()
    for table in TABLES:
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")


def _audiences() -> None:
    op.create_table(
        "audience",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("audience_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("question", JSONB, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("used_by", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("judgement", sa.BigInteger, nullable=False),
        sa.Column("judged_day", sa.Date),
        sa.Column("turned_at", INSTANT),
        sa.Column("due", sa.Boolean, nullable=False),
        sa.Column("writing", sa.Boolean, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("fault", sa.Text),
        sa.PrimaryKeyConstraint("shop_id", "audience_id", name="pk_audience"),
        sa.UniqueConstraint("shop_id", "name", name="uq_audience_shop_id_name"),
        postgresql_with=HOT,
    )


def _members() -> None:
    op.create_table(
        "audience_member",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("audience_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "audience_id", "customer_id", name="pk_audience_member"),
    )
    op.create_table(
        "audience_change",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("audience_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("member", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "audience_id", "customer_id", name="pk_audience_change"),
    )
    op.create_table(
        "audience_dirty",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audience_dirty"),
    )
    op.create_index("ix_audience_dirty_shop", "audience_dirty", ["shop_id", "seq"])
