"""What can go wrong here. Each text says what to do about it."""

from pathlib import Path

TAIL_LINES = 15


class StackError(Exception):
    """The stack cannot start or do what was asked; the text is for the person at the terminal."""


def with_log(text: str, log: Path) -> StackError:
    """Return an error that shows the end of *log* too."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return StackError("\n  ".join([f"{text} The end of {log}:", *lines[-TAIL_LINES:]]))
