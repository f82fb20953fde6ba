"""Alembic from code: one folder and one schema per service, run as the schema's owner.

A service's `migrations/env.py` is three lines: `run_env(metadata)`. Nothing here runs when a
service starts; its command `migrate` calls `upgrade`.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from plumbing.resources import api_role, owner_role, schema_of, worker_role

# A migration that waits longer for a lock would make everybody else wait behind it; one that must
# work for longer than this sets its own `statement_timeout`.
TIMEOUTS: Final = {"lock_timeout": "5s", "statement_timeout": "60s"}
DIALECT_URL: Final = "postgresql+asyncpg://"

T = TypeVar("T")


class NoSchema(Exception):
    """The service's schema does not exist: run the bootstrap first."""


def upgrade(service_dir: Path, owner_url: str) -> None:
    """Bring the service's schema to the newest migration. Blocks, also when a loop runs here."""
    _apart(lambda: command.upgrade(_config(service_dir, owner_url), "head"))


def check(service_dir: Path, owner_url: str) -> list[Any]:
    """Return how the migrated database differs from the tables in code; empty when equal."""
    found: list[Any] = []

    def compare(_: Any, migrations: MigrationContext) -> list[Any]:
        found.extend(compare_metadata(migrations, migrations.opts["target_metadata"]))
        return []

    config = _config(service_dir, owner_url)
    script = ScriptDirectory.from_config(config)

    def run() -> None:
        with EnvironmentContext(config, script, fn=compare):
            script.run_env()

    _apart(run)
    return found


def sql(service_dir: Path, revisions: str = "head") -> str:
    """Return migrations as SQL, without a database.

    Args:
        service_dir: The folder with `migrations/`.
        revisions: "head" for all, or "0001:0002" for what leads from one to the other.
    """
    config = _config(service_dir, DIALECT_URL)
    config.output_buffer = io.StringIO()
    _apart(lambda: command.upgrade(config, revisions, sql=True))
    return config.output_buffer.getvalue()


def write_sql(service_dirs: Iterable[Path], folder: Path) -> None:
    """Write a file of SQL for each migration: a linter must not take old tables for new ones."""
    for home in service_dirs:
        script = ScriptDirectory.from_config(_config(home, DIALECT_URL))
        for one in script.walk_revisions():
            step = f"{one.down_revision or 'base'}:{one.revision}"
            path = folder / f"{home.resolve().name}-{one.revision}.sql"
            path.write_text(sql(home, step), "utf-8")


def run_env(metadata: MetaData) -> None:
    """All that a service's `migrations/env.py` does."""
    if context.is_offline_mode():
        context.configure(
            url=DIALECT_URL,
            target_metadata=metadata,
            literal_binds=True,
            transaction_per_migration=True,
        )
        for name, limit in TIMEOUTS.items():
            context.execute(f"set {name} = '{limit}'")
        with context.begin_transaction():
            context.run_migrations()
    else:
        asyncio.run(_online(metadata))


def create_plumbing(op: Operations | Any) -> None:
    """Create plumbing's tables; for a service's first migration. Frozen: changes come after it."""
    for statement in _PLUMBING_1:
        op.execute(statement)


def bundle_outbox(op: Operations | Any) -> None:
    """Let a row of the outbox hold several records. Frozen, as `create_plumbing`."""
    for statement in _PLUMBING_2:
        op.execute(statement)


def rls(table: str, service: str) -> list[str]:
    """Return the statements that shut *table*, which has a shop_id, but for the right shop.

    The owner too is shut out of a FORCEd table; the worker sees all shops.
    """
    seen = "shop_id = nullif(current_setting('huiliu.shop', true), '')"
    api, worker = api_role(service), worker_role(service)
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy {table}_api on {table} to {api} using ({seen}) with check ({seen})",
        f"create policy {table}_worker on {table} to {worker} using (true) with check (true)",
    ]


async def _online(metadata: MetaData) -> None:
    config = context.config
    schema = schema_of(config.attributes["service"])
    settings = {
        "application_name": "migrate",
        "role": owner_role(config.attributes["service"]),
        "search_path": schema,  # nothing else: alembic takes all that is visible for ours
        **TIMEOUTS,
    }
    engine = create_async_engine(
        config.attributes["url"],
        poolclass=NullPool,
        connect_args={"server_settings": settings},
    )
    try:
        async with engine.connect() as conn:
            async with conn.begin():
                if await conn.scalar(text("select current_schema()")) != schema:
                    raise NoSchema(schema)
                # Two Jobs at once: the second waits, then finds nothing to do.
                await conn.execute(
                    text("select pg_advisory_lock(hashtextextended(:name, 0))"),
                    {"name": f"migrate:{schema}"},
                )
            await conn.run_sync(_migrate, metadata)
    finally:
        await engine.dispose()


def _migrate(conn: Connection, metadata: MetaData) -> None:
    context.configure(
        connection=conn,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _config(service_dir: Path, url: str) -> Config:
    config = Config()
    folder = str(service_dir / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    config.attributes["service"] = service_dir.resolve().name
    return config


def _apart(work: Callable[[], T]) -> T:
    """Run *work* in a thread of its own: it starts an event loop, and here may run one."""
    with ThreadPoolExecutor(1, "migrate") as pool:
        return pool.submit(work).result()


_PLUMBING_1: Final = (
    """
    create table consumer_partition (
      grp text not null,
      topic text not null,
      part integer not null,
      epoch bigint not null,
      next_offset bigint not null,
      owner text not null,
      tries integer not null default 0,
      tried_offset bigint,
      stopped text,
      updated_at timestamptz not null default clock_timestamp(),
      constraint pk_consumer_partition primary key (grp, topic, part)
    ) with (fillfactor = 50)
    """,
    """
    create table outbox (
      seq bigint generated always as identity,
      topic text not null,
      part integer not null,
      key bytea,
      event_id text not null,
      value bytea,
      headers bytea not null,
      put_at timestamptz not null default clock_timestamp(),
      constraint pk_outbox primary key (seq)
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
    """,
    """
    create table dead_letter (
      id bigint generated always as identity,
      grp text not null,
      topic text not null,
      part integer not null,
      off bigint not null,
      key bytea,
      event_id text not null,
      value bytea,
      headers bytea not null,
      timestamp_ms bigint not null,
      sealed boolean not null,
      reason text not null,
      first_at timestamptz not null default clock_timestamp(),
      constraint pk_dead_letter primary key (id),
      constraint uq_dead_letter_grp_topic_part_off unique (grp, topic, part, off)
    )
    """,
    "create index ix_dead_letter_key on dead_letter (key)",
    """
    create table replay_request (
      id bigint generated always as identity,
      kind text not null,
      grp text not null,
      topic text not null,
      part integer not null,
      off bigint not null,
      asked_by text not null,
      asked_at timestamptz not null default clock_timestamp(),
      constraint pk_replay_request primary key (id),
      constraint uq_replay_request_grp_topic_part_off unique (grp, topic, part, off),
      constraint ck_replay_request_kind check (kind in ('replay', 'take'))
    )
    """,
)

_PLUMBING_2: Final = (
    "alter table outbox add column records integer not null default 1",
    # Bundles are read once, soon: not worth the compressing.
    "alter table outbox alter column value set storage external",
)

if __name__ == "__main__":  # python -m plumbing.migrate FOLDER SERVICE_DIR...
    write_sql([Path(arg) for arg in sys.argv[2:]], Path(sys.argv[1]))
