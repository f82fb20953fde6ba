"""`make bench`: run the benchmarks, print the table; `page` makes docs/performance.md."""

import argparse
import asyncio
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.house import Failed
from load import page
from load.bed import ROOT, Bed, make_bed
from load.catalogue import ALL
from load.frame import Benchmark, Result, Size, measure
from localstack.errors import StackError
from localstack.jars import KAFKA_VERSION

OURS = ("aiokafka", "asyncpg", "fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "protobuf")


def main() -> None:
    asked = _asked()
    if asked.do == "page":
        _page(check=asked.check)
        return
    chosen = _chosen(asked.only, full=asked.full)
    console = Console(stderr=asked.json, highlight=False, soft_wrap=True)
    try:
        documents = asyncio.run(_run(chosen, asked, console))
    except (Failed, StackError) as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps(documents, ensure_ascii=False))  # noqa: T201 - the answer
    else:
        console.print(_table(documents))
    if asked.record:
        page.write()
    raise SystemExit(any(one["verdict"] == "failed" for one in documents))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.set_defaults(only="", full=False, record=False, json=False)
    commands = parser.add_subparsers(dest="do", required=True)
    run = commands.add_parser("run", help="measure")
    run.add_argument("--only", default="", help="names by comma: B1,B3")
    run.add_argument("--full", action="store_true", help="the large ones too")
    run.add_argument("--record", action="store_true", help="write docs/performance")
    run.add_argument("--runs", type=int, help="a side; 5 if not said")
    run.add_argument("--json", action="store_true", help="print the documents")
    made = commands.add_parser("page", help="make docs/performance.md from docs/performance/")
    made.add_argument("--check", action="store_true", help="only tell whether it differs")
    return parser.parse_args()


def _page(*, check: bool) -> None:
    if not check:
        page.write()
    elif page.differs():
        sys.exit("docs/performance.md differs from docs/performance/: run make performance")


def _chosen(only: str, *, full: bool) -> list[Benchmark]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = {one.name for one in ALL}
    unknown = [name for name in names if not any(_fits(one, name) for one in known)]
    if unknown:
        sys.exit(
            f"there is no benchmark {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    if names:
        return [one for one in ALL if any(_fits(one.name, name) for name in names)]
    return [one for one in ALL if full or not one.only_full]


def _fits(name: str, asked: str) -> bool:
    """B3, which is none itself, names B3-5k and B3-1M."""
    return name == asked if asked in {one.name for one in ALL} else name.startswith(f"{asked}-")


async def _run(
    chosen: Sequence[Benchmark], asked: argparse.Namespace, console: Console
) -> list[dict[str, Any]]:
    folder = page.RECORDS if asked.record else ROOT / ".local" / "bench" / "results"
    began = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.0f} s[/]  {what}")

    documents = []
    tell("starting Kafka and Postgres")
    async with make_bed() as bed:
        if not asked.only and len(chosen) < len(ALL):
            tell(f"only with FULL=1: {', '.join(one.name for one in ALL if one not in chosen)}")
        for benchmark in chosen:
            lack = benchmark.missing()
            if lack is not None:
                tell(f"{benchmark.name} is left out: {lack}")
                continue
            size = Size(full=asked.full)
            size = replace(size, runs=asked.runs or benchmark.runs or size.runs)
            result = await measure(benchmark, bed, size, tell)
            document = await _document(result, bed)
            documents.append(document)
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            (folder / f"{benchmark.name}.json").write_text(text, "utf-8")
            tell(f"{benchmark.name}: {document['figures']}: {document['verdict']}")
    return documents


async def _document(result: Result, bed: Bed) -> dict[str, Any]:
    found = result.document()
    settings = {**found.pop("settings"), **await bed.postgres_settings(), "kafka": KAFKA_VERSION}
    return {
        **{name: found.pop(name) for name in ("name", "what", "unit", "peer")},
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "settings": settings,
        "versions": {name: version(name) for name in OURS},
        **found,
    }


def _machine() -> dict[str, str]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _lines("/proc/cpuinfo")
            if "model name" in line
        ),
        platform.machine(),
    )
    memory_kb = next(line.split()[1] for line in _lines("/proc/meminfo") if "MemTotal" in line)
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    return {
        "cores": f"{cores} × {cpu}",
        "memory": f"{int(memory_kb) / 2**20:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(  # noqa: S603 - fixed words
            ["git", *words],  # noqa: S607 - the one on the path
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()

    changed = git("status", "--porcelain", "--", "libs", "services")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (
        " and changes" if changed else ""
    )


def _table(documents: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        "#", "what ÷ beside what", "figure", "measured", "floor", "goal", "stretch", "verdict"
    )
    for one in documents:
        for bar in one["bars"]:
            what = one["what"].replace(" ÷ ", "\n÷ ")
            levels = [
                f"{bar[name]:g}" if bar[name] else "-" for name in ("floor", "goal", "stretch")
            ]
            value = f"{one['figures'][bar['figure']]:,.2f}"
            table.add_row(one["name"], what, bar["figure"], value, *levels, one["verdict"])
    return table


if __name__ == "__main__":
    main()
