"""Ways to waiting receipts and to who has a mailbox, built while the service works."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns in (
            ("ix_contact_email_hash", "contact", ["email_hash"]),
            ("ix_gateway_receipt_message_id", "gateway_receipt", ["message_id"]),
            ("ix_gateway_receipt_provider_id", "gateway_receipt", ["provider_id"]),
            ("ix_gateway_receipt_received_at", "gateway_receipt", ["received_at"]),
        ):
            op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    raise NotImplementedError("forward only")
