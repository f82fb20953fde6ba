"""Named places where a test kills the process, so that it dies exactly there.

HUILIU_CRASH=name:nth ends the process by SIGKILL at the nth pass through that place. Unset, a
crash point costs one comparison.
"""

import os
import signal
from typing import Final

ENV: Final = "HUILIU_CRASH"
NAMES: Final = frozenset(
    {
        "ingest-before-ack",
        "ingest-after-spool",
        "after-claim",
        "after-fence",
        "after-merge",
        "after-outbox",
        "before-commit",
        "after-commit",
        "relay-after-publish",
        "relay-after-delete",
        "timer-after-take",
        "timer-before-commit",
        "send-after-claim",
        "send-after-request",
        "send-after-answer",
    }
)


class BadCrashPoint(ValueError):
    """HUILIU_CRASH is not `name:nth` with a known name and nth of at least 1."""


class Fuse:
    """Burns at the nth pass of one name."""

    __slots__ = ("_left", "_name")

    def __init__(self, name: str, nth: int) -> None:
        self._name = name
        self._left = nth

    def passes(self, name: str) -> bool:
        """Count a pass through *name*; return whether this is the one."""
        if name != self._name:
            return False
        self._left -= 1
        return self._left == 0


def parse(setting: str) -> Fuse | None:
    """Return the fuse that *setting* describes; none when empty.

    Raises:
        BadCrashPoint: It is set and wrong. A test that kills nothing would prove nothing.
    """
    if not setting:
        return None
    name, _, nth = setting.partition(":")
    if name not in NAMES or not nth.isascii() or not nth.isdigit() or int(nth) < 1:
        raise BadCrashPoint(f"{ENV}={setting!r}: name:nth, with one of {', '.join(sorted(NAMES))}")
    return Fuse(name, int(nth))


def arm_check(setting: str | None = None) -> None:
    """Refuse a wrong HUILIU_CRASH; call it first in a process.

    Raises:
        BadCrashPoint: See `parse`.
    """
    parse(os.environ.get(ENV, "") if setting is None else setting)


def crashpoint(name: str) -> None:
    """Die here, by SIGKILL, if the environment says so."""
    if _FUSE is not None and _FUSE.passes(name):
        os.kill(os.getpid(), signal.SIGKILL)


def _armed() -> Fuse | None:
    try:
        return parse(os.environ.get(ENV, ""))
    except BadCrashPoint:
        return None  # `arm_check` says so; an import should not


_FUSE: Final = _armed()
