"""The four tables that plumbing keeps in each service's schema."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Rewritten all the time: room in the page lets an update stay on it.
_HOT: Final = {"fillfactor": 50}
_NOW: Final = text("clock_timestamp()")


@dataclass(frozen=True, slots=True)
class Plumbing:
    consumer_partition: Table
    outbox: Table
    dead_letter: Table
    replay_request: Table


def add_plumbing(metadata: MetaData) -> Plumbing:
    """Define the tables in *metadata*. `migrate.create_plumbing` makes the same in a migration."""
    return Plumbing(
        consumer_partition=_consumer_partition(metadata),
        outbox=_outbox(metadata),
        dead_letter=_dead_letter(metadata),
        replay_request=_replay_request(metadata),
    )


def _consumer_partition(metadata: MetaData) -> Table:
    return Table(
        "consumer_partition",
        metadata,
        Column("grp", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("next_offset", BigInteger, nullable=False),
        Column("owner", Text, nullable=False),
        Column("tries", Integer, nullable=False, server_default=text("0")),
        Column("tried_offset", BigInteger),
        Column("stopped", Text),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
        PrimaryKeyConstraint("grp", "topic", "part"),
        postgresql_with=_HOT,
    )


def _outbox(metadata: MetaData) -> Table:
    return Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True), nullable=False),
        Column("topic", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("key", LargeBinary),
        Column("event_id", Text, nullable=False),
        Column("value", LargeBinary),
        Column("headers", LargeBinary, nullable=False),
        Column("put_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
        # In `value`, when more than one; key and event id are then the first one's.
        Column("records", Integer, nullable=False, server_default=text("1")),
        PrimaryKeyConstraint("seq"),
    )


def _dead_letter(metadata: MetaData) -> Table:
    return Table(
        "dead_letter",
        metadata,
        Column("id", BigInteger, Identity(always=True), nullable=False),
        Column("grp", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("off", BigInteger, nullable=False),
        Column("key", LargeBinary),
        Column("event_id", Text, nullable=False),
        Column("value", LargeBinary),
        Column("headers", LargeBinary, nullable=False),
        Column("timestamp_ms", BigInteger, nullable=False),
        Column("sealed", Boolean, nullable=False),
        Column("reason", Text, nullable=False),
        Column("first_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("grp", "topic", "part", "off"),
        Index(None, "key"),
    )


def _replay_request(metadata: MetaData) -> Table:
    return Table(
        "replay_request",
        metadata,
        Column("id", BigInteger, Identity(always=True), nullable=False),
        Column("kind", Text, nullable=False),
        Column("grp", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("off", BigInteger, nullable=False),
        Column("asked_by", Text, nullable=False),
        Column("asked_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("grp", "topic", "part", "off"),
        CheckConstraint("kind in ('replay', 'take')", name="kind"),
    )
