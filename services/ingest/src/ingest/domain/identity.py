"""Who a customer is when the platform does not say: a keyed name that tells nothing."""

import base64
from collections.abc import Callable
from typing import TypeAlias

GUEST_CHARS = 26

Keyed: TypeAlias = Callable[[str], bytes]  # HMAC-SHA256 under a key of the shop


def customer_of(
    platform_id: str | None,
    *,
    phone: str | None,
    email: str | None,
    order_id: str,
    keyed: Keyed,
) -> str:
    """Return the platform's id, else a guest's by number or mailbox, else the order's own.

    Args:
        platform_id: What the platform calls its customer.
        phone: E.164.
        email: As the customer wrote it.
        order_id: Names a person of whom nothing else is known.
        keyed: Makes the same bytes of the same text, for this shop only.
    """
    if platform_id:
        return platform_id
    if phone:
        return _guest(keyed(f"phone:{phone}"))
    if email:
        return _guest(keyed(f"email:{email.strip().lower()}"))
    return f"o_{order_id}"


def of_nick(nick: str, keyed: Keyed) -> str:
    """Return the id of who is known by a name that the platform shows."""
    return _guest(keyed(f"nick:{nick}"))


def _guest(digest: bytes) -> str:
    return "g_" + base64.b32encode(digest).decode().lower()[:GUEST_CHARS]
