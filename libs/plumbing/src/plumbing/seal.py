"""Encryption at rest, and equality of what is encrypted.

A sealed value is bound to its *context* (table, column, key), so that it cannot be moved to
another row. Keys rotate: the first seals, all open.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEAD: Final = 1 + _ID_BYTES + _NONCE_BYTES


class BadSeal(ValueError):
    """Not sealed by one of our keys for this context, or altered since."""


class Sealer:
    """AES-256-GCM under the newest key; HMAC-SHA256 for the blind index."""

    def __init__(self, key: bytes, *, older: Sequence[bytes] = ()) -> None:
        """Take the key that seals.

        Args:
            key: 32 bytes.
            older: Keys that only open. The blind index is of the oldest, since a new one would
                find nothing that was stored before.
        """
        keys = [key, *older]
        if any(len(one) != KEY_BYTES for one in keys):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._ciphers = {_key_id(one): AESGCM(_derived(one, b"seal")) for one in keys}
        self._newest = _key_id(key)
        self._index_key = _derived(keys[-1], b"blind-index")

    def seal(self, plain: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._newest + nonce
        return head + self._ciphers[self._newest].encrypt(nonce, plain, context)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            BadSeal: Unknown key or version, another context, or altered bytes.
        """
        cipher = self._ciphers.get(sealed[1 : 1 + _ID_BYTES])
        if cipher is None or sealed[:1] != _VERSION or len(sealed) < _HEAD:
            raise BadSeal("sealed by an unknown key")
        try:
            return cipher.decrypt(sealed[1 + _ID_BYTES : _HEAD], sealed[_HEAD:], context)
        except InvalidTag:
            raise BadSeal("altered, or of another context") from None

    def blind_index(self, text: str) -> bytes:
        """Return 32 bytes that are equal for equal texts and tell nothing else to who has no key.

        Normalise before: two spellings of a number are two indexes.
        """
        return hmac.digest(self._index_key, text.encode(), "sha256")


def data_key(base64_text: str) -> bytes:
    """Return the key that a setting holds in base64.

    Raises:
        ValueError: It is not base64 of exactly 32 bytes.
    """
    try:
        key = base64.b64decode(base64_text, validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64")
    return key


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"huiliu/" + purpose, "sha256")


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"huiliu/key-id" + key).digest()[:_ID_BYTES]
