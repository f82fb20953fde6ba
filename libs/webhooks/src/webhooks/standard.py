"""Standard Webhooks, version v1 (HMAC-SHA256): we check what others send, and sign what we send.

https://www.standardwebhooks.com
"""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence

from webhooks.signature import (
    BadSignature,
    Headers,
    active,
    check_secret,
    demand_fresh,
    demand_match,
    only,
)

MAX_SIGNATURES = 20
PREFIX = "whsec_"

_ID = re.compile(rb"[A-Za-z0-9_-]{1,128}")


def key_of(secret: str) -> bytes:
    """Return the key inside `whsec_...`; ValueError unless it is base64 of 24-64 bytes."""
    check_secret(secret)
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        key = b""
    if text == secret or base64.b64encode(key).decode() != text or not 24 <= len(key) <= 64:
        raise ValueError(f"a secret must be {PREFIX} and the base64 of 24 to 64 bytes")
    return key


def sign(secret: str, msg_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`.

    Args:
        secret: `whsec_...`
        msg_id: The header `webhook-id`; the same on each try of one message.
        timestamp_s: The header `webhook-timestamp`: Unix seconds of this try.
        body: The bytes as they are sent.
    """
    if not _ID.fullmatch(msg_id.encode()):
        raise ValueError("a webhook id is 1 to 128 of A-Z a-z 0-9 _ -")
    return _mac(key_of(secret), msg_id.encode(), b"%d" % timestamp_s, body).decode()


def verify(raw: bytes, headers: Headers, secrets: Sequence[str], now_s: float) -> str:
    """Return the signed `webhook-id`, which recognises repeats; else raise `BadSignature`.

    Args:
        raw: The body as it came.
        headers: All headers of the request.
        secrets: 1-5, each `whsec_...`; ValueError when one is not fit.
        now_s: Unix seconds. The signed time may differ by 300 s, both ends included.
    """
    keys = [key_of(secret) for secret in active(secrets)]
    given = list(headers)
    msg_id = only(given, b"webhook-id")
    timestamp = only(given, b"webhook-timestamp")
    signatures = only(given, b"webhook-signature").split(b" ")
    if not _ID.fullmatch(msg_id) or len(signatures) > MAX_SIGNATURES:
        raise BadSignature
    demand_fresh(timestamp, now_s)
    demand_match(signatures, [_mac(key, msg_id, timestamp, raw) for key in keys])
    return msg_id.decode()


def _mac(key: bytes, msg_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    signed = b".".join([msg_id, timestamp, body])
    return b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
