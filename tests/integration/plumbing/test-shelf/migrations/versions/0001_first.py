import sqlalchemy as sa
from alembic import op

from plumbing.migrate import create_plumbing, rls

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade() -> None:
    create_plumbing(op)
    op.create_table(
        "effect",
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "item", name="pk_effect"),
    )
    for statement in rls("effect", "test-shelf"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
