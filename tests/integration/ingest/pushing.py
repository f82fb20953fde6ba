"""What shops and couriers push to a house, rightly signed."""

import base64
import hmac
import json
import time
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from support.signed import HMAC, RULES
from web.auth import issue_local_token
from webhooks import kuaidi100, shopify, standard

SECRET = "shpss_test_secret"
SALT = "salt-of-the-courier"
STANDARD = "whsec_" + base64.b64encode(b"k" * 24).decode()
NATIVE: dict[str, Any] = {
    "kind": "order",
    "order_id": "A-1",
    "customer_id": "c-7",
    "version": "2026-01-05T10:00:00+08:00",
    "placed_at": "2026-01-05T09:58:00+08:00",
    "currency": "CNY",
    "total": 8900,
}
TOKEN = issue_local_token(
    "a-secret-of-more-than-thirty-two-characters", "north", ["connectors:read", "connectors:write"]
)
ORDER: dict[str, Any] = {
    "id": 9007199254740993,
    "admin_graphql_api_id": "gid://shopify/Order/9007199254740993",
    "financial_status": "paid",
    "currency": "CNY",
    "created_at": "2026-01-05T10:00:00+08:00",
    "updated_at": "2026-01-05T10:05:00+08:00",
    "total_price": "89.00",
    "line_items": [{"sku": "S-1", "title": "Tea", "quantity": 1, "price": "89.00"}],
    "customer": {"id": 77, "first_name": "Li", "phone": "13800000001"},
    "shipping_address": {"country_code": "CN", "province": "北京市", "city": "北京市"},
}


# Both ways into the process promise the same.
BOTH_WAYS: Final = pytest.mark.parametrize("front", ["hot", "api"], indirect=True)


async def hook(house: Any, kind: str, secret: str) -> str:
    made = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": kind, "secrets": [secret]},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    path: str = made.json()["path"]
    return path


async def push_order(house: Any, path: str, body: Any, secret: str = SECRET) -> Any:
    raw = json.dumps(body).encode()
    return await house.http.post(
        path, content=raw, headers={shopify.HEADER: shopify.sign(secret, raw)}
    )


async def push_route(house: Any, path: str, param: Any, salt: str = SALT) -> Any:
    text = json.dumps(param, ensure_ascii=False)
    form = urlencode({"sign": kuaidi100.sign(salt, text), "param": text})
    return await house.http.post(path, content=form.encode())


def route(number: str = "YT 100-1") -> dict[str, Any]:
    nodes = [("2026-01-06 09:00:00", "1002"), ("2026-01-05 18:00:00", "1")]
    data = [{"ftime": at, "statusCode": code, "context": "a courier's words"} for at, code in nodes]
    return {
        "status": "polling",
        "lastResult": {"nu": number, "com": "yuantong", "state": "0", "data": data},
    }


async def push_events(house: Any, path: str, body: Any, late_s: int = 0) -> Any:
    raw = json.dumps(body).encode()
    now_s = int(time.time()) - late_s
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard.sign(STANDARD, "msg_1", now_s, raw),
    }
    return await house.http.post(path, content=raw, headers=headers)


GENERIC: dict[str, Any] = {
    "verify": HMAC,
    "check": {"/shop": "north"},
    "dedupe": ["/event_id"],
    "rules": RULES,
}
SOLD = {"event": "paid", "event_id": "e-1", "shop": "north", "id": 7, "buyer": "b-7"}
SOLD |= {"at": 1767578400, "amount": "89.00"}


async def add_generic(house: Any, config: Any, secret: str = SECRET) -> Any:
    return await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": "generic", "secrets": [secret], "config": config},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


async def push_generic(house: Any, path: str, body: Any, late_s: int = 0) -> Any:
    raw = json.dumps(body).encode()
    at = str(int(time.time()) - late_s)
    mac = hmac.digest(SECRET.encode(), f"{at}.".encode() + raw, "sha256").hex()
    return await house.http.post(
        path, content=raw, headers={"X-Time": at, "X-Sig": f"sha256={mac}"}
    )


async def add(house: Any, kind: str, secret: str = SECRET, **config: Any) -> str:
    made = await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": kind, "secrets": [secret], "config": config},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    path: str = made.json()["path"]
    return path
