"""Doudian (抖店): MD5 over the app's key, the body and the app's secret.

MD5 with the secret behind is weak: what it says is a hint until another source confirms it.
"""

import hashlib
from collections.abc import Sequence

from webhooks.signature import BadSignature, Headers, active, demand_match, only

HEADER = "event-sign"
APP_HEADER = "app-id"
METHOD_HEADER = "sign-method"

_NAME = HEADER.encode()
_APP = APP_HEADER.encode()
_METHOD = METHOD_HEADER.encode()


def sign(app_key: str, secret: str, raw: bytes) -> str:
    """Return the signature of a body: 32 lower-case hex digits."""
    text = app_key.encode() + raw + secret.encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def verify(raw: bytes, headers: Headers, app_key: str, secrets: Sequence[str]) -> None:
    """Return when *raw* is of the app and one of its 1-5 *secrets* signed it; else `BadSignature`.

    A `sign-method` may be named; of those only MD5 is known.
    """
    keys = active(secrets)
    told = list(headers)
    if only(told, _APP) != app_key.encode():
        raise BadSignature
    if any(name.lower() == _METHOD and value.lower() != b"md5" for name, value in told):
        raise BadSignature
    demand_match([only(told, _NAME)], [sign(app_key, key, raw).encode() for key in keys])
