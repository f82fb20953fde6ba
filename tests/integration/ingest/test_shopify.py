"""What Shopify tells of parcels, carts and people without saying whose they are."""

from typing import Any

from prometheus_client import REGISTRY

from contracts.events import CartFacts, CustomerErased, CustomerFacts, ShipmentFacts
from contracts.topics import CARTS, SHIPMENTS
from ingest.edges.timers import sweep
from integration.ingest.pushing import SECRET, TOKEN, hook
from integration.ingest.pushing import push_order as push
from integration.ingest.reading import consume

BEARER = {"Authorization": f"Bearer {TOKEN}"}
FULFILMENT: dict[str, Any] = {
    "id": 123,
    "order_id": 900,
    "status": "success",
    "created_at": "2026-01-06T10:00:00+08:00",
    "updated_at": "2026-01-06T10:30:00+08:00",
    "tracking_company": "UPS",
    "tracking_numbers": ["1Z1", "1Z2"],
}
DELIVERED: dict[str, Any] = {
    "id": 77,
    "fulfillment_id": 123,
    "order_id": 900,
    "status": "delivered",
    "happened_at": "2026-01-08T12:00:00+08:00",
}
ERASE: dict[str, Any] = {
    "shop_id": 1,
    "shop_domain": "s.example",
    "customer": {"id": 77, "email": "li@example.com"},
    "orders_to_redact": [900],
}


def cart(items: int, minute: int) -> dict[str, Any]:
    return {
        "id": "c0ffee",
        "token": "c0ffee",
        "updated_at": f"2026-01-06T10:{minute:02}:00.000Z",
        "line_items": [{"sku": "S-1", "title": "Tea", "quantity": items, "price": "8.90"}],
    }


def checkout(minute: int) -> dict[str, Any]:
    return {
        **cart(2, minute),
        "id": 981,
        "token": "123",
        "cart_token": "c0ffee",
        "currency": "CNY",
        "customer": {"id": 77},
        "abandoned_checkout_url": "https://shop.example/recover?key=secret",
    }


async def of_type(house: Any, topic: str) -> list[Any]:
    return [event for name, event in await house.outbox() if name == topic]


async def waiting(house: Any) -> list[str]:
    rows = await house.rows("select wait_key from ingest.parked order by id")
    return [row["wait_key"] for row in rows]


async def tasks(house: Any, query: str = "?tasks=true") -> list[tuple[str | None, str | None]]:
    listed = await house.http.get(f"/v1/shops/north/kept-pushes{query}", headers=BEARER)
    return [(one["task"], one["subject"]) for one in listed.json()["pushes"]]


async def test_a_delivery_finds_the_parcels_of_its_fulfilment_whenever_they_are_known(
    house: Any,
) -> None:
    path = await hook(house, "shopify", SECRET)
    await house.run(
        "insert into ingest.order_ref (shop_id, ref, order_id, customer_id)"
        " values ('north', '900', '900', '77')"
    )

    assert (await push(house, path, DELIVERED)).status_code == 200
    assert await waiting(house) == ["fulfilment:123"]
    await push(house, path, FULFILMENT)
    shipped = await house.spooled()
    await consume(house, *shipped)

    assert await waiting(house) == []
    freed = await of_type(house, SHIPMENTS)
    assert [(one.parcel_id, one.order_id, one.customer_id) for one in freed] == [
        ("1Z1", "900", "77"),
        ("1Z2", "900", "77"),
    ]
    assert all(one.signed_at is not None for one in freed)

    await push(house, path, {**DELIVERED, "id": 78, "happened_at": "2026-01-08T13:00:00+08:00"})
    later = (await house.spooled())[len(shipped) :]
    assert [one.parcel_id for one in later if isinstance(one, ShipmentFacts)] == ["1Z1", "1Z2"]


