"""Bodies of platforms that differ from one that is right, and what their shop knows."""

import hmac
from collections.abc import Mapping
from typing import Any


def changed(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return *body* with *changes*; None takes a field away."""
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def keyed(text: str) -> bytes:
    """Return an HMAC of *text* under a key of the shop."""
    return hmac.digest(b"a key of the shop", text.encode(), "sha256")


def phone(typed: str, country: str) -> str | None:
    """Return what stands for the number that was typed in a country."""
    return f"{country}:{typed}" if typed else None
