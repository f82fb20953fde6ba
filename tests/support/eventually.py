"""Wait for what must come, and say what was seen when it did not."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def by_then(check: Callable[[], Any], within_s: float) -> bool:
    """Tell whether *check* came true in time: what `eventually` demands is only hoped for."""
    try:
        await eventually(check, within_s)
    except AssertionError:
        return False
    return True


async def eventually(
    check: Callable[[], Any], within_s: float = 10.0, every_s: float = 0.05
) -> Any:
    """Return the first truthy value of *check*, which may be a coroutine function.

    What it asserts may fail until then.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            found = check()
            value = await found if inspect.isawaitable(found) else found
            seen: object = value
            if value:
                return value
        except AssertionError as error:
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {seen!r}")
        await asyncio.sleep(every_s)
