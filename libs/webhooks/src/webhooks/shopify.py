"""Shopify: HMAC-SHA256 over the body alone: time, topic and shop headers are not signed."""

from collections.abc import Sequence

from webhooks.signature import Headers, active, base64_mac, demand_match, only

HEADER = "X-Shopify-Hmac-SHA256"

_NAME = HEADER.lower().encode()


def sign(secret: str, raw: bytes) -> str:
    """Return the value of the header, as Shopify computes it."""
    return base64_mac(secret, raw).decode()


def verify(raw: bytes, headers: Headers, secrets: Sequence[str]) -> None:
    """Return when one of the 1-5 client *secrets* signed *raw*; else raise `BadSignature`."""
    keys = active(secrets)
    demand_match([only(headers, _NAME)], [base64_mac(key, raw) for key in keys])
