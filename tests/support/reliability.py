"""docs/reliability.md, made from the JSON files that trials leave.

`python -m support.reliability take` copies the last trials' files into docs/reliability/ and writes
the page; `check` tells whether the page is that of the files.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from support.trial import ROOT

PAGE: Final = ROOT / "docs" / "reliability.md"
FILES: Final = ROOT / "docs" / "reliability"
LAST: Final = ROOT / ".local" / "faults"
PROMISES: Final[Mapping[int, str]] = {
    1: "2xx is durable",
    2: "A fact pushed twice is one fact",
    3: "Exactly one effect of read, fold, write",
    4: "A zombie writes nothing",
    5: "Rebalance storms cost time only",
    6: "Per key, publish order is commit order; no row is skipped",
    7: "A bad record never stops a partition, and never vanishes",
    8: "Broker gone: ingest still answers 2xx",
    9: "Postgres gone: ingest goes on by Kafka; both gone: 503",
    10: "A COMMIT without an answer is resolved, not guessed",
    11: "A message reaches a gateway at most once",
    16: "Any order of arrival gives one state",
    18: "No timer is lost, early or twice",
    19: "No unpaid reminder reaches a gateway later than 2 s after the payment's 2xx",
    23: "Forged and replayed webhooks do nothing",
    24: "Bodies cannot exhaust us",
    30: "A restart is not an incident",
    31: 'Stuck is noticed, "database down" is no crash',
    32: "Overload is refused early",
}
HEAD: Final = """# Reliability

What Huiliu promises when things break, and what the trials of it have shown. Made by
`make reliability` from the JSON files in [reliability/](reliability); do not edit it. `make faults`
runs the short forms, `make chaos` the full ones; `ONLY=3` chooses rows, `SEED=7` draws other
faults. A trial counts only if it proves that its faults fired ("seen/needed"); a breach is what
must not be there. A control plants a defect that a check must see; checks without one are named.
"""


def page() -> str:
    """Return the page that belongs to the files."""
    return "\n".join([HEAD, *_lines()]) + "\n"


def take() -> int:
    """Take over what the last trials left; return how many files that were."""
    found = sorted(LAST.glob("*/row-*.json"))
    for path in found:
        kept = FILES / path.relative_to(LAST)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    return len(found)


def _lines() -> Iterator[str]:
    for row, promise in PROMISES.items():
        yield f"## {row}. {promise}\n"
        for form in ("short", "full"):
            path = FILES / form / f"row-{row:02}.json"
            if path.exists():
                yield from _run(json.loads(path.read_text("utf-8")))
            elif form == "short":
                yield "Not run yet.\n"


def _run(told: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"**{told['form'].capitalize()} form**, {told['date']}, commit {told['commit']},"
        f" {told['cores']} cores, Python {told['python']}:\n"
    )
    for test in told["tests"]:
        yield from _test(test)
    yield ""


def _test(test: Mapping[str, Any]) -> Iterator[str]:
    title = test["test"].removeprefix("test_").replace("_", " ")
    yield f"* *{title}*: **{test['verdict']}**, seed {test['seed']}, {test['seconds']} s"
    controls = test.get("controls", [])
    faults = [f"{name} {one['seen']}/{one['needed']}" for name, one in test["faults"].items()]
    for what, parts in (
        ("faults seen/needed", faults),
        ("breaches", _pairs(test["breaches"])),
        ("checks shown to see a planted defect", controls),
        ("checks without a control", [name for name in test["breaches"] if name not in controls]),
        ("figures", _pairs(test["figures"])),
    ):
        if parts:
            yield f"  * {what}: {', '.join(parts)}"


def _pairs(values: Mapping[str, Any]) -> Sequence[str]:
    return [f"{name} {value}" for name, value in values.items()]


def main(command: str) -> int:
    if command == "take":
        sys.stdout.write(f"{take()} files taken over\n")
        PAGE.write_text(page(), "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == page():
        sys.stdout.write("docs/reliability.md: as the files have it\n")
        return 0
    sys.stderr.write("docs/reliability.md differs from docs/reliability/: run make reliability\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
