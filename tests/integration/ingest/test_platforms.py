"""Each kind of connector by its own signature: what it pushes becomes facts."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from contracts.events import CustomerFacts, OrderFacts
from integration.ingest.pushing import (
    BOTH_WAYS,
    GENERIC,
    NATIVE,
    SECRET,
    SOLD,
    STANDARD,
    add,
    add_generic,
    hook,
    push_events,
    push_generic,
)
from webhooks import doudian, douyin, woocommerce, youzan

pytestmark = BOTH_WAYS


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


async def add_youzan(house: Any, form: str) -> str:
    return await add(house, "youzan", client_id="yz01", kdt_id=7, form=form)


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


async def add_doudian(house: Any) -> str:
    return await add(house, "doudian", app_key="3409", shop_id=4463798)


async def push_doudian(house: Any, path: str, *messages: Any, app: str = "3409") -> Any:
    raw = json.dumps(messages).encode()
    headers = {"event-sign": doudian.sign("3409", SECRET, raw), "app-id": app}
    return await house.http.post(path, content=raw, headers=headers)


async def test_doudians_order_waits_for_what_names_its_customer(house: Any, front: str) -> None:
    path = await add_doudian(house)
    data = {"p_id": 4781320682406083640, "shop_id": 4463798, "create_time": 1767578280}
    created = {"tag": "100", "msg_id": "m-1", "data": json.dumps(data)}

    answer = await push_doudian(house, path, created)

    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "success"})
    assert (path in house.slow) == (front == "api")
    assert await house.spooled() == []
    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "order:4781320682406083640"


async def test_doudian_of_another_app_is_forged_and_its_odd_messages_are_kept_once(
    house: Any,
) -> None:
    path = await add_doudian(house)
    odd = {"tag": "777", "msg_id": "m-9", "data": "{}"}

    assert (await push_doudian(house, path, odd, app="3408")).status_code == 401
    for again in (odd, {**odd, "data": {}}):  # one id, spelled otherwise
        assert (await push_doudian(house, path, again)).status_code == 200
    assert (await push_doudian(house, path, {**odd, "tag": "0"})).status_code == 200

    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert kept["reason"] == "0: no tag that we know"


async def push_douyin(house: Any, path: str, body: Any) -> Any:
    raw = json.dumps(body).encode()
    headers = {douyin.HEADER: douyin.sign(SECRET, raw)}
    return await house.http.post(path, content=raw, headers=headers)


async def test_douyins_challenge_is_answered_when_it_is_signed(house: Any, front: str) -> None:
    path = await add(house, "douyin", client_key="dk1")
    asked = {"event": "verify_webhook", "client_key": "dk1", "content": {"challenge": 24680}}

    answer = await push_douyin(house, path, asked)

    assert (answer.status_code, answer.json()) == (200, {"challenge": 24680})
    assert (path in house.slow) == (front == "api")
    assert (await house.http.post(path, content=json.dumps(asked))).status_code == 401


async def test_douyins_order_waits_for_what_names_its_customer(house: Any) -> None:
    path = await add(house, "douyin", client_key="dk1")
    order = {"order_id": "800000000000000001", "pay_time": 1767578400, "pay_amount": 8900}
    body = {
        "event": "life_trade_order_notify",
        "client_key": "dk1",
        "content": json.dumps({"action": "pay_success", "order": order}),
    }

    answer = await push_douyin(house, path, body)

    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "success"})
    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "order:800000000000000001"


async def test_a_bridge_posts_taobaos_messages_signed_as_standard_webhooks(
    house: Any, front: str
) -> None:
    path = await add(house, "taobao", secret=STANDARD, user_id=174265168)
    content = {"buyer_open_uid": "AAFx", "payment": "30.36", "tid": 4586070597376760123}
    message = {
        "topic": "taobao_trade_TradeBuyerPay",
        "id": 6142200092063758446,
        "user_id": 174265168,
        "pub_time": "2026-01-05 10:00:00",
        "content": json.dumps(content),
    }

    answer = await push_events(house, path, [message])

    assert (answer.status_code, answer.content) == (204, b"")
    assert (path in house.slow) == (front == "api")
    [order] = await house.spooled()
    assert (order.order_id, order.customer_id) == ("4586070597376760123", "AAFx")
    assert (order.total_minor, order.paid_at) == (3036, datetime(2026, 1, 5, 2, tzinfo=UTC))


async def test_pinduoduos_refund_waits_for_its_order(house: Any) -> None:
    path = await add(house, "pinduoduo", secret=STANDARD, mall_id=171504183)
    content = {
        "mall_id": 171504183,
        "refund_fee": 1990,
        "modified": 1767578400016,
        "refund_id": 7381745730,
        "tid": "260105-339507978993455",
    }
    body = {
        "type": "pdd_refund_RefundCreated",
        "mallID": 171504183,
        "content": json.dumps(content),
    }

    assert (await push_events(house, path, body)).status_code == 204

    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "order:260105-339507978993455"


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
