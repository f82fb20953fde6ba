"""A WooCommerce shop: orders that change, signed pushes, and its REST API with a key.

`async with WooShop(...) as shop:` then `shop.sold(n)`, `shop.push(n)`, `shop.url`. Like the real
one it repeats no push, lists orders by the time of their change, and names no zone in its times.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from simulators.http_wire import HttpServer, Request, Wire
from simulators.shops import SignedRequest
from webhooks import woocommerce

API = "/wp-json/wc/v3/"


@dataclass(eq=False)
class WooShop:
    """A shop, and what it was asked.

    Args:
        secret: Of its hook.
        key, key_secret: Of its REST API.
        before: Called before each request is answered: with a status and a wait it is answered so.
        hooks: As it lists them.
        requests: The targets that were asked for.
    """

    secret: str
    key: str = "ck_demo"
    key_secret: str = "cs_demo"  # noqa: S105 - of a simulator
    before: Callable[[str], tuple[int, int | None] | None] | None = None
    hooks: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    _server: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self._server = HttpServer(self._answer)

    @property
    def url(self) -> str:
        return self._server.address

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    def sold(self, number: int, at: datetime, *, paid: bool = False) -> None:
        """Note an order, or that it changed, at *at*."""
        before = self._orders.get(number, {})
        stamp = _stamp(at)
        self._orders[number] = {
            "id": number,
            "status": "processing" if paid else "pending",
            "currency": "CNY",
            "customer_id": 100 + number % 50,
            "total": f"{100 + number % 900}.00",
            "discount_total": "0.00",
            "shipping_total": "0.00",
            "shipping_tax": "0.00",
            "payment_method": "alipay",
            "date_created_gmt": before.get("date_created_gmt", stamp),
            "date_modified_gmt": stamp,
            "date_paid_gmt": stamp if paid else None,
            "billing": {"country": "CN"},
            "line_items": [{"product_id": 1, "sku": "T-1", "name": "茶", "quantity": 1}],
            "refunds": [],
        }

    def push(self, number: int) -> SignedRequest:
        """Return what it would post to its hook of the order as it is now."""
        body = json.dumps(self._orders[number]).encode()
        return SignedRequest({woocommerce.HEADER: woocommerce.sign(self.secret, body)}, body)

    async def _answer(self, request: Request, wire: Wire) -> None:
        self.requests.append(request.path)
        refusal = self.before(request.path) if self.before is not None else None
        if refusal is not None:
            await wire.answer(refusal[0], {"code": "refused"}, retry_after_s=refusal[1])
            return
        if not self._may(request):
            await wire.answer(401, {"code": "woocommerce_rest_cannot_view"})
            return
        target = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        match target.path.removeprefix(API):
            case "orders":
                await wire.answer(200, self._listed(asked))
            case "webhooks":
                await wire.answer(200, self.hooks)
            case _:
                await wire.answer(404, {"code": "rest_no_route"})

    def _may(self, request: Request) -> bool:
        pair = b64encode(f"{self.key}:{self.key_secret}".encode())
        given = [value for name, value in request.headers if name.lower() == b"authorization"]
        return given == [b"Basic " + pair]

    def _listed(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        if asked.get("orderby") != "modified" or asked.get("dates_are_gmt") != "true":
            raise ValueError("only lists by change, in UTC, are simulated")
        after = asked["modified_after"]
        found = sorted(
            (order for order in self._orders.values() if order["date_modified_gmt"] > after),
            key=lambda order: (order["date_modified_gmt"], order["id"]),
        )
        size, page = int(asked["per_page"]), int(asked["page"])
        return found[(page - 1) * size : page * size]


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
