"""One rightly signed push of each way to sign, and what a forger would change in it."""

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.bits import flipped
from webhooks import doudian, douyin, kuaidi100, shopify, standard, stripe, top, woocommerce, youzan

SECRET: Final = "platformSecret01"
WHSEC: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WHPK: Final = (
    "whpk_"
    + base64.b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
)
_QUERY: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@/?-]+")
_HEADER: Final = re.compile(rb"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class Request:
    """A push as bytes on the wire.

    Args:
        body: All of it.
        signed: What of the body a change must be noticed in; all of it if empty.
        headers: Those that count.
        query: Behind the question mark.
    """

    body: bytes
    signed: bytes = b""
    headers: Mapping[str, bytes] = field(default_factory=dict)
    query: bytes = b""


@dataclass(frozen=True, slots=True)
class Way:
    """A connector, and how its sender makes a push at a time (Unix seconds).

    Args:
        kind: The connector's.
        secret: The connector's; a sender with a public key keeps the private one.
        make: Signs with a secret, at a time.
        config: The connector's.
    """

    kind: str
    secret: str
    make: Callable[[str, int], Request]
    config: Mapping[str, Any] | None = None

    def connector(self) -> dict[str, Any]:
        said: dict[str, Any] = {"kind": self.kind, "secrets": [self.secret]}
        return said if self.config is None else {**said, "config": dict(self.config)}


def forged(way: Way, random: Random, now_s: int) -> Request:
    """Return the push with one bit changed: of the body, a header, the query, or the secret."""
    good = way.make(way.secret, now_s)
    places = ["body"] * bool(good.body) + ["headers"] * bool(good.headers)
    places += ["query"] * bool(good.query) + ["secret"] * (way.secret != WHPK)
    match random.choice(places):
        case "secret":
            return way.make(_other_secret(way.secret, random), now_s)
        case "query":
            return replace(good, query=_changed(good.query, random, _QUERY))
        case "headers":
            name = random.choice(sorted(good.headers))
            changed = {**good.headers, name: _changed(good.headers[name], random, _HEADER)}
            return replace(good, headers=changed)
        case _:
            signed = good.signed or good.body
            other = flipped(signed, random.randrange(len(signed) * 8))
            return replace(good, body=good.body.replace(signed, other))


def _changed(text: bytes, random: Random, allowed: re.Pattern[bytes]) -> bytes:
    """Return *text* with one bit changed, still of characters that may be sent there."""
    while True:
        other = flipped(text, random.randrange(len(text) * 8))
        if allowed.fullmatch(other):
            return other


def _other_secret(secret: str, random: Random) -> str:
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        other = flipped(key, random.randrange(len(key) * 8))
        return "whsec_" + base64.b64encode(other).decode()
    while True:
        other = flipped(secret.encode(), random.randrange(len(secret) * 8))
        if other.isalnum():
            return other.decode()


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


ORDER: Final = {
    "kind": "order",
    "order_id": "S-1",
    "customer_id": "c-1",
    "version": "2027-03-01T10:00:00+08:00",
    "placed_at": "2027-03-01T09:58:00+08:00",
    "currency": "CNY",
    "total": 8900,
}


def _standard(body: Any) -> Callable[[str, int], Request]:
    def make(secret: str, now_s: int) -> Request:
        raw = _json(body)
        if secret == WHPK:
            text = f"msg_1.{now_s}.".encode() + raw
            sign = "v1a," + base64.b64encode(KEY.sign(text)).decode()
        else:
            sign = standard.sign(secret, "msg_1", now_s, raw)
        headers = {
            "webhook-id": b"msg_1",
            "webhook-timestamp": str(now_s).encode(),
            "webhook-signature": sign.encode(),
        }
        return Request(raw, headers=headers)

    return make


RULES: Final = [
    {
        "when": {"/event": ["paid"]},
        "kind": "order",
        "fields": {
            "order_id": {"path": "/id", "as": "id"},
            "customer_id": {"path": "/buyer", "as": "id"},
            "version": {"path": "/at", "as": "time", "format": "epoch_s"},
            "total": {"path": "/amount", "as": "money"},
        },
    }
]
HMAC: Final = {
    "scheme": "hmac",
    "header": "X-Sig",
    "prefix": "sha256=",
    "signed": ["header:X-Time", ".", "body"],
    "time": "header:X-Time",
}
SOLD: Final = {"event": "paid", "id": "G-1", "buyer": "c-2", "at": 1767578400, "amount": "89.00"}


def _stripe(secret: str, now_s: int) -> Request:
    raw = _json(SOLD)
    return Request(raw, headers={stripe.HEADER: stripe.sign(secret, now_s, raw).encode()})


def _hmac(secret: str, now_s: int) -> Request:
    raw = _json({**SOLD, "id": "G-2"})
    mac = hmac.digest(secret.encode(), f"{now_s}.".encode() + raw, "sha256").hex()
    return Request(raw, headers={"X-Time": str(now_s).encode(), "X-Sig": f"sha256={mac}".encode()})


def _shopify(secret: str, _: int) -> Request:
    raw = _json(
        {
            "id": 7001,
            "admin_graphql_api_id": "gid://shopify/Order/7001",
            "financial_status": "paid",
            "currency": "CNY",
            "created_at": "2027-03-01T10:00:00+08:00",
            "updated_at": "2027-03-01T10:05:00+08:00",
            "total_price": "89.00",
            "line_items": [{"sku": "S-1", "title": "茶", "quantity": 1, "price": "89.00"}],
            "customer": {"id": 77},
        }
    )
    return Request(raw, headers={shopify.HEADER: shopify.sign(secret, raw).encode()})


def _woocommerce(secret: str, _: int) -> Request:
    raw = _json(
        {
            "id": 7002,
            "status": "processing",
            "currency": "CNY",
            "customer_id": 78,
            "total": "89.00",
            "date_created_gmt": "2027-03-01T02:00:00",
            "date_modified_gmt": "2027-03-01T02:05:00",
            "date_paid_gmt": "2027-03-01T02:05:00",
            "line_items": [],
        }
    )
    return Request(raw, headers={woocommerce.HEADER: woocommerce.sign(secret, raw).encode()})


def _youzan(form: str) -> Callable[[str, int], Request]:
    number = "E-header" if form == "header" else "E-body"
    order = {
        "order_info": {
            "tid": number,
            "created": "2027-03-01 09:58:00",
            "pay_time": "2027-03-01 10:00:00",
            "update_time": "2027-03-01 10:00:02",
        },
        "pay_info": {"payment": "89.00", "post_fee": "0.00"},
        "buyer_info": {"buyer_id": 109},
        "orders": [{"outer_sku_id": "S-1", "num": 1, "price": "89.00"}],
    }
    # What stands for itself is left alone: else %3A and %3a would say the same.
    text = quote(_json({"full_order_info": order}).decode(), safe='{}[]":,')
    body = {"client_id": "yz01", "kdt_id": 7, "test": False, "msg": text}

    def make(secret: str, _: int) -> Request:
        if form == "body":
            raw = _json({**body, "sign": youzan.sign("yz01", secret, text.encode())})
            # Quotes are escaped in it: of what is signed, the first piece without any.
            return Request(raw, signed=b"full_order_info")
        raw = _json(body)
        return Request(raw, headers={youzan.HEADER: youzan.sign("yz01", secret, raw).encode()})

    return make


def _doudian(secret: str, _: int) -> Request:
    data = {"p_id": 7003, "shop_id": 9, "create_time": 1772330280, "pay_time": 1772330400}
    raw = _json([{"tag": "101", "msg_id": "m1", "data": _json(data).decode()}])
    sign = doudian.sign("3409", secret, raw)
    return Request(raw, headers={doudian.HEADER: sign.encode(), doudian.APP_HEADER: b"3409"})


def _douyin(secret: str, _: int) -> Request:
    content = {"action": "pay_success", "order": {"order_id": "7004"}}
    raw = _json(
        {
            "event": "life_trade_order_notify",
            "client_key": "dk1",
            "content": _json(content).decode(),
            "log_id": "l1",
        }
    )
    return Request(raw, headers={douyin.HEADER: douyin.sign(secret, raw).encode()})


def _qimen(secret: str, now_s: int) -> Request:
    body = (
        b"<request><deliveryOrder><deliveryOrderCode>S-1</deliveryOrderCode></deliveryOrder>"
        b"<packages><package><expressCode>YT7005</expressCode></package></packages></request>"
    )
    said = {
        "app_key": "1023",
        "customerId": "c1",
        "method": "deliveryorder.confirm",
        "sign_method": "md5",
        "timestamp": top.stamp(datetime.fromtimestamp(now_s, UTC)),
    }
    sign = top.sign(secret, {k.encode(): v.encode() for k, v in said.items()}, body)
    named = {**said, "sign": sign}
    query = "&".join(f"{name}={quote_plus(value, safe=':')}" for name, value in named.items())
    return Request(body, query=query.encode())


def _kuaidi100(secret: str, _: int) -> Request:
    node = {"ftime": "2027-03-01 10:00:00", "statusCode": "1", "context": "x"}
    last = {"nu": "YT7006", "com": "yuantong", "state": "0", "data": [node]}
    param = _json({"status": "polling", "lastResult": last}).decode()
    # Unquoted, but for the space: else %7B and %7b would say the same.
    form = f"sign={kuaidi100.sign(secret, param)}&param={param.replace(' ', '+')}"
    return Request(form.encode())


TAOBAO: Final = [
    {
        "id": 9007199254740993,
        "topic": "taobao_trade_TradeBuyerPay",
        "user_id": 174265168,
        "pub_time": "2027-03-01 10:00:00",
        "content": '{"tid":7007,"buyer_nick":"tea","payment":"89.00"}',
    }
]
PINDUODUO: Final = {
    "type": "pdd_refund_RefundCreated",
    "mallID": 171504183,
    "content": '{"mall_id":171504183,"tid":"210707-7008","refund_id":1,"refund_fee":100,'
    '"modified":1772330400000}',
}

WAYS: Final[Mapping[str, Way]] = {
    "standard": Way("standard", WHSEC, _standard(ORDER)),
    "standard, public key": Way("standard", WHPK, _standard({**ORDER, "order_id": "S-2"})),
    "generic, stripe-like": Way(
        "generic", SECRET, _stripe, {"verify": {"scheme": "stripe-like"}, "rules": RULES}
    ),
    "generic, HMAC": Way(
        "generic",
        SECRET,
        _hmac,
        {"verify": HMAC, "rules": RULES},
    ),
    "shopify": Way("shopify", SECRET, _shopify),
    "woocommerce": Way("woocommerce", SECRET, _woocommerce),
    **{
        f"youzan, {form}": Way(
            "youzan", SECRET, _youzan(form), {"client_id": "yz01", "kdt_id": 7, "form": form}
        )
        for form in ("header", "body")
    },
    "doudian": Way("doudian", SECRET, _doudian, {"app_key": "3409", "shop_id": 9}),
    "douyin": Way("douyin", SECRET, _douyin, {"client_key": "dk1"}),
    "taobao": Way("taobao", WHSEC, _standard(TAOBAO), {"user_id": 174265168}),
    "pinduoduo": Way("pinduoduo", WHSEC, _standard(PINDUODUO), {"mall_id": 171504183}),
    "qimen": Way("qimen", SECRET, _qimen, {"app_key": "1023", "customer_id": "c1"}),
    "kuaidi100": Way("kuaidi100", SECRET, _kuaidi100),
}
