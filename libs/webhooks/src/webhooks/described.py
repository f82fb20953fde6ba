"""An HMAC over body and headers, as somebody described it: for systems with a way of their own.

MD5 and SHA-1 are not among what can be described. A header means something only if it is signed.
"""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from webhooks.signature import Headers, active, demand_fresh, demand_match, only


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what is signed: a literal text, a header's value, or the body as it came."""

    kind: Literal["text", "header", "body"]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """How a sender signs.

    Args:
        header: Bears the signature.
        prefix: Stands before it there, such as `sha256=`.
        algorithm: Of the HMAC.
        encoding: Of the signature; hex is lower case.
        signed: Joined without anything between.
        time_header: Names the header, among *signed*, with the Unix seconds of this try.
    """

    header: str
    prefix: str
    algorithm: Literal["sha256", "sha512"]
    encoding: Literal["hex", "base64"]
    signed: tuple[Part, ...]
    time_header: str | None = None


def sign(how: Description, secret: str, raw: bytes, headers: Headers) -> str:
    """Return the value of the signature's header; *headers* are those that are signed."""
    return _mac(how, secret, _signed(how, raw, list(headers))).decode()


def verify(
    how: Description, raw: bytes, headers: Headers, secrets: Sequence[str], now_s: float
) -> None:
    """Return when one of the 1-5 *secrets* signed; else raise `BadSignature`.

    With a *time_header* what it says may differ from *now_s*, Unix seconds, by 300 s.
    """
    keys = active(secrets)
    given = list(headers)
    theirs = only(given, how.header.lower().encode())
    message = _signed(how, raw, given)
    if how.time_header is not None:
        demand_fresh(only(given, how.time_header.lower().encode()), now_s)
    demand_match([theirs], [_mac(how, key, message) for key in keys])


def _signed(how: Description, raw: bytes, given: Sequence[tuple[bytes, bytes]]) -> bytes:
    pieces = []
    for part in how.signed:
        if part.kind == "body":
            pieces.append(raw)
        elif part.kind == "header":
            pieces.append(only(given, part.value.lower().encode()))
        else:
            pieces.append(part.value.encode())
    return b"".join(pieces)


def _mac(how: Description, secret: str, message: bytes) -> bytes:
    digest = hmac.digest(secret.encode(), message, how.algorithm)
    text = digest.hex().encode() if how.encoding == "hex" else base64.b64encode(digest)
    return how.prefix.encode() + text
