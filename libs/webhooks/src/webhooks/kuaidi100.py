"""kuaidi100: MD5 over a form field and a salt. A hint, no proof: MD5 is no MAC."""

import hashlib
from collections.abc import Sequence
from urllib.parse import parse_qsl

from webhooks.signature import BadSignature, active, demand_match

MAX_FIELDS = 20


def sign(salt: str, param: str) -> str:
    """Return the form's field `sign`, as kuaidi100 computes it."""
    signed = (param + salt).encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()


def verify(form: bytes, secrets: Sequence[str]) -> str:
    """Return the field `param`, a JSON text, of a form that was signed; else raise `BadSignature`.

    Args:
        form: The body as it came, `application/x-www-form-urlencoded`. `sign` and `param` must
            come once each; a push without `sign` (a subscription without salt) is refused.
        secrets: The 1-5 salts that may be in use.
    """
    salts = active(secrets)
    try:
        fields = parse_qsl(
            form.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
        given, param = (_only(fields, name) for name in ("sign", "param"))
        demand_match([given.encode()], [sign(salt, param).encode() for salt in salts])
    except ValueError:  # not UTF-8, too many fields
        raise BadSignature from None
    return param


def _only(fields: Sequence[tuple[str, str]], name: str) -> str:
    values = [value for key, value in fields if key == name]
    if len(values) != 1:
        raise BadSignature
    return values[0]
