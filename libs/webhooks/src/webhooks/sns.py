"""AWS SNS: RSA with SHA-256 over some fields of the message, by a certificate that it names.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Only version 2;
version 1 is SHA-1. To fetch the certificate, and to judge its chain and dates, is its caller's.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from webhooks.signature import BadSignature, from_base64

VERSION = "2"

_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMED,
    "UnsubscribeConfirmation": _CONFIRMED,
}
_TOPIC = re.compile(r"arn:aws(-cn|-us-gov)?:sns:([a-z0-9-]{1,40}):[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_PATH = r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem"


def certificate_url(message: Mapping[str, Any], topics: Container[str]) -> str:
    """Return where the certificate of a message of one of our *topics* is.

    The address is part of what anybody may send: it must be SNS's own, of the topic's region.

    Raises:
        BadSignature: Another's topic, or another address.
    """
    topic, url = _text(message, "TopicArn"), _text(message, "SigningCertURL")
    named = _TOPIC.fullmatch(topic)
    if named is None or topic not in topics:
        raise BadSignature
    end = ".cn" if named[1] == "-cn" else ""
    host = re.escape(f"sns.{named[2]}.amazonaws.com{end}")
    if not re.fullmatch(f"https://{host}{_PATH}", url, re.ASCII):
        raise BadSignature
    return url


def verify(message: Mapping[str, Any], key: RSAPublicKey) -> None:
    """Return when *key*, that of the certificate, signed *message*; else `BadSignature`.

    Args:
        message: The body, strictly parsed.
        key: Of the certificate at `certificate_url`.
    """
    if message.get("SignatureVersion") != VERSION:
        raise BadSignature
    given = from_base64(_bytes(_text(message, "Signature")))
    try:
        key.verify(given, signed_text(message), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise BadSignature from None


def signed_text(message: Mapping[str, Any]) -> bytes:
    """Return what is signed of *message*: names and values, a line each; else `BadSignature`."""
    lines = []
    for name in _SIGNED.get(_text(message, "Type"), ()):
        if name == "Subject" and message.get(name) is None:
            continue
        lines += [name, _text(message, name)]
    if not lines:
        raise BadSignature
    return _bytes("".join(f"{line}\n" for line in lines))


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise BadSignature
    return value


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadSignature from None
