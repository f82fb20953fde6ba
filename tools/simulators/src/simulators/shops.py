"""What shop platforms and couriers push: signed requests with made-up content.

Pure: each function returns headers and body; who sends them, and how often, is the caller's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from webhooks import kuaidi100, shopify

CHINA = ZoneInfo("Asia/Shanghai")
SURNAMES = "王李张刘陈杨黄赵吴周"
GIVEN = ("伟", "芳", "敏", "静", "磊", "洋", "艳", "杰", "婷", "鹏")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist, known by a number."""

    number: int

    @property
    def name(self) -> tuple[str, str]:
        """Family name, given name."""
        return SURNAMES[self.number % len(SURNAMES)], GIVEN[self.number // 10 % len(GIVEN)]

    @property
    def phone(self) -> str:
        return f"+861390000{self.number % 10_000:04}"

    @property
    def email(self) -> str:
        return f"customer-{self.number}@customers.example"


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    name: str
    price_minor: int
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """An order of a Shopify shop, before anything happened to it."""

    number: int
    person: Person
    lines: Sequence[Line]
    placed_at: datetime
    currency: str = "CNY"
    decimals: int = 2

    @property
    def order_id(self) -> int:
        return 5_000_000_000_000 + self.number

    @property
    def customer_id(self) -> int:
        return 7_000_000_000_000 + self.person.number

    @property
    def total_minor(self) -> int:
        return sum(line.price_minor * line.quantity for line in self.lines)

    def money(self, minor: int) -> str:
        return str(Decimal(minor).scaleb(-self.decimals))


@dataclass(frozen=True, slots=True)
class ShopifyShop:
    """Makes the webhooks of one shop, signed with its client secret."""

    secret: str
    domain: str = "tea-house.myshopify.example"

    def placed(self, order: Purchase) -> SignedRequest:
        return self._order(order, "orders/create", order.placed_at, "pending")

    def paid(self, order: Purchase, at: datetime) -> SignedRequest:
        return self._order(order, "orders/paid", at, "paid")

    def cancelled(self, order: Purchase, at: datetime) -> SignedRequest:
        stopped = {"cancelled_at": at.isoformat(), "cancel_reason": "customer"}
        return self._order(order, "orders/cancelled", at, "voided", stopped)

    def refunded(self, order: Purchase, at: datetime, amount_minor: int) -> SignedRequest:
        amount = order.money(amount_minor)
        body = {
            "id": order.order_id + 900_000,
            "order_id": order.order_id,
            "created_at": at.isoformat(),
            "processed_at": at.isoformat(),
            "refund_line_items": [],
            "transactions": [
                {
                    "id": order.order_id + 910_000,
                    "kind": "refund",
                    "status": "success",
                    "amount": amount,
                    "currency": order.currency,
                    "test": False,
                    "processed_at": at.isoformat(),
                    "created_at": at.isoformat(),
                }
            ],
        }
        return self.signed("refunds/create", body)

    def shipped(
        self, order: Purchase, at: datetime, waybills: Sequence[str], company: str = "圆通速递"
    ) -> SignedRequest:
        body = {
            "id": order.order_id + 800_000,
            "order_id": order.order_id,
            "status": "success",
            "created_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "tracking_company": company,
            "tracking_number": waybills[0],
            "tracking_numbers": list(waybills),
            "line_items": self._lines(order),
        }
        return self.signed("fulfillments/create", body)

    def signed(self, topic: str, body: Mapping[str, Any]) -> SignedRequest:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": self.domain,
            shopify.HEADER: shopify.sign(self.secret, raw),
        }
        return SignedRequest(headers, raw)

    def _order(
        self,
        order: Purchase,
        topic: str,
        at: datetime,
        status: str,
        more: Mapping[str, Any] | None = None,
    ) -> SignedRequest:
        body = {
            "id": order.order_id,
            "admin_graphql_api_id": f"gid://shopify/Order/{order.order_id}",
            "created_at": order.placed_at.isoformat(),
            "updated_at": at.isoformat(),
            "cancelled_at": None,
            "cancel_reason": None,
            "financial_status": status,
            "fulfillment_status": None,
            "currency": order.currency,
            "total_price": order.money(order.total_minor),
            "total_discounts": order.money(0),
            "shipping_lines": [],
            "test": False,
            "line_items": self._lines(order),
            "customer": self._customer(order),
            "shipping_address": self._address(order),
            "email": order.person.email,
            "phone": order.person.phone,
            **(more or {}),
        }
        return self.signed(topic, body)

    def _lines(self, order: Purchase) -> list[dict[str, Any]]:
        return [
            {
                "id": order.order_id * 100 + place,
                "sku": line.sku,
                "title": line.name,
                "name": line.name,
                "quantity": line.quantity,
                "price": order.money(line.price_minor),
                "product_id": 6_000_000 + place,
                "variant_id": None,
            }
            for place, line in enumerate(order.lines, start=1)
        ]

    def _customer(self, order: Purchase) -> dict[str, Any]:
        family, given = order.person.name
        return {
            "id": order.customer_id,
            "admin_graphql_api_id": f"gid://shopify/Customer/{order.customer_id}",
            "created_at": order.placed_at.isoformat(),
            "updated_at": order.placed_at.isoformat(),
            "first_name": given,
            "last_name": family,
            "email": order.person.email,
            "phone": order.person.phone,
            "email_marketing_consent": None,
            "sms_marketing_consent": None,
            "default_address": self._address(order),
        }

    def _address(self, order: Purchase) -> dict[str, Any]:
        family, given = order.person.name
        return {
            "first_name": given,
            "last_name": family,
            "phone": order.person.phone,
            "country_code": "CN",
            "province_code": "ZJ",
            "province": "浙江省",
            "city": "杭州市",
            "address1": f"文一路 {order.person.number} 号",
        }


@dataclass(frozen=True, slots=True)
class Node:
    """A line of a parcel's route. `code` is kuaidi100's statusCode: "1" picked up, "301" signed."""

    at: datetime
    code: str
    text: str = "快件已处理"


def courier_push(
    salt: str, waybill: str, route: Sequence[Node], *, company: str = "yuantong"
) -> SignedRequest:
    """Return kuaidi100's push of a parcel's whole *route* so far (oldest first, not empty)."""
    state = _state(route[-1].code)
    ended = state == "3"
    param = {
        "status": "shutdown" if ended else "polling",
        "message": "",
        "lastResult": {
            "message": "ok",
            "nu": waybill,
            "com": company,
            "ischeck": "1" if ended else "0",
            "status": "200",
            "state": state,
            "data": [_node(node) for node in reversed(route)],
        },
    }
    text = json.dumps(param, ensure_ascii=False)
    form = urlencode({"sign": kuaidi100.sign(salt, text), "param": text})
    return SignedRequest({"content-type": "application/x-www-form-urlencoded"}, form.encode())


def _state(code: str) -> str:
    """Return the main state: the first digit of a three-digit code; four digits are in transit."""
    if len(code) == 4:
        return "0"
    return code[0] if len(code) == 3 else code


def _node(node: Node) -> dict[str, str]:
    told = node.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "time": told,
        "ftime": told,
        "context": node.text,
        "status": "在途",
        "statusCode": node.code,
    }
