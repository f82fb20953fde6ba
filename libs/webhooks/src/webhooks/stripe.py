"""Stripe, and payment providers that sign as it does: HMAC-SHA256 over time and body.

https://docs.stripe.com/webhooks#verify-manually. The key is the whole text of the secret, its
`whsec_` included.
"""

import hmac
from collections.abc import Sequence

from webhooks.signature import BadSignature, Headers, active, demand_fresh, demand_match, only

HEADER = "Stripe-Signature"
MAX_PARTS = 20

_NAME = HEADER.lower().encode()


def sign(secret: str, timestamp_s: int, raw: bytes) -> str:
    """Return the value of the header."""
    timestamp = b"%d" % timestamp_s
    return f"t={timestamp_s},v1={_mac(secret, timestamp, raw).decode()}"


def verify(raw: bytes, headers: Headers, secrets: Sequence[str], now_s: float) -> None:
    """Return when one of the 1-5 *secrets* signed *raw* within 300 s; else raise `BadSignature`.

    Of several `v1` one is enough, as while a secret is replaced; other versions are passed over.
    """
    keys = active(secrets)
    parts = [part.partition(b"=") for part in only(headers, _NAME).split(b",")]
    times = [value for name, _, value in parts if name == b"t"]
    if len(times) != 1 or len(parts) > MAX_PARTS:
        raise BadSignature
    demand_fresh(times[0], now_s)
    given = [value for name, _, value in parts if name == b"v1"]
    demand_match(given, [_mac(key, times[0], raw) for key in keys])


def _mac(secret: str, timestamp: bytes, raw: bytes) -> bytes:
    return hmac.digest(secret.encode(), timestamp + b"." + raw, "sha256").hex().encode()
