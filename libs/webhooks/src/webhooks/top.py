"""Taobao Open Platform (TOP) and Qimen (奇门) calling us: MD5 over parameters and body.

Parameters are those of the query, the headers that `top-sign-list` names, and the fields of a form;
a body of any other type is appended. The order is that of the names' bytes. All of it is as
https://open.taobao.com/doc.htm?docId=101617&docType=1 signs calls. MD5 with the secret at both ends
is weak: what it says is a hint.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

from webhooks.signature import BadSignature, Headers, active, demand_match, only

TOLERANCE_S: Final = 600
MOST_PARAMETERS: Final = 200

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_CHARSET: Final = re.compile(r"""charset\s*=\s*"?([A-Za-z0-9_-]{1,20})""", re.ASCII)
_CHARSETS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
}
_FORM: Final = "application/x-www-form-urlencoded"
_LIST: Final = b"top-sign-list"


@dataclass(frozen=True, slots=True)
class Call:
    """What was signed: the parameters, and the body unless it was a form."""

    parameters: Mapping[str, str]
    body: str


def sign(secret: str, parameters: Mapping[bytes, bytes], body: bytes) -> str:
    """Return the signature: 32 upper-case hex digits. A parameter `sign` is left out."""
    named = sorted((name, value) for name, value in parameters.items() if name != b"sign")
    text = b"".join(name + value for name, value in named)
    key = secret.encode()
    return hashlib.md5(key + text + body + key, usedforsecurity=False).hexdigest().upper()


def stamp(at: datetime) -> str:
    """Return an instant as the parameter `timestamp` has it."""
    return f"{at.astimezone(_ZONE):%Y-%m-%d %H:%M:%S}"


def verify(
    query: bytes, headers: Headers, raw: bytes, secrets: Sequence[str], now_s: float
) -> Call:
    """Return what one of the 1-5 *secrets* signed within 600 s of *now_s*; else `BadSignature`.

    Empty parameters may be signed or not: published receivers differ, and either needs the secret.
    """
    keys = active(secrets)
    told = list(headers)
    content_type = _only(told, b"content-type").decode("latin-1").lower()
    charset = _charset(content_type)
    is_form = content_type.partition(";")[0].strip() == _FORM
    parameters = _parameters([*_pairs(query), *_listed(told), *(_pairs(raw) if is_form else ())])
    if parameters.get(b"sign_method") != b"md5":
        raise BadSignature
    body = b"" if is_form else raw
    filled = {name: value for name, value in parameters.items() if value}
    expected = [sign(key, said, body).encode() for key in keys for said in (parameters, filled)]
    demand_match([parameters.get(b"sign", b"")], expected)
    _demand_fresh(parameters.get(b"timestamp", b""), now_s)
    return Call(
        {
            name.decode(charset, "replace"): value.decode(charset, "replace")
            for name, value in parameters.items()
            if name != b"sign"
        },
        body.decode(charset, "replace"),
    )


def _pairs(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in text.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            yield _decoded(name), _decoded(value)


def _listed(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers that are signed too, under their names as the list spells them."""
    if not any(name.lower() == _LIST for name, _ in headers):
        return
    for name in _only(headers, _LIST).split(b","):
        if name.strip():
            yield name.strip(), _decoded(only(headers, name.strip().lower()))


def _parameters(pairs: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    found = dict(pairs)
    if len(found) != len(pairs) or len(pairs) > MOST_PARAMETERS:
        raise BadSignature  # of two values one may be the signed one, and the other the read one
    return found


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _only(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the one value of a header; empty when there is none."""
    values = [value for key, value in headers if key.lower() == name]
    if len(values) > 1:
        raise BadSignature
    return values[0] if values else b""


def _charset(content_type: str) -> str:
    named = _CHARSET.search(content_type)
    found = _CHARSETS.get(named[1] if named else "utf-8")
    if found is None:
        raise BadSignature
    return found


def _demand_fresh(timestamp: bytes, now_s: float) -> None:
    spelled = timestamp.decode("latin-1")
    if not _TIME.fullmatch(spelled):
        raise BadSignature
    try:
        at = datetime.fromisoformat(spelled).replace(tzinfo=_ZONE)
    except ValueError:
        raise BadSignature from None
    if abs(now_s - at.timestamp()) > TOLERANCE_S:
        raise BadSignature
