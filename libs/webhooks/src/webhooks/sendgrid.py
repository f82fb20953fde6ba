"""SendGrid's event webhook: ECDSA on P-256 with SHA-256, over the time and the body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from webhooks.signature import BadSignature, Headers, active, from_base64, only

HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIME_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

_NAME = HEADER.lower().encode()
_TIME_NAME = TIME_HEADER.lower().encode()
_TIME = re.compile(rb"[0-9]{1,15}")


@lru_cache(maxsize=64)
def key_of(text: str) -> EllipticCurvePublicKey:
    """Return the public key that SendGrid shows: base64 of its SPKI.

    Raises:
        ValueError: It is no key, or not of P-256.
    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise ValueError("a verification key must be base64, as SendGrid shows it") from None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("a verification key must be of the curve P-256")


def verify(raw: bytes, headers: Headers, keys: Sequence[str]) -> None:
    """Return when the owner of one of the 1-5 public *keys* signed *raw*; else `BadSignature`.

    How old it is says nothing: what failed comes again for a day, and each event has an id.
    """
    known = [key_of(key) for key in active(keys)]
    told = list(headers)
    time, given = only(told, _TIME_NAME), from_base64(only(told, _NAME))
    if not _TIME.fullmatch(time) or not any(_signed(key, given, time + raw) for key in known):
        raise BadSignature


def _signed(key: EllipticCurvePublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
