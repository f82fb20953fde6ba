"""docs/performance.md, made of the recorded JSON files and of the words beside them."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
RECORDS: Final = DOCS / "performance"
PAGE: Final = DOCS / "performance.md"

INTRO: Final = RECORDS / "intro.md"


def write() -> None:
    PAGE.write_text(made(), "utf-8")


def differs() -> bool:
    return not PAGE.exists() or PAGE.read_text("utf-8") != made()


def made() -> str:
    records = [json.loads(path.read_bytes()) for path in sorted(RECORDS.glob("*.json"), key=_order)]
    parts = [
        INTRO.read_text("utf-8"),
        "\n".join(_table(records)),
        *(_section(record) for record in records),
    ]
    return "\n".join(parts)


def _order(path: Path) -> tuple[int, str]:
    number = path.stem.removeprefix("B").partition("-")[0]
    return int(number), path.stem


def _table(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| # | what ÷ beside what | figure | measured | floor | goal | stretch | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for record in records:
        for bar in record["bars"]:
            cells = [
                record["name"],
                record["what"],
                _title(bar["figure"]),
                f"**{_number(record['figures'][bar['figure']])}**",
                *(_number(bar[level]) for level in ("floor", "goal", "stretch")),
                record["verdict"],
            ]
            yield f"| {' | '.join(cells)} |"
    yield ""


def _section(record: Mapping[str, Any]) -> str:
    name = record["name"]
    lines = [f"## {name}: {record['what']}", ""]
    lines += [
        f"| side | {record['unit']}/s | CPU µs each | peak memory | more |",
        "|---|---|---|---|---|",
    ]
    sides = [("ours", "Huiliu"), ("peer", record["peer"])]
    for side, title in sides:
        runs = [run for run in record["runs"] if run["side"] == side]
        if runs:
            lines.append(_row(title, runs))
    words = RECORDS / f"{name}.md"
    lines += ["", words.read_text("utf-8").strip() if words.exists() else "", ""]
    lines += [f"Measured {record['date']} at {record['commit']}: {_told(record['machine'])}."]
    lines += ["", f"Settings: {_told(record['settings'])}.", ""]
    return "\n".join(lines)


def _row(title: str, runs: Sequence[Mapping[str, Any]]) -> str:
    known = {"side", "n", "wall_s", "cpu_s", "peak_rss_bytes", "wrong"}
    more = "; ".join(
        f"{_title(name)} {_spread([run[name] for run in runs])}"
        for name in runs[0]
        if name not in known
    )
    cells = [
        title,
        _spread([run["n"] / run["wall_s"] for run in runs]),
        _spread([run["cpu_s"] / run["n"] * 1e6 for run in runs]),
        f"{max(run['peak_rss_bytes'] for run in runs) / 1e6:.0f} MB",
        more,
    ]
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{_number(middle)} ({_number(low)}-{_number(high)})"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _title(name: str) -> str:
    what, _, unit = name.rpartition("_")
    units = {"ms": f"{what}, ms", "s": f"{what} s", "records": f"records {what}"}
    return "a second" if name == "per_s" else units.get(unit, name)


def _told(pairs: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in pairs.items())
