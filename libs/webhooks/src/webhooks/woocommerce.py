"""WooCommerce: HMAC-SHA256 over the body alone, as Shopify signs, under a header of its own.

https://woocommerce.com/document/webhooks/. When a hook is saved, the shop sends a ping first: an
unsigned form that names the hook. It wants exactly 200, and says nothing else.
"""

import re
from collections.abc import Sequence

from webhooks.signature import Headers, active, base64_mac, check_secret, demand_match, only

HEADER = "X-WC-Webhook-Signature"

_NAME = HEADER.lower().encode()
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_SECRET = re.compile(r"[A-Za-z0-9]+")


def check(secret: str) -> str:
    """Return *secret*; ValueError when WooCommerce may sign with something else.

    It decodes HTML entities in what was typed, so `a&amp;b` would sign as `a&b`.
    """
    if not _SECRET.fullmatch(check_secret(secret)):
        raise ValueError("a secret of WooCommerce may hold letters and digits only")
    return secret


def is_ping(raw: bytes, headers: Headers) -> bool:
    """Tell whether this is the unsigned greeting of a hook that was just saved."""
    return _PING.fullmatch(raw) is not None and all(key.lower() != _NAME for key, _ in headers)


def sign(secret: str, raw: bytes) -> str:
    """Return the value of the header, as WooCommerce computes it."""
    return base64_mac(secret, raw).decode()


def verify(raw: bytes, headers: Headers, secrets: Sequence[str]) -> None:
    """Return when one of the 1-5 *secrets* signed *raw*; else raise `BadSignature`."""
    keys = active(secrets)
    demand_match([only(headers, _NAME)], [base64_mac(key, raw) for key in keys])
