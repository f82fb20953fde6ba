"""Who calls and what they may do: bearer tokens, scopes, and one rule for a path's shop.

A token is a JWT with the claims iss, aud, sub, shop, scopes (a list), iat, exp. Its algorithm is
pinned by our key, never chosen by the token: Ed25519 keys check EdDSA, RSA keys RS256, a shared
secret HS256 (local and tests only). Whatever is wrong with it, the answer is 401 without a reason.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import jwt
from fastapi import Path, Request

from web.problems import Forbidden, Unauthorized
from web.shop_session import SHOP_ID
from web.token_keys import KeySource

AUDIENCE = "huiliu"
ISSUER = "huiliu"
ALL_SHOPS = "*"
LONGEST_S = 3600
MAX_TOKEN_CHARS = 4096
MAX_CACHED = 10_000
SKEW_S = 30  # a token may come from a clock that is ahead of ours by so much

ShopId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", description="the shop's slug")]


@dataclass(frozen=True, slots=True)
class Principal:
    shop_id: str  # "*" for operators of the platform only
    scopes: frozenset[str]
    subject: str

    @property
    def operator(self) -> bool:
        return self.shop_id == ALL_SHOPS


class BadToken(Exception):
    """Not a token of ours, or no longer. The reason is for no one."""


class Verifier:
    """Check tokens, and remember the good ones until they expire: a signature costs 70-180 µs.

    Args:
        keys: Where the keys come from; when they change, what was remembered is forgotten.
        longest_s: How far ahead `exp` may lie; None for no bound (local).
        clock: Unix seconds.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        longest_s: int | None = LONGEST_S,
        clock: Callable[[], float] = time.time,  # a signature's age is judged by our own clock
    ) -> None:
        self._keys = keys
        self._longest_s = longest_s
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._generation = keys.generation

    def principal(self, token: str) -> Principal:
        self._keys.refresh()
        if self._generation != self._keys.generation:
            self._known.clear()
            self._generation = self._keys.generation
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() < known[0]:
            return known[1]
        self._known.pop(digest, None)
        expires_at, principal = self._check(token)
        while len(self._known) >= MAX_CACHED:
            del self._known[next(iter(self._known))]
        self._known[digest] = (expires_at, principal)
        return principal

    def _check(self, token: str) -> tuple[float, Principal]:
        if len(token) > MAX_TOKEN_CHARS:
            raise BadToken
        try:
            head = jwt.get_unverified_header(token)
            key = self._keys.find(head.get("kid"))
            if key is None or head.get("alg") != key.algorithm:
                raise BadToken
            claims = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Times are judged below: PyJWT takes an `exp` that is a string of digits.
                options={
                    "require": ["exp", "aud", "iss", "shop", "scopes"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        # Not only PyJWTError: malformed heads end in these (see the tests).
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
            raise BadToken from None
        return self._expiry(claims), _principal(claims)

    def _expiry(self, claims: Mapping[str, Any]) -> float:
        now = self._clock()
        expires_at = _instant(claims["exp"])
        if expires_at <= now:
            raise BadToken
        if self._longest_s is not None and expires_at > now + self._longest_s + SKEW_S:
            raise BadToken
        if any(_instant(claims[name]) > now + SKEW_S for name in ("nbf", "iat") if name in claims):
            raise BadToken
        return expires_at


def _instant(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken
    if not 0 < value < 1e11:
        raise BadToken
    return float(value)


def _principal(claims: Mapping[str, Any]) -> Principal:
    shop, scopes, subject = claims["shop"], claims["scopes"], claims.get("sub", "")
    if not isinstance(shop, str) or not (shop == ALL_SHOPS or SHOP_ID.fullmatch(shop)):
        raise BadToken
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise BadToken
    return Principal(shop, frozenset(scopes), subject if isinstance(subject, str) else "")


@dataclass(frozen=True)
class Guard:
    """The dependency that lets a request in. `require` makes it; `check_routes` looks for it."""

    scope: str

    async def __call__(self, request: Request) -> Principal:
        verifier: Verifier = request.app.state.verifier
        given = request.headers.getlist("authorization")
        return self.admit(verifier, given, request.path_params.get("shop_id"))

    def admit(self, verifier: Verifier, given: Sequence[str], shop_id: str | None) -> Principal:
        """Return who calls; raise `Unauthorized` or `Forbidden`.

        Args:
            verifier: Knows the tokens.
            given: All values of the header Authorization.
            shop_id: The path's shop, if it names one.
        """
        try:
            principal = verifier.principal(_bearer(given))
        except BadToken:
            challenge = 'Bearer realm="huiliu", error="invalid_token"'
            raise Unauthorized("the token is not valid", headers=_ask(challenge)) from None
        if self.scope not in principal.scopes:
            challenge = f'Bearer realm="huiliu", error="insufficient_scope", scope="{self.scope}"'
            raise Forbidden(f"the token lacks the scope {self.scope}", headers=_ask(challenge))
        if not principal.operator and principal.shop_id != shop_id:
            raise Forbidden("the token is for another shop")
        return principal


def require(scope: str) -> Guard:
    """Return the dependency that demands *scope*, and the path's `shop_id` to be the token's shop.

    An operator's token ("*") fits every shop. A path without `shop_id` is for operators only.
    """
    return Guard(scope)


def _bearer(values: Sequence[str]) -> str:
    if not values:
        raise Unauthorized("a bearer token is needed", headers=_ask('Bearer realm="huiliu"'))
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.isascii():
        raise BadToken
    return token.strip()


def _ask(challenge: str) -> dict[str, str]:
    return {"WWW-Authenticate": challenge}


def issue_local_token(
    secret: str,
    shop: str,
    scopes: Iterable[str],
    ttl_s: int = LONGEST_S,
    *,
    subject: str = "local",
) -> str:
    """Sign a token for a local stack or a test. Production has no shared secret and refuses it."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "shop": shop,
        "scopes": sorted(scopes),
        "iat": now,
        "exp": now + ttl_s,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