async def test_a_cart_is_its_visitors_once_a_checkout_names_them(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    for items, minute in ((1, 1), (3, 3), (2, 2)):  # the last two change places on the way
        assert (await push(house, path, cart(items, minute))).status_code == 200
    assert await waiting(house) == ["cart:c0ffee"]
    await push(house, path, checkout(4))
    [named] = await house.spooled()
    await consume(house, named)

    assert await waiting(house) == []
    [freed] = await of_type(house, CARTS)
    assert (freed.cart_id, freed.customer_id) == ("c0ffee", "77")
    assert [line.quantity for line in freed.lines] == [3]

    await push(house, path, cart(5, 5))
    [_, later] = await house.spooled()
    assert isinstance(later, CartFacts)
    assert (later.customer_id, later.emptied_at) == ("77", None)


async def test_a_cart_is_its_last_named_visitors(house: Any) -> None:
    for customer in ("g_guest", "77", "77"):
        await consume(house, CartFacts("north", customer, "c0ffee", 1))

    assert await house.rows("select token, customer_id from ingest.cart_ref") == [
        {"token": "c0ffee", "customer_id": "77"}
    ]


async def test_carts_that_nobody_names_are_forgotten_and_are_no_dead_letters(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    await push(house, path, cart(1, 1))
    await push(house, path, {**cart(1, 1), "id": "beef", "token": "beef"})
    await consume(house, CartFacts("north", "77", "old", 1), CartFacts("north", "77", "new", 1))
    await house.run(
        "update ingest.parked set received_at = now() - interval '8 days'"
        " where wait_key = 'cart:beef';"
        "update ingest.cart_ref set named_at = now() - interval '31 days' where token = 'old'"
    )

    await sweep(house.engine, house.sealer, 4, house.ports.now, limit=10)

    assert await waiting(house) == ["cart:c0ffee"]
    assert await house.rows("select token from ingest.cart_ref") == [{"token": "new"}]
    assert await house.rows("select * from ingest.rejected_push") == []


async def test_the_sweep_frees_what_a_fulfilment_or_a_checkout_should_have_freed(
    house: Any,
) -> None:
    path = await hook(house, "shopify", SECRET)
    await push(house, path, DELIVERED)
    await push(house, path, cart(1, 1))
    await house.run(
        "insert into ingest.fulfilment_ref values ('north', '123', '1Z1', '900', '77');"
        "insert into ingest.cart_ref values ('north', 'c0ffee', '77')"
    )

    assert await sweep(house.engine, house.sealer, 4, house.ports.now, limit=10) == 2

    assert await waiting(house) == []
    freed = await of_type(house, SHIPMENTS) + await of_type(house, CARTS)
    assert [one.customer_id for one in freed] == ["77", "77"]


async def test_what_asks_for_a_person_is_a_task_until_it_is_put_away(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    for body in (ERASE, ERASE, {"id": 900}, {"parade": True}):
        assert (await push(house, path, body)).status_code == 200

    assert await house.spooled() == []
    assert await tasks(house) == [("erase_customer", "77"), ("deleted_order", "900")]
    await sweep(house.engine, house.sealer, 4, house.ports.now, limit=10)
    assert REGISTRY.get_sample_value("huiliu_ingest_tasks_rows") == 2
    assert await tasks(house, "") == [*await tasks(house), (None, None)]

    listed = await house.http.get("/v1/shops/north/kept-pushes?tasks=true", headers=BEARER)
    done = f"/v1/shops/north/kept-pushes/{listed.json()['pushes'][1]['id']}"
    assert (await house.http.delete(done, headers=BEARER)).status_code == 204
    assert (await house.http.delete(done, headers=BEARER)).status_code == 404
    assert await tasks(house) == [("erase_customer", "77")]


async def test_what_asks_to_erase_a_customer_goes_with_them(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    other = {**ERASE, "customer": {"id": 78}}
    asks = {k: v for k, v in ERASE.items() if k != "orders_to_redact"} | {"orders_requested": []}
    for body in (ERASE, asks, other, {"id": 77}):
        await push(house, path, body)

    await consume(house, CustomerErased("north", "77", house.ports.now()))

    assert await tasks(house) == [("erase_customer", "78"), ("deleted_order", "77")]


async def test_a_no_by_itself_reaches_the_customer(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    body = {"customer_id": 77, "email_marketing_consent": {"state": "unsubscribed"}}

    await push(house, path, body)

    [fact] = await house.spooled()
    assert isinstance(fact, CustomerFacts)
    assert [(one.channel, one.given) for one in fact.consents] == [("email", False)]
