"""What both reading groups cannot handle."""

from typing import Any

from contracts.codec import Tombstone
from contracts.events import CustomerProfile


def unfit_profile(event: Any) -> str | None:
    return None if isinstance(event, CustomerProfile | Tombstone) else not_handled(event)


def not_handled(event: Any) -> str:
    return f"{type(event).__name__} is not handled"
