"""The tables of levels and points."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from segmenter.edges.storage import HOT, INSTANT


def add_members(metadata: MetaData) -> None:
    _levels(metadata)
    _passes(metadata)
    _points(metadata)


def _levels(metadata: MetaData) -> None:
    # A shop without a row has the default levels.
    Table(
        "shop_levels",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("revision", BigInteger, nullable=False),
        Column("levels", JSONB, nullable=False),
        Column("changed_at", INSTANT, nullable=False),
    )
    # `level_id` is the ordinary level; while `manual_level` is set, that one shows.
    Table(
        "member",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("level_id", Text, nullable=False),
        Column("since", Date, nullable=False),
        Column("joined_on", Date, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("warned_for", Date),
        Column("manual_level", Text),
        Column("manual_until", Date),
        Column("manual_reason", Text),
        Column("manual_ends_at", INSTANT),
        Index(
            "ix_member_manual_ends_at",
            "manual_ends_at",
            postgresql_where=text("manual_ends_at is not null"),
        ),
        postgresql_with=HOT,
    )


def _passes(metadata: MetaData) -> None:
    # Where each pass over a shop's members is: for which day, when it begins, whom it did last.
    Table(
        "member_pass",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("day", Date, nullable=False),
        Column("next_at", INSTANT, nullable=False),
        Column("cursor", Text, nullable=False),
    )


def _points(metadata: MetaData) -> None:
    # What was given for an order or a review so far, and when more of it falls due.
    Table(
        "points_source",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("source_id", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("granted", BigInteger, nullable=False),
        Column("entries", BigInteger, nullable=False),
        Column("factor", Integer, nullable=False),
        Column("expires_on", Date),
        Column("due_at", INSTANT),
        Index("ix_points_source_due_at", "due_at", postgresql_where=text("due_at is not null")),
        postgresql_with=HOT,
    )
    # The sums of a customer's entries; whoever adds one holds this row.
    Table(
        "points_account",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("balance", BigInteger, nullable=False),
        Column("taken", BigInteger, nullable=False),
        Column("entries", BigInteger, nullable=False),
        postgresql_with=HOT,
    )
    # The ledger: nobody who serves may change or delete an entry.
    Table(
        "points_entry",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("entry_id", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("points", BigInteger, nullable=False),
        Column("balance", BigInteger, nullable=False),
        Column("cause", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("expires_on", Date),
        Column("at", INSTANT, nullable=False),
        Index("uq_points_entry_number", "shop_id", "customer_id", "number", unique=True),
    )
