"""Saved audiences, whom they have, and what is still to be announced of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from segmenter.edges.storage import HOT, INSTANT


def add_audiences(metadata: MetaData) -> None:
    # `revision` counts the saves, `judgement` whatever may change members: the revision of events.
    # `due`: to be judged as a whole. `writing`: compared, and pages of changes are left to write.
    # `turned_at`: the shop's `done_at` that was judged last; another one is a day that has turned.
    Table(
        "audience",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("audience_id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("question", JSONB, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("used_by", ARRAY(Text), nullable=False),
        Column("created_at", INSTANT, nullable=False),
        Column("updated_at", INSTANT, nullable=False),
        Column("judgement", BigInteger, nullable=False),
        Column("judged_day", Date),
        Column("turned_at", INSTANT),
        Column("due", Boolean, nullable=False),
        Column("writing", Boolean, nullable=False),
        Column("removed", Boolean, nullable=False),
        Column("fault", Text),
        UniqueConstraint("shop_id", "name", name="uq_audience_shop_id_name"),
        postgresql_with=HOT,
    )
    # What was announced.
    Table(
        "audience_member",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("audience_id", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("since", BigInteger, nullable=False),
    )
    # What is to be announced; of a frozen audience that nobody uses, all whom it has.
    Table(
        "audience_change",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("audience_id", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("member", Boolean, nullable=False),
    )
    # Customers of whom something changed since; only of shops with used audiences.
    Table(
        "audience_dirty",
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("shop_id", Text, nullable=False),
        Column("customer_id", Text, nullable=False),
        Index("ix_audience_dirty_shop", "shop_id", "seq"),
    )
