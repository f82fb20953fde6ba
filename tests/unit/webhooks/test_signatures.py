"""Against published vectors, and against what forgers try."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.bits import demand_every_bit, flipped
from webhooks import (
    BadSignature,
    Headers,
    check_secret,
    described,
    doudian,
    douyin,
    kuaidi100,
    shopify,
    standard,
    stripe,
    woocommerce,
    youzan,
)
from webhooks.described import Description, Part

STANDARD = "whsec_" + base64.b64encode(b"k" * 24).decode()


@pytest.mark.parametrize("secret", ["", " ", " a", "a\n", "\u3000a"])
def test_a_blank_or_badly_pasted_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        check_secret(secret)
    with pytest.raises(ValueError, match="secret"):
        shopify.verify(b"", [], ["good", secret])


@pytest.mark.parametrize("secrets", [[], ["a"] * 6])
def test_there_are_one_to_five_secrets(secrets: list[str]) -> None:
    for verify in (
        lambda: shopify.verify(b"", [], secrets),
        lambda: woocommerce.verify(b"", [], secrets),
        lambda: stripe.verify(b"", [], secrets, 0),
        lambda: described.verify(TIMED, b"", [], secrets, 0),
        lambda: youzan.verify_body(b"", [], "yz01", secrets),
        lambda: youzan.verify_message(b"", "yz01", secrets),
        lambda: doudian.verify(b"", [], "3409", secrets),
        lambda: douyin.verify(b"", [], secrets),
        lambda: kuaidi100.verify(b"", secrets),
        lambda: standard.verify(b"", [], secrets, 0),
    ):
        with pytest.raises(ValueError, match="1 to 5 secrets"):
            verify()


def shopify_headers(value: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"x-shopify-topic", b"orders/paid"), (b"x-shopify-hmac-sha256", value)]


# RFC 4231, test case 2: HMAC-SHA256 of this text with the key "Jefe".
RFC_BODY = b"what do ya want for nothing?"
RFC_MAC = base64.b64encode(
    bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
)


def test_shopify_signs_the_body_with_any_active_secret() -> None:
    shopify.verify(RFC_BODY, shopify_headers(RFC_MAC), ["new", "Jefe"])


@pytest.mark.parametrize(
    "given",
    [
        [],
        shopify_headers(RFC_MAC) * 2,
        shopify_headers(b""),
        shopify_headers(RFC_MAC + b"\n"),
        shopify_headers(RFC_MAC.lower()),
        shopify_headers(RFC_MAC.rstrip(b"=")),
        shopify_headers("é".encode()),
    ],
)
def test_shopify_without_its_one_good_header_is_refused(given: Headers) -> None:
    with pytest.raises(BadSignature):
        shopify.verify(RFC_BODY, given, ["Jefe"])


def woocommerce_headers(value: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"x-wc-webhook-topic", b"order.created"), (b"x-wc-webhook-signature", value)]


def test_woocommerce_signs_the_body_as_it_came_with_any_active_secret() -> None:
    woocommerce.verify(RFC_BODY, woocommerce_headers(RFC_MAC), ["new", "Jefe"])
    # PHP escapes slashes; a body that was parsed and written anew is another one.
    raw = rb'{"customer_user_agent":"mozilla\/5.0"}'
    signed = woocommerce_headers(woocommerce.sign("Jefe", raw).encode())
    woocommerce.verify(raw, signed, ["Jefe"])
    with pytest.raises(BadSignature):
        woocommerce.verify(raw.replace(b"\\/", b"/"), signed, ["Jefe"])


@pytest.mark.parametrize(
    "given",
    [
        [],
        woocommerce_headers(RFC_MAC) * 2,
        woocommerce_headers(b""),
        woocommerce_headers(RFC_MAC.rstrip(b"=")),
        woocommerce_headers("é".encode()),
        shopify_headers(RFC_MAC),
    ],
)
def test_woocommerce_without_its_one_good_header_is_refused(given: Headers) -> None:
    with pytest.raises(BadSignature):
        woocommerce.verify(RFC_BODY, given, ["Jefe"])


@pytest.mark.parametrize("secret", ["a&amp;b", "a b", "käse", "", " a"])
def test_a_secret_that_woocommerce_would_change_is_refused(secret: str) -> None:
    assert woocommerce.check("aB3") == "aB3"
    with pytest.raises(ValueError, match="secret"):
        woocommerce.check(secret)


def test_the_greeting_of_woocommerce_is_just_that() -> None:
    assert woocommerce.is_ping(b"webhook_id=7", [])
    for raw in (b"", b"webhook_id=", b"webhook_id=7&a=1", b"webhook_id=7\n", b'{"webhook_id":7}'):
        assert not woocommerce.is_ping(raw, [])
    assert not woocommerce.is_ping(b"webhook_id=7", woocommerce_headers(b""))


# From openssl: HMAC-SHA256 of "1767578400." and the body, with the key "whsec_demo".
STRIPE_BODY = b'{"id":"evt_1","type":"order.paid"}'
STRIPE_MAC = b"eb02ef83b4bb792c185b94829a4cf583f21243be98509054760ec06161c132b5"
STRIPE_NOW_S = 1767578400


def stripe_headers(value: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"Stripe-Signature", value)]


@pytest.mark.parametrize("drift_s", [-300, 0, 300])
def test_stripe_signs_time_and_body(drift_s: int) -> None:
    value = f"t=1767578400,v1={STRIPE_MAC.decode()}"
    assert stripe.sign("whsec_demo", STRIPE_NOW_S, STRIPE_BODY) == value
    for one in (value, f"{value},v0=abc", value.replace(",", ",v1=abc,")):
        stripe.verify(
            STRIPE_BODY,
            stripe_headers(one.encode()),
            ["new", "whsec_demo"],
            STRIPE_NOW_S + drift_s,
        )


@pytest.mark.parametrize(
    "value",
    [
        b"",
        STRIPE_MAC,
        b"v1=" + STRIPE_MAC,
        b"t=1767578400",
        b"t=1767578400,t=1767578400,v1=" + STRIPE_MAC,
        b"t=1767578401,v1=" + STRIPE_MAC,
        b"t=1767578000,v1=" + STRIPE_MAC,
        b"t= 1767578400,v1=" + STRIPE_MAC,
        b"t=1767578400,v0=" + STRIPE_MAC,
        b"t=1767578400,v1=" + STRIPE_MAC.upper(),
        b"t=1767578400,v1=" + STRIPE_MAC + b",x" * 20,
        "é".encode(),
    ],
)
def test_stripe_without_one_time_and_one_good_signature_is_refused(value: bytes) -> None:
    with pytest.raises(BadSignature):
        stripe.verify(STRIPE_BODY, stripe_headers(value), ["whsec_demo"], STRIPE_NOW_S)


# From md5sum: the client id "yz01", the text, the secret "s3cr".
YOUZAN_BODY = (
    b'{"client_id":"yz01","id":"E1","kdt_id":7,"msg":"%7B%22tid%22%3A%22E1%22%7D",'
    b'"type":"trade_TradeClose","version":1767578400}'
)
YOUZAN_MAC = b"5632b6c91b360357c3f4880c237b8577"
YOUZAN_MSG = "%7B%22tid%22%3A%22E1%22%7D"
YOUZAN_MSG_MAC = "c36e21e5e919075ccfc8190cb98105ed"


def youzan_accepts(body: bytes, mac: bytes) -> None:
    youzan.verify_body(body, [(b"event-sign", mac)], "yz01", ["new", "s3cr"])


def test_youzan_signs_all_of_a_body_or_its_message() -> None:
    youzan_accepts(YOUZAN_BODY, YOUZAN_MAC)
    body = json.dumps({"msg": YOUZAN_MSG, "sign": YOUZAN_MSG_MAC, "type": "anything"}).encode()
    assert youzan.verify_message(body, "yz01", ["new", "s3cr"]) == b'{"tid":"E1"}'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        json.dumps({"msg": YOUZAN_MSG}).encode(),
        json.dumps({"msg": 1, "sign": YOUZAN_MSG_MAC}).encode(),
        json.dumps({"msg": YOUZAN_MSG, "sign": 1}).encode(),
        json.dumps({"msg": YOUZAN_MSG, "sign": "é"}).encode(),
        json.dumps({"msg": YOUZAN_MSG + "+", "sign": YOUZAN_MSG_MAC}).encode(),
        json.dumps({"msg": "%FF", "sign": youzan.sign("yz01", "s3cr", b"%FF")}).encode(),
    ],
)
def test_a_youzan_message_that_is_not_signed_text_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        youzan.verify_message(raw, "yz01", ["s3cr"])


def test_a_blank_in_a_youzan_message_has_two_spellings() -> None:
    assert youzan.decoded("a+b%20c%2Bd") == b"a b c+d"


DOUDIAN_BODY = b'[{"tag":"0","msg_id":"0","data":"{}"}]'
DOUDIAN_MAC = b"87f20f1b511c07631b3c5784fe8686d7"  # md5 of 3409, the body and "ddsecret"


def doudian_accepts(body: bytes, mac: bytes, *more: tuple[bytes, bytes]) -> None:
    heads = [(b"Event-Sign", mac), (b"App-Id", b"3409"), *more]
    doudian.verify(body, heads, "3409", ["new", "ddsecret"])


def test_doudian_signs_the_body_between_its_key_and_its_secret() -> None:
    doudian_accepts(DOUDIAN_BODY, DOUDIAN_MAC)
    doudian_accepts(DOUDIAN_BODY, DOUDIAN_MAC, (b"sign-method", b"MD5"))


@pytest.mark.parametrize(
    "more", [(b"sign-method", b"hmac-sha256"), (b"event-sign", DOUDIAN_MAC), (b"app-id", b"3409")]
)
def test_doudian_in_another_way_or_twice_is_refused(more: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadSignature):
        doudian_accepts(DOUDIAN_BODY, DOUDIAN_MAC, more)


@pytest.mark.parametrize("app", [b"", b"3408", b"\xff"])
def test_doudian_of_another_app_is_refused(app: bytes) -> None:
    with pytest.raises(BadSignature):
        doudian.verify(
            DOUDIAN_BODY, [(b"event-sign", DOUDIAN_MAC), (b"app-id", app)], "3409", ["ddsecret"]
        )


DOUYIN_BODY = b'{"event":"verify_webhook","client_key":"dk1","content":{"challenge":24680}}'
DOUYIN_MAC = b"cb9a9cd66c169361d032ddfb549b693bd6de991f"  # sha1 of "dysecret" and the body


def douyin_accepts(body: bytes, mac: bytes) -> None:
    douyin.verify(body, [(b"x-douyin-signature", mac)], ["new", "dysecret"])


def test_douyin_signs_the_body_behind_its_secret() -> None:
    douyin_accepts(DOUYIN_BODY, DOUYIN_MAC)
    for heads in ([], [(b"x-douyin-signature", DOUYIN_MAC)] * 2, [(b"x-douyin-signature", b"")]):
        with pytest.raises(BadSignature):
            douyin.verify(DOUYIN_BODY, heads, ["dysecret"])


def described_as(**changes: Any) -> Description:
    plain: dict[str, Any] = {
        "header": "X-Sig",
        "prefix": "",
        "algorithm": "sha256",
        "encoding": "base64",
        "signed": (Part("body"),),
    }
    return Description(**{**plain, **changes})


TIMED = described_as(
    prefix="sha512=",
    algorithm="sha512",
    encoding="hex",
    signed=(Part("header", "X-Time"), Part("text", "."), Part("body")),
    time_header="X-Time",
)


def test_a_described_scheme_signs_what_it_says() -> None:
    how = described_as()
    described.verify(how, RFC_BODY, [(b"x-sig", RFC_MAC)], ["new", "Jefe"], 0)
    with pytest.raises(BadSignature):
        described.verify(how, RFC_BODY, [(b"x-sig", RFC_MAC)] * 2, ["Jefe"], 0)
    with pytest.raises(BadSignature):
        described.verify(how, RFC_BODY, [], ["Jefe"], 0)


@pytest.mark.parametrize(
    ("time", "now_s", "good"),
    [
        (b"1767578400", 1767578400, True),
        (b"1767578400", 1767578700, True),
        (b"1767578400", 1767578701, False),
        (b"1767578401", 1767578400, False),
        (b"soon", 1767578400, False),
    ],
)
def test_a_described_scheme_may_sign_its_time(time: bytes, now_s: int, good: bool) -> None:
    signed = described.sign(TIMED, "key", b"{}", [(b"x-time", b"1767578400")])
    assert signed == "sha512=" + hmac.digest(b"key", b"1767578400.{}", "sha512").hex()
    headers = [(b"X-Time", time), (b"X-Sig", signed.encode())]
    if good:
        described.verify(TIMED, b"{}", headers, ["key"], now_s)
    else:
        with pytest.raises(BadSignature):
            described.verify(TIMED, b"{}", headers, ["key"], now_s)


PARAM = '{"status":"polling","lastResult":{"nu":"YT100","state":"0","context":"上海 a+b"}}'
SALT = "grains"


def form(param: str = PARAM, sign: str | None = None) -> bytes:
    made = hashlib.md5((param + SALT).encode(), usedforsecurity=False).hexdigest().upper()
    return f"sign={made if sign is None else sign}&param={quote_plus(param)}".encode()


def test_kuaidi100_signs_the_decoded_text() -> None:
    assert kuaidi100.verify(form(), ["other", SALT]) == PARAM
    assert kuaidi100.verify(form().replace(b"+", b"%20"), [SALT]) == PARAM
    assert (
        kuaidi100.verify(form().replace(quote("上海").encode(), "上海".encode()), [SALT]) == PARAM
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"param=" + quote(PARAM).encode(), id="no sign"),
        pytest.param(form(sign=""), id="an empty sign"),
        pytest.param(form(sign=kuaidi100.sign(SALT, PARAM).lower()), id="lower hex"),
        pytest.param(form(sign=kuaidi100.sign("salt", PARAM)), id="another salt"),
        pytest.param(form() + b"&sign=x", id="sign doubled"),
        pytest.param(form() + b"&param=x", id="param doubled"),
        pytest.param(form(sign="%C3%A9"), id="not ASCII"),
        pytest.param(form() + b"&x=%ff", id="not UTF-8"),
        pytest.param(b"\xff" + form(), id="raw bytes"),
        pytest.param(form() + b"&a=1" * 30, id="too many fields"),
    ],
)
def test_a_kuaidi100_form_that_is_not_signed_so_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        kuaidi100.verify(raw, [SALT])


def shopify_accepts(body: bytes, mac: bytes) -> None:
    shopify.verify(body, shopify_headers(mac), ["Jefe"])


def woocommerce_accepts(body: bytes, mac: bytes) -> None:
    woocommerce.verify(body, woocommerce_headers(mac), ["Jefe"])


def stripe_accepts(body: bytes, mac: bytes) -> None:
    given = stripe_headers(b"t=1767578400,v1=" + mac)
    stripe.verify(body, given, ["whsec_demo"], STRIPE_NOW_S)


@pytest.mark.parametrize(
    ("accepts", "body", "mac"),
    [
        pytest.param(shopify_accepts, RFC_BODY, RFC_MAC, id="shopify"),
        pytest.param(woocommerce_accepts, RFC_BODY, RFC_MAC, id="woocommerce"),
        pytest.param(stripe_accepts, STRIPE_BODY, STRIPE_MAC, id="stripe"),
        pytest.param(youzan_accepts, YOUZAN_BODY, YOUZAN_MAC, id="youzan"),
        pytest.param(doudian_accepts, DOUDIAN_BODY, DOUDIAN_MAC, id="doudian"),
        pytest.param(douyin_accepts, DOUYIN_BODY, DOUYIN_MAC, id="douyin"),
    ],
)
def test_every_changed_bit_is_noticed(
    accepts: Callable[[bytes, bytes], None], body: bytes, mac: bytes
) -> None:
    demand_every_bit(accepts, body, mac)


def test_every_changed_bit_of_what_kuaidi100_signs_is_noticed() -> None:
    for bit in range(len(PARAM.encode()) * 8):
        changed = quote(flipped(PARAM.encode(), bit)).encode()
        raw = form(sign=kuaidi100.sign(SALT, PARAM)).partition(b"&")[0] + b"&param=" + changed
        with pytest.raises(BadSignature):
            kuaidi100.verify(raw, [SALT])


@given(st.binary(max_size=64), st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9))))
def test_no_input_ends_in_another_error(raw: bytes, given_headers: Headers) -> None:
    for check in (
        lambda: standard.verify(raw, given_headers, [STANDARD], 1_767_578_400),
        lambda: shopify.verify(raw, given_headers, [STANDARD]),
        lambda: kuaidi100.verify(raw, [STANDARD]),
    ):
        with pytest.raises(BadSignature):
            check()
