"""What customers are worth, who is about to leave, and what shops say of themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.migrate import rls

revision, down_revision = "0002", "0001"
branch_labels, depends_on = None, None

HOT = {"fillfactor": 70}


def upgrade() -> None:
    op.add_column("shop", sa.Column("settings", JSONB))
    op.create_table(
        "shop_churn",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date),
        sa.Column("gaps", JSONB, nullable=False),
        sa.Column("thresholds", JSONB, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop_churn"),
        postgresql_with=HOT,
    )
    op.create_table(
        "customer_churn",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("risk", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name="pk_customer_churn"),
        postgresql_with=HOT,
    )
    op.create_index("ix_customer_churn_risk", "customer_churn", ["shop_id", "risk", "customer_id"])
    op.create_table(
        "shop_value",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date),
        sa.Column("model", JSONB),
        sa.Column("tried_on", sa.Date),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("held_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop_value"),
        postgresql_with=HOT,
    )
    for table in ("shop_churn", "customer_churn", "shop_value"):
        for statement in rls(table, "segmenter"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
