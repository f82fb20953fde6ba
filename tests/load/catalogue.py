"""All benchmarks, in the order of the table."""

from collections.abc import Sequence
from typing import Final

from load.frame import Benchmark
from load.ingest import B1, B2

ALL: Final[Sequence[Benchmark]] = (B1, B2)
