"""What all schemes share.

Signatures are computed over the bytes received and compared as text: base64 decodes more than one
spelling to the same bytes. They are compared as bytes, for `compare_digest` refuses non-ASCII text.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

MAX_SECRETS = 5  # rotation needs two; each costs a MAC for every forged request

TOLERANCE_S = 300

_TIME = re.compile(rb"[0-9]{10}")  # int() would take full-width digits, underscores and spaces

# Names in any case, in the order received: `request.headers.raw` of Starlette.
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


class BadSignature(Exception):
    """Not sent by who it claims to be, or altered, or too old. The reason is for no one."""


def check_secret(secret: str) -> str:
    """Return *secret*; ValueError when it is empty or has white space at an edge (a paste)."""
    if not secret:
        raise ValueError("a secret is empty")
    if secret != secret.strip():
        raise ValueError("a secret begins or ends with white space")
    return secret


def active(secrets: Sequence[str]) -> Sequence[str]:
    """Return the 1-5 *secrets* that may have signed; ValueError when they are not fit."""
    if not 1 <= len(secrets) <= MAX_SECRETS:
        raise ValueError(f"1 to {MAX_SECRETS} secrets are needed")
    for secret in secrets:
        check_secret(secret)
    return secrets


def only(headers: Headers, name: bytes) -> bytes:
    """Return the value of the header *name* (lower case), which must come exactly once."""
    values = [value for key, value in headers if key.lower() == name]
    if len(values) != 1:
        raise BadSignature
    return values[0]


def demand_fresh(timestamp: bytes, now_s: float) -> None:
    """Raise unless *timestamp* is Unix seconds within 300 s of *now_s*, both ends included."""
    if not _TIME.fullmatch(timestamp) or abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise BadSignature


def demand_match(given: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Raise unless one of *given* is one of *expected*."""
    ours = list(expected)
    if not any(hmac.compare_digest(theirs, one) for theirs in given for one in ours):
        raise BadSignature


def from_base64(value: bytes) -> bytes:
    """Return what *value* is the base64 of; `BadSignature` unless it is spelled in the one way."""
    try:
        found = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise BadSignature from None
    if base64.b64encode(found) != value:
        raise BadSignature
    return found


def base64_mac(secret: str, raw: bytes) -> bytes:
    """Return the base64 of HMAC-SHA256 over *raw*."""
    return base64.b64encode(hmac.digest(secret.encode(), raw, "sha256"))
