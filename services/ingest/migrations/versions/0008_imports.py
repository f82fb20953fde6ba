"""Files of history: how far each has come, its pieces until it ends, and what was not taken."""

import sqlalchemy as sa
from alembic import op

from plumbing.migrate import rls

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "import_run",
        sa.Column("import_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("encoding", sa.Text, nullable=False),
        sa.Column("mapping", sa.Text),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("header", sa.Text),
        sa.Column("columns", sa.Text),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
        sa.Column("accepted", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rejected", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("import_id", name="pk_import_run"),
    )
    op.create_index("ix_import_run_shop_id_created_at", "import_run", ["shop_id", "created_at"])
    op.create_table(
        "import_piece",
        sa.Column("import_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name="pk_import_piece"),
    )
    op.create_table(
        "import_reject",
        sa.Column("import_id", sa.Text, nullable=False),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("customer_hash", sa.LargeBinary),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_import_reject"),
    )
    op.create_index(
        "ix_import_reject_shop_id_customer_hash", "import_reject", ["shop_id", "customer_hash"]
    )
    for table in ("import_run", "import_piece", "import_reject"):
        for statement in rls(table, "ingest"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
