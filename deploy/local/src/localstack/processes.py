"""Child processes that are remembered on disk, and ended by identity, never by pid alone.

A pid is used again by the system; pid and time of birth together are not. So a stale note of an
earlier run never makes us signal a stranger.
"""

import asyncio
import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
LOOK_EVERY_S: Final = 0.02
KILLED_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Identity:
    pid: int
    born: str  # when it started, as the system tells it; only compared


def identify(pid: int) -> Identity | None:
    """Return who *pid* is now, or None if nobody is (a zombie is nobody)."""
    if sys.platform == "linux":
        born = _born_by_proc(pid)
    else:
        born = _born_by_ps(pid)
    return Identity(pid, born) if born else None


def _born_by_proc(pid: int) -> str:
    try:
        # The name in parentheses may hold anything, also parentheses: read behind the last one.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _born_by_ps(pid: int) -> str:
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    found = subprocess.run(  # noqa: S603 - no shell, a fixed program, and a number
        command, capture_output=True, text=True, check=False
    )
    told = found.stdout.strip()
    return "" if not told or told.startswith("Z") else told.partition(" ")[2].strip()


def is_alive(who: Identity) -> bool:
    return identify(who.pid) == who


def is_gone(who: Identity) -> bool:
    return not is_alive(who)


async def until(check: Callable[[], bool], within_s: float) -> bool:
    """Wait until *check* holds; False if it does not within *within_s* seconds."""
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True


@dataclass(kw_only=True, eq=False)
class Child:
    """A process that this or an earlier run started.

    `popen` is there only in the process that started it, which has to reap it.
    """

    name: str
    who: Identity
    popen: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        if self.popen is not None:
            return self.popen.poll() is None
        return is_alive(self.who)

    def part(self) -> None:
        """Leave it running without waiting for it ever again."""
        if self.popen is not None:
            self.popen.returncode = 0  # else its end of life warns that it still runs
            self.popen = None

    async def end(self, first: signal.Signals, within_s: float) -> None:
        """Ask with *first*; whoever is still there after *within_s* seconds is killed."""
        for number, patience_s in ((first, within_s), (signal.SIGKILL, KILLED_WITHIN_S)):
            if not self.alive():
                return
            os.kill(self.who.pid, number)
            if await until(lambda: not self.alive(), patience_s):
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a child.

    `owner` is the process that it must not outlive, or None for one that stays when we go.
    """

    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path
    owner: int | None
    death_signal: signal.Signals = signal.SIGKILL
    user: pwd.struct_passwd | None = None

    def argv(self) -> list[str]:
        options = {
            "uid": self.user.pw_uid if self.user else None,
            "gid": self.user.pw_gid if self.user else None,
            "parent": self.owner,
            "death_signal": int(self.death_signal),
        }
        return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(options), *self.command]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, so that Ctrl-C reaches us first and alone."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - no shell; Kafka's and Postgres' words are ours
                self.argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.env),
                cwd=self.cwd,
                start_new_session=True,
            )

    def run(self) -> int:
        """Start it and wait for its end; return its exit status."""
        return self.start().wait()


class Notes:
    """What runs in one stack's folder: a small file for each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, child: Child, owner: Identity | None) -> None:
        note = {"pid": child.who.pid, "born": child.who.born}
        if owner is not None:
            note |= {"owner_pid": owner.pid, "owner_born": owner.born}
        write_json(self._folder / f"{child.name}.json", note)

    def read(self) -> dict[str, tuple[Child, Identity | None]]:
        """Return what still runs, with its owner; notes of what has ended are removed."""
        found = {}
        for path in sorted(self._folder.glob("*.json")):
            note = read_json(path)
            owner = None
            if "owner_pid" in note:
                owner = Identity(note["owner_pid"], note["owner_born"])
            child = Child(name=path.stem, who=Identity(note.get("pid", 0), note.get("born", "")))
            if child.alive():
                found[child.name] = (child, owner)
            else:
                path.unlink(missing_ok=True)
        return found

    def forget(self, name: str) -> None:
        (self._folder / f"{name}.json").unlink(missing_ok=True)


# A file that a crash left half written counts as empty.
def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Replace *path* whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(value, indent=1), "utf-8")
    fresh.replace(path)
