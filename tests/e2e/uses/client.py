"""The generated Python client in use: opens a shop, posts an order, and meets a problem.

Its arguments are ingest's address and a token; what it got, it writes as JSON. It runs where the
client's own needs are installed, which are not ours.
"""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ingest_client import AuthenticatedClient
from ingest_client.api.events import post_events
from ingest_client.api.shops import add_shop, get_shop
from ingest_client.models import EventsAnswer, NewShop, Order, Problem, ShopAnswer

SHOP = "client-shop"


@dataclass
class Got:
    revision: int
    accepted: int
    again: int
    problem: str
    field: str
    stranger: str


def use(client: AuthenticatedClient) -> Got:
    new = NewShop(shop_id=SHOP, name="茶语", currency="CNY", country="CN")
    shop = add_shop.sync(client=client, body=new)
    assert isinstance(shop, ShopAnswer)
    again = add_shop.sync(client=client, body=new)
    assert isinstance(again, Problem)
    order = Order(
        kind="order",
        order_id="A-1",
        customer_id="c-7",
        version=datetime(2026, 1, 5, 2, tzinfo=UTC),
        currency="CNY",
        total=8900,
    )
    answer = post_events.sync(SHOP, client=client, body=order)
    assert isinstance(answer, EventsAnswer)
    order.currency = "RMB"
    wrong = post_events.sync(SHOP, client=client, body=order)
    assert isinstance(wrong, Problem)
    stranger = get_shop.sync("nowhere", client=client)
    assert isinstance(stranger, Problem)
    return Got(
        revision=shop.revision,
        accepted=answer.accepted,
        again=again.status,
        problem=wrong.type_,
        field=wrong["results"][0]["errors"][0]["field"],
        stranger=stranger.type_,
    )


if __name__ == "__main__":
    url, token = sys.argv[1:]
    json.dump(asdict(use(AuthenticatedClient(base_url=url, token=token))), sys.stdout)
