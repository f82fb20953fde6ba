from plumbing.migrate import run_env
from support.shelf import metadata

run_env(metadata)
