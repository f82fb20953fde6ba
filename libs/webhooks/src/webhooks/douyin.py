"""Douyin (抖音) open platform: SHA-1 over the client's secret and the body.

Who knows one signed body can sign it with more appended, since SHA-1 goes on from where it ended;
the appended part begins with bytes that no JSON holds. So: a hint, and strict JSON only.
"""

import hashlib
from collections.abc import Sequence

from webhooks.signature import Headers, active, demand_match, only

HEADER = "X-Douyin-Signature"

_NAME = HEADER.lower().encode()


def sign(secret: str, raw: bytes) -> str:
    """Return the signature of a body: 40 lower-case hex digits."""
    return hashlib.sha1(secret.encode() + raw, usedforsecurity=False).hexdigest()


def verify(raw: bytes, headers: Headers, secrets: Sequence[str]) -> None:
    """Return when one of the 1-5 client *secrets* signed *raw*; else `BadSignature`."""
    keys = active(secrets)
    demand_match([only(headers, _NAME)], [sign(key, raw).encode() for key in keys])
