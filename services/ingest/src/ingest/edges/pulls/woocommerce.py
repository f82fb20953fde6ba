"""WooCommerce's REST API, version 3: orders by the time of their last change.

https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders. WooCommerce repeats no
push, and after five failures in a row it switches the hook off.
"""

import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import httpx
from pydantic import Field

from ingest.domain import reading
from ingest.domain.reading import Unmappable
from ingest.edges.pulls.pull import Now, Page, Pull, PullFailed, ask
from web.bodies import Strict

PER_PAGE: Final = 100
_STAMP: Final = "%Y-%m-%dT%H:%M:%S"


class WooCommerceApi(Strict):
    """A key of WooCommerce's REST API that may read: Settings, Advanced, REST API."""

    url: Annotated[
        str,
        Field(
            max_length=300,
            pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$",
            description="of the shop, as https://shop.example",
        ),
    ]
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
    secret: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


async def _pages(
    client: httpx.AsyncClient, api: WooCommerceApi, since: datetime, _: Now
) -> AsyncIterator[Page]:
    """Yield pages by change.

    The next one begins at the newest change of the last: by number, an order that changes while we
    read would push another one over the edge of a page that we have read already.
    """
    after, number = since, 1
    while True:
        orders = await _list(client, api, "orders", _since(after, number))
        if not orders:
            return
        newest = max(map(_changed, orders))
        yield Page(orders, newest)
        if len(orders) < PER_PAGE:
            return
        # "After" is exclusive, and a second may hold more than a page.
        before = newest - timedelta(seconds=1)
        after, number = (before, 1) if before > after else (after, number + 1)


def _since(after: datetime, number: int) -> dict[str, str]:
    return {
        "modified_after": after.strftime(_STAMP),
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(PER_PAGE),
        "page": str(number),
    }


def _changed(order: dict[str, Any]) -> datetime:
    try:
        return reading.utc(order, "date_modified_gmt")
    except Unmappable:
        raise PullFailed("an order that does not say when it changed") from None


async def _hook_is_off(client: httpx.AsyncClient, api: WooCommerceApi, path: str) -> bool:
    hooks = await _list(client, api, "webhooks", {"per_page": str(PER_PAGE)})
    ours = [one for one in hooks if str(one.get("delivery_url", "")).endswith(path)]
    return any(one.get("status") != "active" for one in ours)


async def _list(
    client: httpx.AsyncClient, api: WooCommerceApi, what: str, query: dict[str, str]
) -> list[dict[str, Any]]:
    url = f"{api.url.rstrip('/')}/wp-json/wc/v3/{what}?{urlencode(query)}"
    pair = base64.b64encode(f"{api.key}:{api.secret}".encode()).decode()
    request = client.build_request("GET", url, headers={"Authorization": f"Basic {pair}"})
    found = await ask(client, request)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise PullFailed("its answer is no list")
    return found


PULL: Final = Pull(
    api=WooCommerceApi,
    every=timedelta(minutes=5),
    pages=_pages,
    hook_is_off=_hook_is_off,
)
