"""Alembic's entry; the work is plumbing's."""

from plumbing.migrate import run_env

from ingest.edges.tables import metadata

run_env(metadata)
