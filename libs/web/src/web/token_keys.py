"""The keys that check tokens: a shared secret, or a JWKS file, read again when it changes."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MIN_RSA_BITS = 2048
LOOK_AGAIN_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    algorithm: Literal["EdDSA", "RS256", "HS256"]
    material: Any  # what PyJWT takes for the algorithm


class KeySource(Protocol):
    generation: int  # moves when the keys do

    def refresh(self) -> None: ...
    def find(self, kid: object) -> Key | None: ...


class SharedSecret:
    def __init__(self, secret: str) -> None:
        self.generation = 0
        self._key = Key("HS256", secret)

    def refresh(self) -> None:
        """Nothing to do: a secret lives as long as the process."""

    def find(self, kid: object) -> Key | None:  # noqa: ARG002 - there is but one key
        return self._key


class KeyFile:
    """Public keys by `kid`. To rotate, add the new key, sign with it, then take the old one out.

    A file that turns unreadable later leaves the keys as they are and is logged.
    """

    def __init__(self, path: Path) -> None:
        self.generation = 0
        self._path = path
        self._seen = self._stamp()
        self._keys = parse_jwks(path.read_bytes())
        self._look_at = time.monotonic() + LOOK_AGAIN_S

    def refresh(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_AGAIN_S
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._keys = parse_jwks(self._path.read_bytes())
        except (OSError, ValueError) as error:
            log.error(  # noqa: TRY400 - the text of a parser may quote the file
                "token keys not read again", extra={"error": type(error).__name__}
            )
            return
        self._seen = stamp
        self.generation += 1
        log.info("token keys read again", extra={"keys": len(self._keys)})

    def find(self, kid: object) -> Key | None:
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _stamp(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino


def parse_jwks(raw: bytes) -> dict[str, Key]:
    """Read a JWKS of Ed25519 and RSA public keys, each with a `kid`; ValueError names the fault."""
    try:
        document = json.loads(raw)
        entries = [dict(entry) for entry in document["keys"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError('is not a JWKS: {"keys": [...]}') from None
    keys: dict[str, Key] = {}
    for number, entry in enumerate(entries):
        kid = entry.get("kid")
        if not isinstance(kid, str) or not kid or kid in keys:
            raise ValueError(f"key {number}: each key needs a kid of its own")
        keys[kid] = _key(number, entry)
    if not keys:
        raise ValueError("holds no key")
    return keys


def _key(number: int, entry: Mapping[str, Any]) -> Key:
    if "d" in entry:
        raise ValueError(f"key {number}: is a private key; only public keys belong here")
    if entry.get("use", "sig") != "sig":
        raise ValueError(f"key {number}: is not for signatures (use)")
    algorithm: Literal["EdDSA", "RS256"]
    match entry.get("kty"), entry.get("crv"):
        case "OKP", "Ed25519":
            algorithm = "EdDSA"
        case "RSA", _:
            algorithm = "RS256"
        case _:
            raise ValueError(f"key {number}: only Ed25519 and RSA keys are taken")
    if entry.get("alg", algorithm) != algorithm:
        raise ValueError(f"key {number}: alg must be {algorithm}")
    try:
        material = jwt.PyJWK(dict(entry), algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise ValueError(f"key {number}: cannot be read") from None
    if isinstance(material, RSAPublicKey) and material.key_size < MIN_RSA_BITS:
        raise ValueError(f"key {number}: RSA keys need {MIN_RSA_BITS} bits")
    return Key(algorithm, material)
