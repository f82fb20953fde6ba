"""Standard Webhooks: against published vectors, and against what forgers try."""

import base64
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.bits import demand_every_bit
from webhooks import BadSignature, Headers, standard

# Published with the reference implementations of standard-webhooks (MIT).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MSG_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
NOW_S = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
STRANGE = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

OTHER = "whsec_" + base64.b64encode(b"k" * 24).decode()


def headers(**changes: str | None) -> list[tuple[bytes, bytes]]:
    given: dict[str, str | None] = {
        "id": MSG_ID,
        "timestamp": str(NOW_S),
        "signature": SIGNATURE,
        **changes,
    }
    return [
        (b"Webhook-" + name.encode(), value.encode())
        for name, value in given.items()
        if value is not None
    ]


def test_the_published_signature_is_ours() -> None:
    assert standard.sign(SECRET, MSG_ID, NOW_S, BODY) == SIGNATURE


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE,
        f"{STRANGE} {STRANGE.replace('v1', 'v2')} {SIGNATURE} {STRANGE}",
        f"v1a,xyz  nonsense {SIGNATURE}",
    ],
)
def test_one_signature_of_several_is_enough(signature: str) -> None:
    assert standard.verify(BODY, headers(signature=signature), [OTHER, SECRET], NOW_S) == MSG_ID


@pytest.mark.parametrize("drift_s", [-300, 300, 299.9])
def test_the_signed_time_may_be_five_minutes_off(drift_s: float) -> None:
    standard.verify(BODY, headers(), [SECRET], NOW_S + drift_s)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(headers(id=None), id="no id"),
        pytest.param(headers(timestamp=None), id="no time"),
        pytest.param(headers(signature=None), id="no signature"),
        pytest.param(headers() + headers()[:1], id="the id doubled"),
        pytest.param(headers() + headers()[1:2], id="the time doubled"),
        pytest.param(headers() + headers()[2:], id="the signature doubled"),
        pytest.param(headers(timestamp="hello"), id="the time a word"),
        pytest.param(headers(timestamp="１６１４２６５３３０"), id="full-width digits"),
        pytest.param(headers(timestamp="16142653_30"), id="underscores"),
        pytest.param(headers(timestamp=f" {NOW_S}"), id="a space before the time"),
        pytest.param(headers(timestamp=f"{NOW_S}\n"), id="a line end after the time"),
        pytest.param(headers(id="msg.1"), id="a dot in the id"),
        pytest.param(headers(id=""), id="an empty id"),
        pytest.param(headers(signature=""), id="an empty signature"),
        pytest.param(headers(signature=STRANGE), id="another's signature"),
        # The last character before "=" differs, the bytes that base64 decodes to do not.
        pytest.param(headers(signature=SIGNATURE.replace("OE=", "OF=")), id="a lax base64"),
        pytest.param(headers(signature=SIGNATURE.replace("OE=", "OA=")), id="published negative"),
        pytest.param(headers(signature=SIGNATURE.removeprefix("v1,")), id="no version"),
        pytest.param(headers(signature=SIGNATURE.replace("v1", "v2")), id="another version"),
        pytest.param(headers(signature="é" + SIGNATURE), id="not ASCII"),
        pytest.param(headers(signature=" ".join([STRANGE] * 20 + [SIGNATURE])), id="too many"),
    ],
)
def test_a_request_that_is_not_signed_so_is_refused(given: Headers) -> None:
    with pytest.raises(BadSignature):
        standard.verify(BODY, given, [SECRET], NOW_S)


@pytest.mark.parametrize("now_s", [NOW_S + 301, NOW_S - 301, NOW_S + 10**6])
def test_an_old_or_future_signature_is_refused(now_s: int) -> None:
    with pytest.raises(BadSignature):
        standard.verify(BODY, headers(), [SECRET], now_s)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        " " + SECRET,
        SECRET + "\n",
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        "whsec_MfKQ9r8G KYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_é" + "A" * 31,
        # 25 bytes end in "==": of the character before, four bits must be zero.
        "whsec_" + base64.b64encode(b"k" * 25).decode().replace("w==", "x=="),
    ],
)
def test_a_secret_that_is_not_fit_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        standard.key_of(secret)


def test_an_id_that_no_receiver_takes_is_not_sent() -> None:
    with pytest.raises(ValueError, match="webhook id"):
        standard.sign(SECRET, "a.b", NOW_S, BODY)


# Of the seed of bytes 0 to 31; the message is that of the id, the time and the body below.
PUBLIC_KEY = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
PUBLIC_MAC = (
    b"v1a,VZoHZduBfqQNIaIxdATLJYpi+H1XrASgq71oG46ZA+HFzSKYDR1OTDSYlLp+EDFiejOpb7dRl8HnSlD54b25Cw=="
)
PUBLIC_BODY = b'{"type":"order.paid","order_id":"A-1"}'


def public_accepts(body: bytes, mac: bytes) -> None:
    heads = [
        (b"webhook-id", b"msg_2kQ"),
        (b"webhook-timestamp", b"1767578400"),
        (b"webhook-signature", mac),
    ]
    standard.verify(body, heads, [SECRET, PUBLIC_KEY], 1767578400)


def test_a_public_key_verifies_beside_a_secret_and_among_other_versions() -> None:
    public_accepts(PUBLIC_BODY, b"v1a,AAAA v1a,no v9,x " + PUBLIC_MAC)
    for version in (b"v1", b"v1b", b""):
        with pytest.raises(BadSignature):
            public_accepts(PUBLIC_BODY, version + PUBLIC_MAC.removeprefix(b"v1a"))


@pytest.mark.parametrize("key", ["whpk_", "whpk_AAAA", PUBLIC_KEY[:-1], PUBLIC_KEY + " ", "whpk_é"])
def test_what_is_no_public_key_is_named(key: str) -> None:
    with pytest.raises(ValueError, match="a public key must be"):
        standard.check_key(key)
    assert standard.check_key(PUBLIC_KEY) == PUBLIC_KEY
    assert standard.check_key(SECRET) == SECRET


def standard_accepts(body: bytes, mac: bytes) -> None:
    given = [*headers(signature=None), (b"webhook-signature", mac)]
    standard.verify(body, given, [SECRET], NOW_S)


@pytest.mark.parametrize(
    ("accepts", "body", "mac"),
    [
        pytest.param(standard_accepts, BODY, SIGNATURE.encode(), id="secret"),
        pytest.param(public_accepts, PUBLIC_BODY, PUBLIC_MAC, id="public key"),
    ],
)
def test_every_changed_bit_is_noticed(
    accepts: Callable[[bytes, bytes], None], body: bytes, mac: bytes
) -> None:
    demand_every_bit(accepts, body, mac)


@given(st.binary(max_size=64), st.text("abc_-019", min_size=1), st.integers(10**9, 10**10 - 1))
def test_what_we_sign_is_accepted(body: bytes, msg_id: str, at_s: int) -> None:
    signature = standard.sign(OTHER, msg_id, at_s, body)
    given = headers(id=msg_id, timestamp=str(at_s), signature=signature)

    assert standard.verify(body, given, [SECRET, OTHER], at_s) == msg_id
    key = hmac.digest(b"k" * 24, f"{msg_id}.{at_s}.".encode() + body, "sha256")
    assert signature == "v1," + base64.b64encode(key).decode()
