"""What a benchmark is: two sides in turn on one machine, each run checked before it counts.

A figure is a ratio of medians against a peer in the same run; absolute figures travel with it, with
their lowest and highest. A run whose result differs from a plain recomputation is a failed run.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from load.bed import Bed

RUNS: Final = 5  # a side
SHORT_EVENTS: Final = 100
TELL_EVERY_S: Final = 10.0

Grade: TypeAlias = Literal["failed", "below the floor", "floor", "goal", "stretch"]
Who: TypeAlias = Literal["ours", "peer"]
Tell: TypeAlias = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run.

    Args:
        n: Events taken.
        wall_s: From the first one in the handler until the last one is durable.
        cpu_s: Of the subject alone.
        peak_rss_bytes: Of the subject alone.
        wrong: What differs from the plain recomputation; empty when nothing does.
        extra: More figures by name, such as `p99_ms`.
    """

    n: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    wrong: str = ""
    extra: Mapping[str, float] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return not self.wrong

    @property
    def per_s(self) -> float:
        return self.n / self.wall_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.n * 1e6


class Side(Protocol):
    @property
    def name(self) -> str: ...

    async def run(self) -> Run:
        """Do it once more, check the result, tell what it took."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: *short* is a hundred events, to see that it works."""

    short: bool = False
    full: bool = False
    runs: int = RUNS


@dataclass(eq=False)
class Progress:
    """Tells every ten seconds how far something long is."""

    what: str
    total: int
    tell: Tell
    _told_at: float = field(default_factory=time.monotonic)

    def at(self, number: int) -> None:
        if time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._told_at = time.monotonic()
            self.tell(f"  {self.what}: {number:,} of {self.total:,}")

    def over(self, things: Iterable[T]) -> Iterator[T]:
        for number, thing in enumerate(things, 1):
            yield thing
            if number % 1000 == 0:
                self.at(number)


@dataclass(frozen=True, slots=True)
class Contest:
    """Two sides, set up. Settings are printed with the figures."""

    ours: Side
    peer: Side | None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is held against. `ratio` is ours ÷ peer; other figures are ours alone.

    Args:
        figure: `ratio`, `per_s`, or a name from `Run.extra`.
        floor: Below it is a defect.
        goal: What is promised.
        stretch: Beyond.
        less: The smaller the better.
    """

    figure: str
    floor: float
    goal: float
    stretch: float | None = None
    less: bool = False

    def grade(self, value: float) -> Grade:
        levels: list[tuple[Grade, float | None]] = [
            ("stretch", self.stretch),
            ("goal", self.goal),
            ("floor", self.floor),
        ]
        for name, bound in levels:
            if bound is not None and (value <= bound if self.less else value >= bound):
                return name
        return "below the floor"


Open: TypeAlias = Callable[["Bed", Size, Tell], AbstractAsyncContextManager[Contest]]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One line of the table.

    Args:
        name: "B1"; a variant has a suffix, "B3-1M".
        what: Ours ÷ beside what.
        unit: What `n` counts, in the plural.
        bars: What it is held against.
        open: Sets both sides up and takes them down; tells of what takes long.
        missing: Says what to install when a tool is not there.
        only_full: Whether it takes too long for a plain `make bench`.
        runs: A side, where the usual number would take too long.
        warm_ups: A side, before those that count.
    """

    name: str
    what: str
    unit: str
    bars: Sequence[Bar]
    open: Open
    missing: Callable[[], str | None] = lambda: None
    only_full: bool = False
    runs: int | None = None
    warm_ups: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    benchmark: Benchmark
    ours: Sequence[Run]
    peer: Sequence[Run]
    peer_name: str
    settings: Mapping[str, str]

    def figures(self) -> dict[str, float]:
        """Return what the bars are held against."""
        found = {"per_s": statistics.median(run.per_s for run in self.ours)}
        for name in self.ours[0].extra:
            found[name] = statistics.median(run.extra[name] for run in self.ours)
        if self.peer:
            theirs = statistics.median(run.per_s for run in self.peer)
            found["ratio"] = found["per_s"] / theirs
        return found

    def verdict(self) -> Grade:
        """Return the worst grade of all bars; one wrong run fails all."""
        if any(run.wrong for run in (*self.ours, *self.peer)):
            return "failed"
        figures = self.figures()
        order: list[Grade] = ["below the floor", "floor", "goal", "stretch"]
        return min((bar.grade(figures[bar.figure]) for bar in self.benchmark.bars), key=order.index)

    def document(self) -> dict[str, Any]:
        """Return what the JSON file says of the benchmark; the machine comes from elsewhere."""
        sides: list[tuple[Who, Sequence[Run]]] = [("ours", self.ours), ("peer", self.peer)]
        return {
            "name": self.benchmark.name,
            "what": self.benchmark.what,
            "unit": self.benchmark.unit,
            "peer": self.peer_name,
            "settings": dict(self.settings),
            "runs": [_row(who, run) for who, runs in sides for run in runs],
            "figures": {name: round(value, 3) for name, value in self.figures().items()},
            "bars": [
                {
                    "figure": bar.figure,
                    "floor": bar.floor,
                    "goal": bar.goal,
                    "stretch": bar.stretch,
                    "less": bar.less,
                }
                for bar in self.benchmark.bars
            ],
            "verdict": self.verdict(),
        }


def _row(who: Who, run: Run) -> dict[str, Any]:
    return {
        "side": who,
        "n": run.n,
        "wall_s": round(run.wall_s, 4),
        "cpu_s": round(run.cpu_s, 3),
        "peak_rss_bytes": run.peak_rss_bytes,
        "wrong": run.wrong,
        **{name: round(value, 3) for name, value in run.extra.items()},
    }


async def measure(benchmark: Benchmark, bed: "Bed", size: Size, tell: Tell) -> Result:
    """Warm both sides up, then run them in turn."""
    tell(f"{benchmark.name}: {benchmark.what}")
    async with benchmark.open(bed, size, tell) as contest:
        sides = [contest.ours] if contest.peer is None else [contest.ours, contest.peer]
        runs: dict[str, list[Run]] = {side.name: [] for side in sides}
        if not size.short:
            for side in sides * benchmark.warm_ups:
                tell(f"  warm-up  {_line(side, await side.run(), benchmark)}")
        for number in range(1, size.runs + 1):
            for side in sides:
                run = await side.run()
                runs[side.name].append(run)
                tell(f"  run {number} of {size.runs}  {_line(side, run, benchmark)}")
        peer = contest.peer
        return Result(
            benchmark,
            runs[contest.ours.name],
            runs[peer.name] if peer is not None else [],
            peer.name if peer is not None else "",
            contest.settings,
        )


def _line(side: Side, run: Run, benchmark: Benchmark) -> str:
    told = (
        f"{side.name}: {run.n:,} {benchmark.unit} in {run.wall_s:.1f} s, {run.per_s:,.0f}/s, "
        f"{run.cpu_us:.1f} µs of CPU each, {run.peak_rss_bytes / 1e6:.0f} MB"
    )
    told += "".join(f", {name} {value:,.1f}" for name, value in run.extra.items())
    return told + (f"  WRONG: {run.wrong}" if run.wrong else "")
