"""Twilio: HMAC-SHA1 over the public address and the form's fields, sorted.

https://www.twilio.com/docs/usage/webhooks/webhooks-security. JSON is covered by its SHA-256 in the
address.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from webhooks.signature import BadSignature, Headers, active, demand_match, only

HEADER = "X-Twilio-Signature"
MAX_FIELDS = 100

_NAME = HEADER.lower().encode()
_PORTS = {"https": 443, "http": 80}
_BODY_HASH = "bodySHA256"


def sign(token: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> str:
    """Return the value of the header; equal fields count once."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def verify(
    raw: bytes, headers: Headers, url: str, tokens: Sequence[str]
) -> Sequence[tuple[str, str]]:
    """Return the fields of a form that one of the 1-5 auth *tokens* signed; else `BadSignature`.

    Args:
        raw: The body: a form, or JSON, which has no fields.
        headers: As received.
        url: Our configured public base, with the path and query as received: never with the Host
            header, which anybody writes. Twilio may or may not have named the usual port.
        tokens: The account's.
    """
    keys = active(tokens)
    given = only(headers, _NAME)
    fields = _fields(raw, url)
    urls = list(_spellings(url))
    demand_match([given], [sign(key, one, fields).encode() for key in keys for one in urls])
    return fields


def _fields(raw: bytes, url: str) -> Sequence[tuple[str, str]]:
    try:
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        hashes = [value for name, value in query if name == _BODY_HASH]
        if not hashes:
            text = raw.decode("ascii")
            return parse_qsl(
                text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
            )
    except ValueError:
        raise BadSignature from None
    demand_match([one.encode() for one in hashes], [hashlib.sha256(raw).hexdigest().encode()])
    return ()


def _spellings(url: str) -> Iterator[str]:
    """Yield *url* as it is, and with the usual port added or taken away."""
    yield url
    parts = urlsplit(url)
    usual = f":{_PORTS.get(parts.scheme)}"
    if parts.port is None:
        yield parts._replace(netloc=parts.netloc + usual).geturl()
    elif parts.netloc.endswith(usual):
        yield parts._replace(netloc=parts.netloc.removesuffix(usual)).geturl()
