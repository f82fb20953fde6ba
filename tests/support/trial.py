"""What a fault test has shown: its sizes, its faults, its breaches, its figures, as one JSON file.

`faults` prove that something was broken, `breaches` are what must not be there, `figures` are only
told. A trial without a fault that fired proves nothing, and says so.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, TypeAlias, TypeVar

Form: TypeAlias = Literal["short", "full"]
T = TypeVar("T")

ROOT: Final = Path(__file__).parent.parent.parent
SHOWN: Final = 5  # breaches that are named


@dataclass(eq=False)
class Trial:
    """One test of one row of the promises; `docs/architecture.md` names the rows."""

    row: int
    test: str
    form: Form
    seed: int
    faults: dict[str, dict[str, int]] = field(default_factory=dict)
    breaches: dict[str, int] = field(default_factory=dict)
    controls: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    spent_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tell(f"{self.form} form, seed {self.seed}")

    def random(self) -> Random:
        return Random(self.seed)  # noqa: S311 - no secret

    def size(self, short: T, full: T) -> T:
        return short if self.form == "short" else full

    def tell(self, text: str) -> None:
        """Say to the person who waits how far it has come."""
        spent = time.monotonic() - self._began
        sys.stderr.write(f"  row {self.row:2} {spent:6.1f} s  {text}\n")
        sys.stderr.flush()

    def fired(self, name: str, seen: float, *, at_least: int) -> None:
        """Prove that the fault *name* happened."""
        self.faults[name] = {"seen": int(seen), "needed": at_least}
        assert seen >= at_least, f"{name}: {seen} of {at_least}; without the fault nothing is shown"

    def none(self, name: str, found: Collection[Any] | int) -> None:
        """Prove that there is no breach *name*."""
        number = found if isinstance(found, int) else len(found)
        self.breaches[name] = self.breaches.get(name, 0) + number
        first = "" if isinstance(found, int) else f": {_first(found)}"
        assert number == 0, f"{number} {name}{first}"

    def control(self, name: str, found: Collection[Any]) -> None:
        """Prove that the check of *name* can fail: *found* is what it says of a planted defect."""
        if name not in self.controls:
            self.controls.append(name)
        assert len(found) > 0, f"the check of {name} does not see a planted defect"

    def figure(self, name: str, value: float | str) -> None:
        self.figures[name] = round(value, 3) if isinstance(value, float) else value

    def end(self, *, failed: bool) -> None:
        self.failed = failed
        self.spent_s = time.monotonic() - self._began

    def report(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "test": self.test,
            "form": self.form,
            "seed": self.seed,
            "verdict": self.verdict,
            "faults": self.faults,
            "breaches": self.breaches,
            "controls": self.controls,
            "figures": self.figures,
            "seconds": round(self.spent_s, 1),
        }

    @property
    def verdict(self) -> str:
        if self.failed or any(self.breaches.values()):
            return "broken"
        if not self.breaches:
            return "nothing checked"
        return "held" if self.faults else "no fault fired"


def _first(found: Iterable[Any]) -> str:
    shown = [repr(one) for one in found][: SHOWN + 1]
    return ", ".join(shown[:SHOWN]) + (" ..." if len(shown) > SHOWN else "")


def save(folder: Path, trials: Collection[Trial]) -> list[Path]:
    """Write one file a row, with all its tests and what they ran on; return the files."""
    written = []
    for row in sorted({trial.row for trial in trials}):
        mine = [trial for trial in trials if trial.row == row]
        path = folder / mine[0].form / f"row-{row:02}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {**conditions(), "row": row, "form": mine[0].form}
        told["tests"] = [trial.report() for trial in mine]
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        written.append(path)
    return written


def conditions() -> Mapping[str, Any]:
    """Return on what, and when, this was run."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return {
        "commit": commit.stdout.strip() or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
