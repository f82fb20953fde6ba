"""Webhooks: forged ones do nothing, signed ones are kept, whatever they say."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from contracts.events import CustomerFacts, OrderFacts, ShipmentFacts
from contracts.topics import SHIPMENTS
from ingest.edges.consumer import Consumer
from plumbing.records import Record
from web.auth import issue_local_token
from webhooks import kuaidi100, shopify, standard, woocommerce, youzan

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


@pytest.fixture(params=["hot", "api"])
def front(request: pytest.FixtureRequest) -> str:
    """Both ways into the process: they promise the same."""
    way: str = request.param
    return way


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


async def test_a_signed_order_becomes_facts(house: Any, front: str) -> None:
    path = await hook(house, "shopify", SECRET)

    answer = await push_order(house, path, ORDER)

    assert answer.status_code == 200
    assert (path in house.slow) == (front == "api")
    facts = await house.spooled()
    [order] = [fact for fact in facts if isinstance(fact, OrderFacts)]
    [person] = [fact for fact in facts if isinstance(fact, CustomerFacts)]
    assert (order.order_id, order.customer_id, order.total_minor) == (
        "9007199254740993",
        "77",
        8900,
    )
    assert (person.phone, person.from_order) == ("+8613800000001", True)


async def push_events(house: Any, path: str, body: Any, late_s: int = 0) -> Any:
    raw = json.dumps(body).encode()
    now_s = int(time.time()) - late_s
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard.sign(STANDARD, "msg_1", now_s, raw),
    }
    return await house.http.post(path, content=raw, headers=headers)


async def test_native_events_may_come_as_standard_webhooks(house: Any, front: str) -> None:
    path = await hook(house, "standard", STANDARD)

    answer = await push_events(house, path, NATIVE)

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    assert (path in house.slow) == (front == "api")
    [order] = await house.spooled()
    assert (order.order_id, order.customer_id, order.total_minor) == ("A-1", "c-7", 8900)


async def test_of_a_signed_batch_the_good_ones_count_and_the_rest_is_kept(house: Any) -> None:
    path = await hook(house, "standard", STANDARD)
    future = {**NATIVE, "order_id": "A-3", "placed_at": "2199-01-01T00:00:00Z"}
    events = [NATIVE, {**NATIVE, "order_id": "A-2", "total": "many"}, future]

    assert (await push_events(house, path, {"events": events})).status_code == 204

    assert [fact.order_id for fact in await house.spooled()] == ["A-1"]
    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert kept["reason"] == "events/1/total: type, events/2/placed_at: future"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"events": []}, "a batch holds 1 to 500 events and nothing else"),
        ({"kind": "parade"}, "events/0/kind: unknown_kind"),
    ],
)
async def test_a_signed_body_of_no_good_event_succeeds_and_is_kept(
    house: Any, body: Any, reason: str
) -> None:
    path = await hook(house, "standard", STANDARD)

    assert (await push_events(house, path, body)).status_code == 204

    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert (kept["reason"], await house.spooled()) == (reason, [])


async def test_a_standard_webhook_of_some_time_ago_is_refused(house: Any) -> None:
    path = await hook(house, "standard", STANDARD)

    assert (await push_events(house, path, NATIVE, late_s=302)).status_code == 401
    assert await house.spooled() == []


GENERIC: dict[str, Any] = {
    "verify": {
        "scheme": "hmac",
        "header": "X-Sig",
        "prefix": "sha256=",
        "signed": ["header:X-Time", ".", "body"],
        "time": "header:X-Time",
    },
    "check": {"/shop": "north"},
    "dedupe": ["/event_id"],
    "rules": [
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
    ],
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


async def test_any_system_that_signs_json_can_be_described(house: Any, front: str) -> None:
    path = (await add_generic(house, GENERIC)).json()["path"]

    assert (await push_generic(house, path, SOLD)).status_code == 204
    assert (await push_generic(house, path, SOLD, late_s=302)).status_code == 401
    assert (await house.http.post(path, json=SOLD)).status_code == 401

    assert (path in house.slow) == (front == "api")
    [order] = await house.spooled()
    assert (order.order_id, order.customer_id, order.currency, order.total_minor) == (
        "7",
        "b-7",
        "CNY",
        8900,
    )


async def test_what_a_described_system_says_of_another_shop_is_kept_once(house: Any) -> None:
    path = (await add_generic(house, GENERIC)).json()["path"]

    for number in range(2):
        said = {**SOLD, "shop": "south", "try": number}
        assert (await push_generic(house, path, said)).status_code == 204

    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert kept["reason"] == "it is not the one that /shop should name"
    assert await house.spooled() == []


async def test_a_description_is_checked_when_it_is_saved_and_shown_when_listed(house: Any) -> None:
    wrong = {**GENERIC, "rules": [{**GENERIC["rules"][0], "fields": {"colour": {"value": 1}}}]}
    refused = await add_generic(house, wrong)
    assert (refused.status_code, refused.json()["errors"][0]) == (
        422,
        {"field": "/config/rules/0/fields/colour", "code": "unknown_field"},
    )
    assert (await add_generic(house, None)).status_code == 422
    of_standard = {**GENERIC, "verify": {"scheme": "standard-webhooks"}}
    assert (await add_generic(house, of_standard, "not base64")).status_code == 422
    assert (await add_generic(house, of_standard, STANDARD)).status_code == 201

    listed = await house.http.get(
        "/v1/shops/north/connectors", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    [shown] = listed.json()["connectors"]
    assert (shown["kind"], shown["config"]["verify"]) == ("generic", of_standard["verify"])
    assert shown["config"]["rules"][0]["fields"]["order_id"]["as"] == "id"


async def add_youzan(house: Any, form: str) -> str:
    made = await house.http.post(
        "/v1/shops/north/connectors",
        json={
            "kind": "youzan",
            "secrets": [SECRET],
            "config": {"client_id": "yz01", "kdt_id": 7, "form": form},
        },
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    path: str = made.json()["path"]
    return path


async def push_youzan(house: Any, path: str, form: str, **changes: Any) -> Any:
    order = {
        "order_info": {
            "tid": "E1",
            "created": "2026-01-05 09:58:00",
            "pay_time": "2026-01-05 10:00:00",
            "update_time": "2026-01-05 10:00:02",
        },
        "pay_info": {"payment": "89.00", "post_fee": "0.00"},
        "buyer_info": {"buyer_id": 109},
        "orders": [{"outer_sku_id": "S-1", "title": "茶 叶", "num": 1, "price": "89.00"}],
    }
    text = quote(json.dumps({"full_order_info": order}), safe=":,").replace("%20", "+")
    body = {"client_id": "yz01", "kdt_id": 7, "test": False, "msg": text, **changes}
    if form == "body":
        body["sign"] = youzan.sign("yz01", SECRET, text.encode())
    raw = json.dumps(body).encode()
    headers = {} if form == "body" else {youzan.HEADER: youzan.sign("yz01", SECRET, raw)}
    return await house.http.post(path, content=raw, headers=headers)


@pytest.mark.parametrize("form", ["header", "body"])
async def test_youzan_pushes_in_two_forms(house: Any, front: str, form: str) -> None:
    path = await add_youzan(house, form)
    other = "body" if form == "header" else "header"

    answer = await push_youzan(house, path, form)

    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "success"})
    assert (await push_youzan(house, path, other)).status_code == 401
    assert (path in house.slow) == (front == "api")
    [order] = [fact for fact in await house.spooled() if isinstance(fact, OrderFacts)]
    assert (order.order_id, order.customer_id, order.total_minor) == ("E1", "109", 8900)
    assert (order.paid_at, order.paid_hint_at) == (None, datetime(2026, 1, 5, 2, tzinfo=UTC))


async def test_youzans_probe_gets_its_answer_and_says_nothing(house: Any) -> None:
    path = await add_youzan(house, "header")

    answer = await house.http.post(path, content=b'{"test":true,"msg":"%7B%7D"}')

    assert (answer.status_code, await house.spooled()) == (200, [])
    for unsigned in (b'{"test":1}', b'["test"]', b'{"test":'):
        assert (await house.http.post(path, content=unsigned)).status_code == 401


@pytest.mark.parametrize("changes", [{"kdt_id": 8}, {"client_id": "yz02"}, {"msg": "%7B"}])
async def test_what_youzan_says_of_another_shop_is_kept(house: Any, changes: Any) -> None:
    path = await add_youzan(house, "header")

    assert (await push_youzan(house, path, "header", **changes)).status_code == 200

    assert len(await house.rows("select reason from ingest.rejected_push")) == 1
    assert await house.spooled() == []


async def test_woocommerce_greets_then_pushes_orders(house: Any, front: str) -> None:
    path = await hook(house, "woocommerce", "letters4and5digits")
    order = {
        "id": 74,
        "status": "processing",
        "currency": "CNY",
        "date_created_gmt": "2026-01-05T02:00:00",
        "date_modified_gmt": "2026-01-05T02:05:00",
        "date_paid_gmt": "2026-01-05T02:05:00",
        "total": "89.00",
        "customer_id": 12,
        "payment_method": "alipay",
        "billing": {"first_name": "Li", "country": "CN", "phone": "13800000001"},
        "shipping": {},
        "line_items": [{"sku": "S-1", "name": "Tea", "quantity": 1, "subtotal": "89.00"}],
        "refunds": [],
    }
    raw = json.dumps(order).encode()

    greeted = await house.http.post(
        path,
        content=b"webhook_id=7",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert (greeted.status_code, await house.spooled()) == (200, [])
    forged = await house.http.post(path, content=raw)
    assert (forged.status_code, await house.spooled()) == (401, [])
    pushed = await house.http.post(
        path,
        content=raw,
        headers={woocommerce.HEADER: woocommerce.sign("letters4and5digits", raw)},
    )

    assert pushed.status_code == 200
    assert (path in house.slow) == (front == "api")
    facts = await house.spooled()
    [known] = [fact for fact in facts if isinstance(fact, OrderFacts)]
    [person] = [fact for fact in facts if isinstance(fact, CustomerFacts)]
    assert (known.order_id, known.customer_id, known.total_minor) == ("74", "12", 8900)
    assert (person.phone, person.from_order) == ("+8613800000001", True)


async def test_an_unsigned_greeting_is_none_of_another_platforms(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    assert (await house.http.post(path, content=b"webhook_id=7")).status_code == 401


async def change(house: Any, path: str, body: Any) -> Any:
    return await house.http.patch(
        path.replace("/v1/hooks/", "/v1/shops/north/connectors/"),
        json=body,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


async def test_a_secret_is_replaced_without_a_push_being_refused(house: Any, front: str) -> None:
    path = await hook(house, "shopify", SECRET)

    added = await change(house, path, {"new_secret": "shpss_new"})
    assert (added.status_code, added.json()["active_secrets"]) == (200, 2)
    for secret in (SECRET, "shpss_new"):
        assert (await push_order(house, path, ORDER, secret)).status_code == 200

    kept = await change(house, path, {"keep_secrets": 1})
    assert (kept.status_code, kept.json()["active_secrets"]) == (200, 1)
    assert (await push_order(house, path, ORDER, SECRET)).status_code == 401
    assert (await push_order(house, path, ORDER, "shpss_new")).status_code == 200
    assert (path in house.slow) == (front == "api")


async def test_what_a_change_says_nothing_of_stays(house: Any) -> None:
    path = (await add_generic(house, GENERIC)).json()["path"]

    answer = await change(house, path, {"accept_test": True})

    assert (answer.json()["accept_test"], answer.json()["active_secrets"]) == (True, 1)
    assert answer.json()["config"]["check"] == {"/shop": "north"}
    of_south = {**GENERIC, "check": {"/shop": "south"}}
    assert (await change(house, path, {"config": of_south})).status_code == 200
    assert (await push_generic(house, path, {**SOLD, "shop": "south"})).status_code == 204
    assert len(await house.spooled()) == 1


@pytest.mark.parametrize(
    ("kind", "secret", "body", "fault"),
    [
        ("woocommerce", "good1", {"new_secret": "a&b"}, ("/new_secret", "value_error")),
        ("shopify", SECRET, {"new_secret": " x"}, ("/new_secret", "value_error")),
        ("shopify", SECRET, {"keep_secrets": 0}, ("/keep_secrets", "greater_than_equal")),
        ("shopify", SECRET, {"config": GENERIC}, ("/config", "unknown_field")),
        ("shopify", SECRET, {"kind": "woocommerce"}, ("/kind", "extra_forbidden")),
    ],
)
async def test_a_change_that_would_break_a_connector_is_refused(
    house: Any, kind: str, secret: str, body: Any, fault: tuple[str, str]
) -> None:
    path = await hook(house, kind, secret)

    answer = await change(house, path, body)

    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [fault]


async def test_a_sixth_secret_is_refused_until_older_ones_are_dropped(house: Any) -> None:
    path = await hook(house, "shopify", "one")
    for secret in ("two", "three", "four", "five"):
        assert (await change(house, path, {"new_secret": secret})).status_code == 200

    refused = await change(house, path, {"new_secret": "six"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "too_many")
    answer = await change(house, path, {"new_secret": "six", "keep_secrets": 2})
    assert answer.json()["active_secrets"] == 2
    assert (await push_order(house, path, ORDER, "five")).status_code == 200
    assert (await push_order(house, path, ORDER, "four")).status_code == 401


async def last_pushes(house: Any, path: str) -> list[tuple[str, str]]:
    answer = await house.http.get(
        path.replace("/v1/hooks/", "/v1/shops/north/connectors/") + "/pushes",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    return [(one["outcome"], one["reason"]) for one in answer.json()["pushes"]]


async def test_the_last_pushes_say_what_became_of_them_newest_first(house: Any) -> None:
    path = await hook(house, "standard", STANDARD)
    assert await last_pushes(house, path) == []

    await push_events(house, path, NATIVE)
    await push_events(house, path, NATIVE, late_s=302)
    await push_events(house, path, {"kind": "parade"})
    await push_events(house, path, {"events": [NATIVE, {"kind": "parade"}]})
    await house.ports.push_log.flush()

    assert await last_pushes(house, path) == [
        ("partly", "events/1/kind: unknown_kind"),
        ("kept", "events/0/kind: unknown_kind"),
        ("forged", ""),
        ("accepted", ""),
    ]


async def test_of_each_connector_twenty_pushes_are_kept(house: Any) -> None:
    first, second = [await hook(house, "shopify", SECRET) for _ in range(2)]
    for _ in range(2):
        for _ in range(15):
            await house.http.post(first, content=b"{}")
        await house.ports.push_log.flush()
    await push_order(house, second, ORDER)
    await house.ports.push_log.flush()

    assert await last_pushes(house, first) == [("forged", "")] * 20
    assert await last_pushes(house, second) == [("accepted", "")]
    [row] = await house.rows("select count(*) as n from ingest.push_log")
    assert row["n"] == 21
    await house.http.delete(
        first.replace("/v1/hooks/", "/v1/shops/north/connectors/"),
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    [row] = await house.rows("select count(*) as n from ingest.push_log")
    assert row["n"] == 1


async def test_another_shops_connector_is_not_found(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    elsewhere = issue_local_token(
        "a-secret-of-more-than-thirty-two-characters", "south", ["connectors:write"]
    )
    answer = await house.http.patch(
        path.replace("/v1/hooks/", "/v1/shops/south/connectors/"),
        json={"keep_secrets": 1},
        headers={"Authorization": f"Bearer {elsewhere}"},
    )

    assert answer.status_code == 404


async def test_a_repeated_push_gets_the_same_answer_and_is_one_fact(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    for _ in range(3):
        assert (await push_order(house, path, ORDER)).status_code == 200

    assert len(await house.spooled()) == 2


async def test_a_forged_push_is_told_nothing_and_kept_nowhere(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    parcels = await hook(house, "kuaidi100", SALT)
    raw = json.dumps(ORDER).encode()
    signature = {shopify.HEADER: shopify.sign(SECRET, raw)}

    for answer in (
        await house.http.post(path, content=raw),
        await push_order(house, path, ORDER, "another secret"),
        await house.http.post(path, content=raw + b" ", headers=signature),
        await house.http.post(path, content=raw, headers={shopify.HEADER: "é".encode("latin-1")}),
        await push_route(house, parcels, route(), "another salt"),
        await house.http.post(parcels, content=b"param=%7B%7D"),
        await house.http.post(parcels, content=b"\xff\xfe"),
    ):
        assert answer.status_code == 401
        assert answer.json() == {"error": "signature"}
    assert await house.spooled() == []
    assert await house.rows("select * from ingest.rejected_push") == []


async def test_an_unknown_hook_is_not_found(house: Any) -> None:
    assert (await house.http.post("/v1/hooks/nobody", content=b"{}")).status_code == 404


@pytest.mark.parametrize(
    "raw", [b"{", b'{"id":1}', b'{"id":1,"id":2}', b"[]", b'{"orders_to_redact":[]}']
)
async def test_a_signed_push_that_we_cannot_read_succeeds_and_is_kept(
    house: Any, raw: bytes
) -> None:
    path = await hook(house, "shopify", SECRET)
    headers = {shopify.HEADER: shopify.sign(SECRET, raw)}

    for _ in range(2):
        assert (await house.http.post(path, content=raw, headers=headers)).status_code == 200

    assert await house.spooled() == []
    listed = await house.http.get(
        "/v1/shops/north/kept-pushes", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    [kept] = listed.json()["pushes"]
    assert kept["reason"]


async def test_an_order_from_the_future_is_kept_aside(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)

    answer = await push_order(house, path, {**ORDER, "updated_at": "2150-01-01T00:00:00Z"})

    assert answer.status_code == 200
    assert await house.spooled() == []
    assert len(await house.rows("select * from ingest.rejected_push")) == 1


async def test_a_couriers_push_waits_for_its_parcel_and_then_goes_to_its_order(house: Any) -> None:
    path = await hook(house, "kuaidi100", SALT)

    answer = await push_route(house, path, route())

    assert answer.json() == {"result": True, "returnCode": "200", "message": "成功"}
    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "parcel:YT1001"

    await register(house, "YT1001")

    assert await house.rows("select * from ingest.parked") == []
    [(topic, fact)] = [one for one in await house.outbox() if one[0] == SHIPMENTS]
    assert (topic, fact.customer_id, fact.order_id) == (SHIPMENTS, "77", "A-1")
    assert len(fact.checkpoints) == 2

    # Now that the parcel is known, its next push needs no waiting.
    later = route()
    later["lastResult"]["data"].insert(0, {"ftime": "2026-01-07 10:00:00", "statusCode": "3"})
    await push_route(house, path, later)
    [direct] = await house.spooled()
    assert isinstance(direct, ShipmentFacts)
    assert direct.signed_at is not None


async def test_a_refund_finds_its_order_by_either_spelling(house: Any) -> None:
    path = await hook(house, "shopify", SECRET)
    rounded = {**ORDER, "id": 9007199254740992}
    refund = {
        "id": 5,
        "order_id": 9007199254740992,
        "refund_line_items": [],
        "created_at": "2026-01-06T10:00:00+08:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
    }

    await push_order(house, path, refund)
    assert len(await house.rows("select * from ingest.parked")) == 1
    await push_order(house, path, rounded)

    assert await house.rows("select * from ingest.parked") == []
    [fact] = [event for _, event in await house.outbox() if isinstance(event, OrderFacts)]
    assert (fact.order_id, fact.customer_id) == ("9007199254740993", "77")
    assert fact.refunds[0].amount_minor == 1000


async def register(house: Any, number: str) -> None:
    """Do what the own consumer does with a shop's fact of a parcel."""
    at = "2026-01-05T18:00:00Z"
    shipment = {"kind": "shipment", "order_id": "A-1", "customer_id": "77", "at": at}
    await house.post({**shipment, "number": number})
    [fact] = await house.spooled()
    await house.run("delete from ingest.ingest_spool")
    sent = house.ports.publisher.entry(fact)
    consumer = Consumer("ingest", house.sealer, 4, house.ports.now)
    async with house.worker() as conn:
        await consumer.on_shipments(
            conn,
            [Record(sent.topic, sent.part, 0, sent.key, sent.value, sent.headers, 0)],
        )
