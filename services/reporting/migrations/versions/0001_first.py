"""Shops, rules, orders, messages, decisions and segment changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from plumbing.migrate import create_plumbing, rls

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_plumbing(op)
    _context()
    _orders()
    _messages()
    _decisions_and_segments()
    for table in ("shop", "rule", "order_fact", "message", "decision", "segment_change"):
        for statement in rls(table, "reporting"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")


def _context() -> None:
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", name="pk_shop"),
    )
    op.create_table(
        "rule",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message_class", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attribution_window_s", sa.BigInteger, nullable=False),
        sa.Column("credits_own_order", sa.Boolean, nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "rule_id", "version", name="pk_rule"),
    )


def _orders() -> None:
    op.create_table(
        "order_fact",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("placed_at", INSTANT),
        sa.Column("paid_at", INSTANT),
        sa.Column("counted_in", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("net_minor", sa.BigInteger),
        sa.Column("total_minor", sa.BigInteger),
        sa.Column("refunded_minor", sa.BigInteger),
        sa.Column("is_unpaid", sa.Boolean),
        sa.Column("is_cancelled", sa.Boolean),
        sa.Column("fact_ids", sa.ARRAY(sa.BigInteger)),
        sa.Column("state", JSONB),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name="pk_order_fact"),
        postgresql_with={"fillfactor": 70},
    )
    for column in ("customer_id", "placed_at", "paid_at"):
        op.create_index(f"ix_order_fact_shop_id_{column}", "order_fact", ["shop_id", column])


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("rule_id", sa.Text),
        sa.Column("rule_version", sa.Integer),
        sa.Column("kind", sa.Text),
        sa.Column("is_marketing", sa.Boolean),
        sa.Column("priority", sa.Integer),
        sa.Column("order_id", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("gateway", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("due_at", INSTANT),
        sa.Column("sent_at", INSTANT),
        sa.Column("pieces", sa.Integer),
        sa.Column("price_micros", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("registers", JSONB),
        sa.PrimaryKeyConstraint("shop_id", "message_id", name="pk_message"),
        postgresql_with={"fillfactor": 70},
    )
    for column in ("sent_at", "due_at"):
        op.create_index(f"ix_message_shop_id_{column}", "message", ["shop_id", column])


def _decisions_and_segments() -> None:
    op.create_table(
        "decision",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "decision_id", name="pk_decision"),
    )
    op.create_index("ix_decision_shop_id_decided_at", "decision", ["shop_id", "decided_at"])
    op.create_table(
        "segment_change",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", "revision", name="pk_segment_change"),
    )
    op.create_index("ix_segment_change_shop_id_as_of", "segment_change", ["shop_id", "as_of"])
