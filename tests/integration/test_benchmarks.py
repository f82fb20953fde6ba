"""Each benchmark starts, takes a hundred events on both sides and gets the right answer.

No figure is looked at: a timed test would be red by chance.
"""

from pathlib import Path

import pytest

from load.bed import Bed
from load.catalogue import ALL
from load.frame import SHORT_EVENTS, Bar, Benchmark, Contest, Result, Run, Size, Tell, measure
from localstack import Stack


@pytest.mark.timeout(180)
@pytest.mark.parametrize("benchmark", ALL, ids=lambda one: one.name)
async def test_a_benchmark_takes_a_hundred_events_and_gets_the_right_answer(
    benchmark: Benchmark, kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    lack = benchmark.missing()
    if lack is not None:
        pytest.skip(f"{benchmark.name}: {lack}")
    bed = Bed(kafka, postgres, tmp_path, pinned=False)

    result = await measure(benchmark, bed, Size(short=True, runs=1), print)

    runs = [*result.ours, *result.peer]
    assert [run.wrong for run in runs] == [""] * len(runs)
    assert min(run.n for run in runs) >= SHORT_EVENTS


@pytest.mark.parametrize(
    ("ours", "wrong", "verdict"),
    [
        pytest.param(100, "", "below the floor", id="as fast as the peer"),
        pytest.param(150, "", "floor", id="half as fast again"),
        pytest.param(200, "", "goal", id="twice as fast"),
        pytest.param(900, "", "goal", id="no stretch is named"),
        pytest.param(900, "one is missing", "failed", id="fast and wrong"),
    ],
)
def test_a_verdict_is_the_ratio_of_medians_and_a_wrong_run_fails(
    ours: int, wrong: str, verdict: str
) -> None:
    def nothing(_: Bed, __: Size, ___: Tell) -> Contest:
        raise AssertionError

    benchmark = Benchmark(
        name="B0",
        what="this ÷ that",
        unit="events",
        bars=[Bar("ratio", 1.2, 2.0)],
        open=nothing,  # type: ignore[arg-type]  # never opened
    )
    mine = [Run(ours, 1.0, 1.0, 1), Run(ours, 1.0, 1.0, 1, wrong), Run(ours * 9, 1.0, 1.0, 1)]
    theirs = [Run(100, 1.0, 1.0, 1), Run(100, 1.0, 1.0, 1), Run(1, 1.0, 1.0, 1)]

    assert Result(benchmark, mine, theirs, "that", {}).verdict() == verdict
