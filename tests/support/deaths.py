"""A pass that dies once: in a test a process cannot kill itself, so its transaction fails."""

from collections.abc import Awaitable, Callable
from types import ModuleType

import pytest


async def pass_with_deaths(
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    piece: Callable[[], Awaitable[object]],
    *,
    dies_in: int,
    at: str | None = "timer-before-commit",
) -> int:
    """Do *piece* until nothing is left to do; return how often it died.

    Args:
        monkeypatch: Puts the death in.
        module: Whose crash points are meant.
        piece: Does the next piece, a transaction; false when there is none.
        dies_in: At which passing of the crash point it dies, counted from 1.
        at: The crash point's name; any of them when None.
    """
    passed = died = 0

    def die(name: str) -> None:
        nonlocal passed
        passed += at in {None, name}
        if passed == dies_in:
            raise ConnectionError(name)

    monkeypatch.setattr(module, "crashpoint", die)
    while True:
        try:
            if not await piece():
                return died
        except ConnectionError:
            died += 1
