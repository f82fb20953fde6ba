import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fastapi import APIRouter, Depends

from integration.edge.conftest import SECRET, Bearer, Build, Call
from web.auth import BadToken, Principal, ShopId, Verifier, issue_local_token, require
from web.token_keys import KeyFile, SharedSecret

router = APIRouter()


@router.get("/v1/shops/{shop_id}/things", operation_id="things")
async def things(
    who: Annotated[Principal, Depends(require("things:read"))], shop_id: ShopId
) -> dict[str, str]:
    return {"shop": shop_id, "subject": who.subject}


@router.get("/v1/all", operation_id="everything", dependencies=[Depends(require("things:read"))])
async def everything() -> str:
    return "all"


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    common = {"iss": "huiliu", "aud": "huiliu", "shop": "tea", "scopes": ["things:read"]}
    return common | {"iat": now, "exp": now + 600} | more


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in claims().items() if key != name}


def signed(payload: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, secret, algorithm=algorithm)


def by_hand(head: object, payload: object, signature: bytes = b"") -> str:
    """A token that PyJWT would not make."""
    parts = [json.dumps(head).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


async def test_a_good_token_opens_its_shop(build: Build, call: Call, bearer: Bearer) -> None:
    async with call(build(router)) as client:
        response = await client.get("/v1/shops/tea/things", headers=bearer())

    assert (response.status_code, response.json()) == (200, {"shop": "tea", "subject": "local"})


async def test_an_operators_token_opens_every_shop_and_what_has_no_shop(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        shop = await client.get("/v1/shops/tea/things", headers=bearer("*"))
        whole = await client.get("/v1/all", headers=bearer("*"))
        other = await client.get("/v1/all", headers=bearer("tea"))

    assert (shop.status_code, whole.status_code, other.status_code) == (200, 200, 403)


async def test_a_path_of_another_shop_is_forbidden(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        for path in ("/v1/shops/silk/things", "/v1/shops/TEA/things", "/v1/shops/te%0Aa/things"):
            assert (await client.get(path, headers=bearer())).status_code == 403


async def test_a_missing_scope_is_forbidden_by_name(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        response = await client.get("/v1/shops/tea/things", headers=bearer(scopes=["x:read"]))

    assert response.status_code == 403
    assert 'error="insufficient_scope", scope="things:read"' in response.headers["www-authenticate"]


async def test_no_token_is_unauthorized(build: Build, call: Call) -> None:
    async with call(build(router)) as client:
        response = await client.get("/v1/shops/tea/things")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="huiliu"'


NONE = by_hand({"alg": "none", "typ": "JWT"}, claims())


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(f"Bearer {NONE}", id="alg none"),
        pytest.param(f"Bearer {NONE.replace('none', 'None')}", id="alg None"),
        pytest.param(f"Bearer {signed(claims(exp=int(time.time()) - 1))}", id="expired"),
        pytest.param(f"Bearer {signed(claims(exp=str(int(time.time()) + 60)))}", id="exp as text"),
        pytest.param(f"Bearer {signed(claims(exp=True))}", id="exp true"),
        pytest.param(f"Bearer {signed(claims(exp=1e300))}", id="exp huge"),
        pytest.param(f"Bearer {signed(claims(exp=time.time() + 7200))}", id="exp over an hour"),
        pytest.param(f"Bearer {signed(claims(iat=time.time() + 86_400))}", id="from the future"),
        pytest.param(f"Bearer {signed(claims(nbf=time.time() + 86_400))}", id="not yet"),
        pytest.param(f"Bearer {signed(claims(aud='else'))}", id="for another audience"),
        pytest.param(f"Bearer {signed(claims(iss='else'))}", id="by another issuer"),
        *(
            pytest.param(f"Bearer {signed(without(name))}", id=f"no {name}")
            for name in ("exp", "aud", "iss", "shop", "scopes")
        ),
        pytest.param(f"Bearer {signed(claims(shop=7))}", id="shop a number"),
        pytest.param(f"Bearer {signed(claims(shop=''))}", id="shop empty"),
        pytest.param(f"Bearer {signed(claims(shop='a b'))}", id="shop no slug"),
        pytest.param(f"Bearer {signed(claims(scopes='things:read'))}", id="scopes a text"),
        pytest.param(f"Bearer {signed(claims(scopes=[1]))}", id="scopes numbers"),
        pytest.param(f"Bearer {signed(claims(), 'f' * 32)}", id="another secret"),
        pytest.param(f"Bearer {signed(claims(), SECRET * 2, 'HS512')}", id="another algorithm"),
        pytest.param(f"Bearer {signed(claims())[:-2]}", id="cut"),
        pytest.param(f"Bearer {by_hand([], claims())}", id="head a list"),
        pytest.param(f"Bearer {by_hand({'alg': ['HS256']}, claims())}", id="alg a list"),
        pytest.param(f"Bearer {by_hand({'alg': 'HS256'}, [1])}", id="claims a list"),
        pytest.param(f"Bearer {by_hand({'alg': 'HS256', 'kid': 7}, {})}", id="kid a number"),
        pytest.param("Bearer " + "[" * 3000, id="brackets"),
        pytest.param("Bearer " + "x" * 9000, id="long"),
        pytest.param("Bearer ünïcode", id="not ascii"),
        pytest.param("Bearer", id="empty"),
        pytest.param("Bearer a.b.c", id="no base64"),
        pytest.param(f"Basic {signed(claims())}", id="basic"),
    ],
)
async def test_a_token_that_is_not_ours_is_unauthorized_without_a_reason(
    build: Build, call: Call, authorization: str
) -> None:
    async with call(build(router)) as client:
        headers = [(b"Authorization", authorization.encode("latin-1"))]
        response = await client.get("/v1/shops/tea/things", headers=headers)

    assert response.status_code == 401
    assert response.json()["detail"] == "the token is not valid"


async def test_two_authorization_headers_are_unauthorized(
    build: Build, call: Call, bearer: Bearer
) -> None:
    async with call(build(router)) as client:
        twice = list(bearer().items()) * 2
        response = await client.get("/v1/shops/tea/things", headers=twice)

    assert response.status_code == 401


def test_a_token_is_remembered_until_it_expires() -> None:
    now = [time.time()]
    verifier = Verifier(SharedSecret(SECRET), clock=lambda: now[0])
    token = issue_local_token(SECRET, "tea", ["a:read"], ttl_s=60)

    first = verifier.principal(token)
    assert verifier.principal(token) is first

    now[0] += 61
    with pytest.raises(BadToken):
        verifier.principal(token)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.auth.MAX_CACHED", 2)
    verifier = Verifier(SharedSecret(SECRET))
    tokens = [issue_local_token(SECRET, f"shop-{n}", []) for n in range(5)]
    shops = [verifier.principal(token).shop_id for token in tokens + tokens]

    assert shops == [f"shop-{n}" for n in range(5)] * 2


def jwk(key: Ed25519PrivateKey | RSAPrivateKey, kid: str) -> dict[str, Any]:
    algorithm: Any = jwt.algorithms.OKPAlgorithm
    if isinstance(key, RSAPrivateKey):
        algorithm = jwt.algorithms.RSAAlgorithm
    return dict(algorithm.to_jwk(key.public_key(), as_dict=True)) | {"kid": kid, "use": "sig"}


def write(path: Path, *keys: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"keys": keys}))
    return path


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def test_each_key_checks_its_own_algorithm_only(tmp_path: Path, rsa: RSAPrivateKey) -> None:
    edwards = Ed25519PrivateKey.generate()
    file = write(tmp_path / "keys.json", jwk(edwards, "ed"), jwk(rsa, "rsa"))
    verifier = Verifier(KeyFile(file))

    good = [
        jwt.encode(claims(), edwards, algorithm="EdDSA", headers={"kid": "ed"}),
        jwt.encode(claims(), rsa, algorithm="RS256", headers={"kid": "rsa"}),
    ]
    assert [verifier.principal(token).shop_id for token in good] == ["tea", "tea"]

    bad = [
        jwt.encode(claims(), edwards, algorithm="EdDSA"),
        jwt.encode(claims(), edwards, algorithm="EdDSA", headers={"kid": "rsa"}),
        jwt.encode(claims(), edwards, algorithm="EdDSA", headers={"kid": "gone"}),
        jwt.encode(claims(), rsa, algorithm="PS256", headers={"kid": "rsa"}),
        jwt.encode(claims(), "n" * 64, algorithm="HS256", headers={"kid": "rsa"}),
    ]
    for token in bad:
        with pytest.raises(BadToken):
            verifier.principal(token)


