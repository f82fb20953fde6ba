from plumbing.migrate import run_env
from reporting.edges.tables import metadata

run_env(metadata)
