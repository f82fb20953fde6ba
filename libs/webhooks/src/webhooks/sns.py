"""AWS SNS: RSA with SHA-256 over some fields of the message, by a certificate that it names.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Only version 2;
version 1 is SHA-1. To fetch the certificate is its caller's, by TLS: what is there need not hold
its chain, so the chain of the host that it came from is the one that is checked.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

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
# Of all regions, or of one: sns.amazonaws.com, sns-signing.me-central-1.amazonaws.com ...
_OWNER = re.compile(r"sns(?:[.-][a-z0-9]+)*\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of one of SNS's keys; good before *ends_at*."""

    key: RSAPublicKey
    ends_at: datetime


def certificate_url(message: Mapping[str, Any], topics: Container[str]) -> str:
    """Return where the certificate of a message of one of our *topics* is.

    The address is part of what anybody may send: it must be SNS's own, of the topic's region.

    Raises:
        BadSignature: Another's topic, or another address.
    """
    topic, url = _text(message, "TopicArn"), _text(message, "SigningCertURL")
    if topic not in topics:
        raise BadSignature
    if not re.fullmatch(f"https://{re.escape(_host(topic))}{_PATH}", url, re.ASCII):
        raise BadSignature
    return url


def confirmation_url(message: Mapping[str, Any]) -> str:
    """Return what to GET to confirm the subscription that *message*, verified before, offers.

    It is made of topic and token alone: the address that a message names is never opened.
    """
    topic, token = _text(message, "TopicArn"), _text(message, "Token")
    asked = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token})
    return f"https://{_host(topic)}/?{asked}"


def check_topic(topic: str) -> str:
    """Return *topic*; ValueError when it is no ARN of an SNS topic."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError("a topic is expected, as arn:aws:sns:eu-west-1:111122223333:name")
    return topic


def certificate(pem: bytes, now: datetime) -> Certificate:
    """Return the certificate that *pem* is; `BadSignature` unless it is one of SNS, good *now*."""
    try:
        found = x509.load_pem_x509_certificate(pem)
        key = found.public_key()
        names = [
            str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature from None
    if not isinstance(key, RSAPublicKey) or not any(map(_OWNER.fullmatch, names)):
        raise BadSignature
    if not found.not_valid_before_utc <= now < found.not_valid_after_utc:
        raise BadSignature
    return Certificate(key, found.not_valid_after_utc)


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


def _host(topic: str) -> str:
    """Return SNS's own host of the region of *topic*."""
    named = _TOPIC.fullmatch(topic)
    if named is None:
        raise BadSignature
    return f"sns.{named[2]}.amazonaws.com{'.cn' if named[1] == '-cn' else ''}"


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