def test_keys_rotate_while_the_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.token_keys.LOOK_AGAIN_S", 0.0)
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    file = write(tmp_path / "keys.json", jwk(old, "old"))
    verifier = Verifier(KeyFile(file))
    by_old = jwt.encode(claims(), old, algorithm="EdDSA", headers={"kid": "old"})
    by_new = jwt.encode(claims(), new, algorithm="EdDSA", headers={"kid": "new"})
    verifier.principal(by_old)
    with pytest.raises(BadToken):
        verifier.principal(by_new)

    write(file, jwk(old, "old"), jwk(new, "new"))
    verifier.principal(by_old)
    verifier.principal(by_new)

    file.write_text("{ torn")
    verifier.principal(by_new)

    write(file, jwk(new, "new"))
    verifier.principal(by_new)
    with pytest.raises(BadToken):
        verifier.principal(by_old)


SMALL: Callable[[], dict[str, Any]] = lambda: jwk(generate_private_key(65537, 1024), "a")  # noqa: E731,S505 - weak on purpose


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("[", "is not a JWKS"),
        ("[]", "is not a JWKS"),
        ('{"keys": [1]}', "is not a JWKS"),
        ('{"keys": []}', "holds no key"),
        ('{"keys": [{"kty": "RSA"}]}', "needs a kid"),
        ('{"keys": [{"kid": "a", "kty": "oct", "k": "AAAA"}]}', "only Ed25519 and RSA"),
        ('{"keys": [{"kid": "a", "kty": "EC", "crv": "P-256"}]}', "only Ed25519 and RSA"),
        ('{"keys": [{"kid": "a", "kty": "RSA", "d": "AAAA"}]}', "private key"),
        ('{"keys": [{"kid": "a", "kty": "RSA", "use": "enc"}]}', "not for signatures"),
        ('{"keys": [{"kid": "a", "kty": "RSA", "alg": "HS256"}]}', "alg must be RS256"),
        ('{"keys": [{"kid": "a", "kty": "RSA", "n": "", "e": ""}]}', "cannot be read"),
        (json.dumps({"keys": [SMALL()]}), "RSA keys need 2048 bits"),
    ],
)
def test_a_key_file_that_is_not_safe_is_refused(tmp_path: Path, document: str, why: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(document)
    with pytest.raises(ValueError, match=why):
        KeyFile(file)
