"""Youzan (有赞): MD5 over the app's id, the message and the app's secret, in two forms.

In the header form all of the body is signed. In the body form only its field `msg` is, still
URL-encoded; kind, shop and version stand beside it unsigned, so nothing else is read. MD5 with the
secret behind is weak: what it says is a hint until the shop's API confirms it.
"""

import hashlib
from collections.abc import Sequence
from urllib.parse import unquote_plus

from webhooks.signature import BadSignature, Headers, active, demand_match, only
from webhooks.strict import BadJson, strict_json

HEADER = "Event-Sign"

_NAME = HEADER.lower().encode()


def sign(client_id: str, secret: str, message: bytes) -> str:
    """Return the signature of a whole body, or of a `msg` as it stands in one."""
    text = client_id.encode() + message + secret.encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def verify_body(raw: bytes, headers: Headers, client_id: str, secrets: Sequence[str]) -> None:
    """Return when one of the 1-5 client *secrets* signed all of *raw*; else `BadSignature`."""
    keys = active(secrets)
    given = only(headers, _NAME)
    demand_match([given], [sign(client_id, key, raw).encode() for key in keys])


def verify_message(raw: bytes, client_id: str, secrets: Sequence[str]) -> bytes:
    """Return the decoded `msg` that one of the 1-5 client *secrets* signed; else `BadSignature`."""
    keys = active(secrets)
    try:
        body = strict_json(raw)
        message, given = body["msg"], body["sign"]
        signed = message.encode()
        demand_match([given.encode()], [sign(client_id, key, signed).encode() for key in keys])
        return decoded(message)
    except (BadJson, TypeError, KeyError, AttributeError, ValueError):
        raise BadSignature from None


def decoded(message: str) -> bytes:
    """Return the JSON inside a `msg`: a space is `%20` or `+`, a plus `%2B`.

    ValueError when it is not UTF-8.
    """
    return unquote_plus(message, errors="strict").encode()
