"""Alembic's entry; all of it is plumbing's."""

from notifier.edges.tables import metadata
from plumbing.migrate import run_env

run_env(metadata)
