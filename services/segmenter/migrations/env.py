from plumbing.migrate import run_env
from segmenter.edges.tables import metadata

run_env(metadata)
