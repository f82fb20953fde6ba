from notifier.edges.tables import metadata
from plumbing.migrate import run_env

run_env(metadata)
