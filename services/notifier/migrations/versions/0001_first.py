"""The first tables."""

from alembic import op

from plumbing.migrate import create_plumbing, rls

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE shop (
      shop_id TEXT NOT NULL,
      revision BIGINT NOT NULL,
      name TEXT NOT NULL,
      zone TEXT NOT NULL,
      country TEXT NOT NULL,
      locale TEXT NOT NULL,
      sms_signature TEXT NOT NULL,
      marketing_consent_implied BOOLEAN NOT NULL,
      email_from TEXT NOT NULL,
      CONSTRAINT pk_shop PRIMARY KEY (shop_id)
    )
    """,
    """
    CREATE TABLE contact (
      shop_id TEXT NOT NULL,
      customer_id TEXT NOT NULL,
      revision BIGINT NOT NULL,
      phone BYTEA,
      email BYTEA,
      name BYTEA,
      phone_hash BYTEA,
      email_hash BYTEA,
      locale TEXT,
      zone TEXT,
      region JSONB,
      consents JSONB NOT NULL,
      CONSTRAINT pk_contact PRIMARY KEY (shop_id, customer_id)
    )
    """,
    """
    CREATE INDEX ix_contact_phone_hash ON contact (phone_hash)
    """,
    """
    CREATE TABLE erased (
      shop_id TEXT NOT NULL,
      customer_hash BYTEA NOT NULL,
      at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_erased PRIMARY KEY (shop_id, customer_hash)
    )
    """,
    """
    CREATE TABLE opt_out (
      shop_id TEXT NOT NULL,
      address_hash BYTEA NOT NULL,
      channel TEXT NOT NULL,
      purpose TEXT NOT NULL,
      at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_opt_out PRIMARY KEY (shop_id, address_hash, channel, purpose)
    )
    """,
    """
    CREATE TABLE rule (
      shop_id TEXT NOT NULL,
      rule_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      quiet_exempt BOOLEAN NOT NULL,
      texts JSONB NOT NULL,
      CONSTRAINT pk_rule PRIMARY KEY (shop_id, rule_id, version)
    )
    """,
    """
    CREATE TABLE message (
      message_id TEXT NOT NULL,
      shop_id TEXT NOT NULL,
      customer_id TEXT NOT NULL,
      rule_id TEXT NOT NULL,
      rule_version INTEGER NOT NULL,
      kind TEXT NOT NULL,
      message_class TEXT NOT NULL,
      priority INTEGER NOT NULL,
      channels TEXT[] NOT NULL,
      due_at TIMESTAMP WITH TIME ZONE NOT NULL,
      expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
      order_id TEXT,
      needs_freshness BOOLEAN NOT NULL,
      variables JSONB NOT NULL,
      part INTEGER NOT NULL,
      state TEXT NOT NULL,
      reason TEXT NOT NULL,
      revision INTEGER NOT NULL,
      next_at TIMESTAMP WITH TIME ZONE NOT NULL,
      attempt_no INTEGER NOT NULL,
      channel TEXT,
      gateway TEXT,
      provider_id TEXT,
      pieces INTEGER,
      price_micros BIGINT,
      currency TEXT,
      sent_at TIMESTAMP WITH TIME ZONE,
      since TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
      CONSTRAINT pk_message PRIMARY KEY (message_id)
    )
     WITH (fillfactor = 70)
    """,
    """
    CREATE INDEX ix_message_customer ON message (shop_id, customer_id, message_id)
    """,
    """
    CREATE INDEX ix_message_due ON message (next_at)
      WHERE state = 'planned'
    """,
    """
    CREATE INDEX ix_message_held ON message (part)
      WHERE state = 'planned' and reason = 'freshness'
    """,
    """
    CREATE INDEX ix_message_provider ON message (gateway, provider_id)
    """,
    """
    CREATE INDEX ix_message_since ON message (state, since)
      WHERE state in ('claimed','unknown')
    """,
    """
    CREATE TABLE recall (
      message_id TEXT NOT NULL,
      shop_id TEXT NOT NULL,
      reason TEXT NOT NULL,
      CONSTRAINT pk_recall PRIMARY KEY (message_id)
    )
    """,
    """
    CREATE TABLE attempt (
      message_id TEXT NOT NULL,
      attempt_no INTEGER NOT NULL,
      shop_id TEXT NOT NULL,
      customer_id TEXT NOT NULL,
      message_class TEXT NOT NULL,
      channel TEXT NOT NULL,
      gateway TEXT NOT NULL,
      address_hash BYTEA NOT NULL,
      text_hash BYTEA NOT NULL,
      day DATE NOT NULL,
      at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
      outcome TEXT,
      detail TEXT,
      CONSTRAINT pk_attempt PRIMARY KEY (message_id, attempt_no)
    )
    """,
    """
    CREATE INDEX ix_attempt_address ON attempt (address_hash, at)
    """,
    """
    CREATE TABLE cap_count (
      shop_id TEXT NOT NULL,
      customer_id TEXT NOT NULL,
      day DATE NOT NULL,
      message_class TEXT NOT NULL,
      channel TEXT NOT NULL,
      n INTEGER NOT NULL,
      CONSTRAINT pk_cap_count PRIMARY KEY (shop_id, customer_id, day, message_class, channel)
    )
     WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE said (
      shop_id TEXT NOT NULL,
      address_hash BYTEA NOT NULL,
      day DATE NOT NULL,
      text_hash BYTEA NOT NULL,
      message_id TEXT NOT NULL,
      CONSTRAINT pk_said PRIMARY KEY (shop_id, address_hash, day, text_hash)
    )
    """,
    """
    CREATE TABLE watermark (
      part INTEGER NOT NULL,
      at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_watermark PRIMARY KEY (part)
    )
     WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE gateway_receipt (
      gateway TEXT NOT NULL,
      receipt_key TEXT NOT NULL,
      state TEXT NOT NULL,
      message_id TEXT,
      provider_id TEXT,
      at TIMESTAMP WITH TIME ZONE,
      received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
      CONSTRAINT pk_gateway_receipt PRIMARY KEY (gateway, receipt_key, state)
    )
    """,
)
OF_SHOPS = (
    "shop",
    "contact",
    "erased",
    "opt_out",
    "rule",
    "message",
    "recall",
    "attempt",
    "cap_count",
    "said",
)


def upgrade() -> None:
    create_plumbing(op)
    for statement in TABLES:
        op.execute(statement)
    for table in OF_SHOPS:
        for statement in rls(table, "notifier"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only")
