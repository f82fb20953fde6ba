"""What is bought together, and how long items last."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision, down_revision = "0007", "0006"
branch_labels, depends_on = None, None

HOT = {"fillfactor": 70}
INSTANT = sa.DateTime(timezone=True)
TABLES = ("pair_pass", "pair_line", "pair_item", "product_pair", "product_cycle")


def upgrade() -> None:
    _workings()
    _results()
    for table in TABLES:
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")


def _workings() -> None:
    op.create_table(
        "pair_pass",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("shown", sa.BigInteger, nullable=False),
        sa.Column("shown_day", sa.Date),
        sa.Column("done_at", INSTANT),
        sa.PrimaryKeyConstraint("shop_id", name="pk_pair_pass"),
        postgresql_with=HOT,
    )
    op.create_table(
        "pair_line",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("season", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("is_crowded", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "sku", "customer_id", "day", name="pk_pair_line"),
    )
    op.create_index("ix_pair_line_customer", "pair_line", ["shop_id", "customer_id", "day"])
    op.create_table(
        "pair_item",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("season", sa.Text, nullable=False),
        sa.Column("buyers", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "sku", "season", name="pk_pair_item"),
    )


def _results() -> None:
    op.create_table(
        "product_pair",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("season", sa.Text, nullable=False),
        sa.Column("other", sa.Text, nullable=False),
        sa.Column("buyers", sa.BigInteger, nullable=False),
        sa.Column("buyers_of_other", sa.BigInteger, nullable=False),
        sa.Column("buyers_of_both", sa.BigInteger, nullable=False),
        sa.Column("buyers_of_any", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "shop_id", "generation", "sku", "season", "other", name="pk_product_pair"
        ),
    )
    op.create_table(
        "product_cycle",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("gaps", sa.BigInteger, nullable=False),
        sa.Column("gap_days", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "generation", "sku", name="pk_product_cycle"),
    )
