"""Made-up shops and couriers push what real ones push, with signatures that hold."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from simulators.shops import Line, Node, Person, Purchase, ShopifyShop, SignedRequest, courier_push
from webhooks import kuaidi100, shopify

PLACED = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
ORDER = Purchase(
    number=12,
    person=Person(31),
    lines=[Line("longjing", "明前龙井", 16_800, 2), Line("pot", "紫砂壶", 39_900)],
    placed_at=PLACED,
)
SHOP = ShopifyShop("shpss_9f2c")


def body_of(request: SignedRequest) -> dict[str, Any]:
    shopify.verify(
        request.body,
        [(name.encode(), value.encode()) for name, value in request.headers.items()],
        ["shpss_9f2c"],
    )
    body: dict[str, Any] = json.loads(request.body)
    return body


def test_an_order_is_told_whole_and_each_later_telling_is_newer() -> None:
    told = [
        body_of(SHOP.placed(ORDER)),
        body_of(SHOP.paid(ORDER, PLACED + timedelta(minutes=5))),
        body_of(SHOP.cancelled(ORDER, PLACED + timedelta(hours=1))),
    ]

    assert [body["financial_status"] for body in told] == ["pending", "paid", "voided"]
    assert sorted(body["updated_at"] for body in told) == [body["updated_at"] for body in told]
    assert {body["created_at"] for body in told} == {"2026-03-01T01:00:00+00:00"}
    assert {body["total_price"] for body in told} == {"735.00"}
    assert [bool(body["cancelled_at"]) for body in told] == [False, False, True]
    assert told[0]["admin_graphql_api_id"] == f"gid://shopify/Order/{told[0]['id']}"
    assert not any(body["test"] for body in told)


def test_refund_and_shipment_name_only_the_order() -> None:
    refund = body_of(SHOP.refunded(ORDER, PLACED + timedelta(days=1), 16_800))
    shipment = body_of(SHOP.shipped(ORDER, PLACED + timedelta(days=1), ["YT1", "YT2"]))

    assert refund["order_id"] == shipment["order_id"] == ORDER.order_id
    assert refund["transactions"][0]["amount"] == "168.00"
    assert shipment["tracking_numbers"] == ["YT1", "YT2"]
    assert "customer" not in refund
    assert "customer" not in shipment


def test_currencies_without_cents_have_no_point() -> None:
    order = Purchase(
        number=1,
        person=Person(1),
        lines=[Line("pot", "急須", 5_000)],
        placed_at=PLACED,
        currency="JPY",
        decimals=0,
    )

    assert body_of(SHOP.placed(order))["total_price"] == "5000"


def test_a_courier_repeats_the_route_newest_first_in_its_own_time() -> None:
    route = [
        Node(PLACED, "1", "【杭州】已揽收"),
        Node(PLACED + timedelta(hours=9), "1002", "【无锡】已收入"),
        Node(PLACED + timedelta(days=1), "301", "已签收"),
    ]
    pushes = [courier_push("salt01", "YT1", route[:length]) for length in (1, 2, 3)]
    params = [json.loads(kuaidi100.verify(push.body, ["salt01"])) for push in pushes]
    results = [param["lastResult"] for param in params]

    assert [result["state"] for result in results] == ["1", "0", "3"]
    assert [param["status"] for param in params] == ["polling", "polling", "shutdown"]
    assert [node["statusCode"] for node in results[2]["data"]] == ["301", "1002", "1"]
    assert results[2]["data"][1]["ftime"] == "2026-03-01 18:00:00"
    assert set(parse_qs(pushes[0].body.decode())) == {"sign", "param"}


def test_people_are_told_apart_by_number_phone_and_mailbox() -> None:
    people = [Person(number) for number in range(1000)]

    assert len({person.phone for person in people}) == len({p.email for p in people}) == 1000
