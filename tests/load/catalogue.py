"""All benchmarks, in the order of the table."""

from collections.abc import Sequence
from typing import Final

from load.backlog import B3, B3_1M, B3_1M_TOLD, B3_PB, B3_ZIPF, B4
from load.end_to_end import B15
from load.frame import Benchmark
from load.ingest import B1, B2
from load.many import B5, B7, B7_1M
from load.questions import B16

ALL: Final[Sequence[Benchmark]] = (
    B1,
    B2,
    B3,
    B3_ZIPF,
    B3_PB,
    B3_1M,
    B3_1M_TOLD,
    B4,
    B5,
    B7,
    B7_1M,
    B15,
    B16,
)
