"""Standard Webhooks: we check what others send, and sign what we send.

Version v1 is HMAC-SHA256 with a secret that both know, v1a is ed25519: we have the public key only.

https://www.standardwebhooks.com
"""

import base64
import hmac
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from webhooks.signature import (
    BadSignature,
    Headers,
    active,
    check_secret,
    demand_fresh,
    demand_match,
    from_base64,
    only,
)

MAX_SIGNATURES = 20
PREFIX = "whsec_"
PUBLIC_PREFIX = "whpk_"

_ID = re.compile(rb"[A-Za-z0-9_-]{1,128}")


def key_of(secret: str) -> bytes:
    """Return the key inside `whsec_...`; ValueError unless it is base64 of 24-64 bytes."""
    check_secret(secret)
    text = secret.removeprefix(PREFIX)
    try:
        key = from_base64(text.encode())
    except (BadSignature, ValueError):  # ValueError: no text that can be written
        key = b""
    if text == secret or not 24 <= len(key) <= 64:
        raise ValueError(f"a secret must be {PREFIX} and the base64 of 24 to 64 bytes")
    return key


def check_key(secret: str) -> str:
    """Return *secret*; ValueError unless it is a `whsec_...` or a `whpk_...` to verify with."""
    if secret.startswith(PUBLIC_PREFIX):
        _public_of(secret)
    else:
        key_of(secret)
    return secret


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
    return _mac(key_of(secret), _signed(msg_id.encode(), b"%d" % timestamp_s, body)).decode()


def verify(raw: bytes, headers: Headers, secrets: Sequence[str], now_s: float) -> str:
    """Return the signed `webhook-id`, which recognises repeats; else raise `BadSignature`.

    Args:
        raw: The body as it came.
        headers: All headers of the request.
        secrets: 1-5, each `whsec_...` or the sender's public `whpk_...`; ValueError when one is
            not fit.
        now_s: Unix seconds. The signed time may differ by 300 s, both ends included.
    """
    fit = active(secrets)
    public = [_public_of(secret) for secret in fit if secret.startswith(PUBLIC_PREFIX)]
    keys = [key_of(secret) for secret in fit if not secret.startswith(PUBLIC_PREFIX)]
    given = list(headers)
    msg_id = only(given, b"webhook-id")
    timestamp = only(given, b"webhook-timestamp")
    signatures = only(given, b"webhook-signature").split(b" ")
    if not _ID.fullmatch(msg_id) or len(signatures) > MAX_SIGNATURES:
        raise BadSignature
    demand_fresh(timestamp, now_s)
    signed = _signed(msg_id, timestamp, raw)
    if not any(_is_signed(key, one, signed) for key in public for one in signatures):
        demand_match(signatures, [_mac(key, signed) for key in keys])
    return msg_id.decode()


def _public_of(secret: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(
            from_base64(secret.removeprefix(PUBLIC_PREFIX).encode())
        )
    except (BadSignature, ValueError):
        raise ValueError(
            f"a public key must be {PUBLIC_PREFIX} and the base64 of 32 bytes"
        ) from None


def _is_signed(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    version, _, text = signature.partition(b",")
    if version != b"v1a":
        return False
    try:
        key.verify(from_base64(text), signed)
    except (BadSignature, InvalidSignature):
        return False
    return True


def _signed(msg_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    return b".".join([msg_id, timestamp, body])


def _mac(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
