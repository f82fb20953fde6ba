"""Posted events: taken, recognised when repeated, or refused with the field that is wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import CustomerFacts, OrderFacts, ReviewFacts, ShipmentFacts
from ingest.edges import swift
from integration.ingest.conftest import bearer
from integration.ingest.pushing import BOTH_WAYS
from web.auth import issue_local_token

ORDER: dict[str, Any] = {
    "kind": "order",
    "order_id": "A-1",
    "customer_id": "c-7",
    "version": "2026-01-05T10:00:00.25+08:00",
    "placed_at": "2026-01-05T09:58:00+08:00",
    "paid_at": "2026-01-05T10:00:00+08:00",
    "cancelled_at": None,
    "pay_on_delivery": False,
    "currency": "CNY",
    "total": 8900,
    "discount": 1000,
    "freight": 0,
    "items": [{"sku": "S-1", "name": "茶", "quantity": 1, "price": 9900}],
    "region": {"country": "CN", "province": "北京市", "city": "北京市"},
    "refunds": [
        {"refund_id": "r1", "amount": 500, "at": "2026-01-06T08:00:00Z", "state": "refunded"}
    ],
}


def changed(**fields: Any) -> dict[str, Any]:
    return {**ORDER, **fields}


pytestmark = BOTH_WAYS


async def test_an_order_is_taken_whole(house: Any) -> None:
    answer = await house.post(ORDER)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {name: body[name] for name in ("accepted", "duplicate", "rejected")} == {
        "accepted": 1,
        "duplicate": 0,
        "rejected": 0,
    }
    assert body["results"] == [
        {"index": 0, "status": "accepted", "event_id": body["results"][0]["event_id"]}
    ]
    [fact] = await house.spooled()
    assert isinstance(fact, OrderFacts)
    assert fact.paid_at == datetime(2026, 1, 5, 2, tzinfo=UTC)
    assert fact.version_us == 1767578400_250_000
    assert fact.lines is not None
    assert fact.lines[0].name == "茶"
    assert fact.refunds[0].completed_at == datetime(2026, 1, 6, 8, tzinfo=UTC)


async def test_a_plain_order_goes_the_short_way(house: Any, front: str) -> None:
    plain = {name: value for name, value in ORDER.items() if name != "refunds"}

    answers = [await house.post(plain), await house.post({"events": [plain, ORDER]})]

    assert [answer.status_code for answer in answers] == [200, 200]
    ways = house.slow.count("/v1/shops/north/events")
    short = front == "hot" and swift.COMPILED
    assert ways == (1 if short else 2)  # a refund is read the long way


async def test_the_same_fact_again_has_the_same_id_and_is_kept_once(house: Any) -> None:
    first = (await house.post(ORDER)).json()["results"][0]
    again = (await house.post(ORDER)).json()["results"][0]

    assert again == {"index": 0, "status": "duplicate", "event_id": first["event_id"]}
    assert len(await house.spooled()) == 1


async def test_each_event_of_a_batch_is_taken_whole_or_refused_whole(house: Any) -> None:
    events = [ORDER, changed(order_id="A-2", total="8900"), changed(order_id="A-3"), ORDER]

    answer = await house.post({"events": events})

    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicate"], body["rejected"]) == (2, 1, 1)
    assert [one["status"] for one in body["results"]] == [
        "accepted",
        "rejected",
        "accepted",
        "duplicate",
    ]
    assert [(one["field"], one["code"]) for one in body["results"][1]["errors"]] == [
        ("/total", "type")
    ]
    assert [fact.order_id for fact in await house.spooled()] == sorted(["A-1", "A-3"])


@pytest.mark.parametrize(
    ("event", "field", "code"),
    [
        pytest.param(changed(total="8900"), "/total", "type", id="text for money"),
        pytest.param(changed(total=89.0), "/total", "type", id="a float for money"),
        pytest.param(changed(total=True), "/total", "type", id="a boolean for money"),
        pytest.param(changed(total=-1), "/total", "range", id="money below zero"),
        pytest.param(changed(total=10**30), "/total", "range", id="money beyond bounds"),
        pytest.param(changed(order_id=17), "/order_id", "type", id="a number for an id"),
        pytest.param(changed(order_id=""), "/order_id", "too_short", id="an empty id"),
        pytest.param(changed(order_id="a\tb"), "/order_id", "format", id="a control character"),
        pytest.param(changed(order_id="x" * 129), "/order_id", "too_long", id="a long id"),
        pytest.param(changed(colour="red"), "/colour", "unknown_field", id="an unknown field"),
        pytest.param(
            changed(**{"+8613800000001": 1}), "/*", "unknown_field", id="an unknown field's number"
        ),
        pytest.param(changed(currency="RMB"), "/currency", "unknown", id="no such currency"),
        pytest.param(changed(paid_at="yesterday"), "/paid_at", "format", id="no time"),
        pytest.param(changed(paid_at=1767578400), "/paid_at", "type", id="a number for a time"),
        pytest.param(
            changed(paid_at="2026-01-05T10:00:00"), "/paid_at", "format", id="a time without offset"
        ),
        pytest.param(changed(paid_at="2026-02-30T10:00:00Z"), "/paid_at", "format", id="30 Feb"),
        pytest.param(
            changed(paid_at="1989-12-31T23:59:59Z"), "/paid_at", "range", id="before 1990"
        ),
        pytest.param(changed(paid_at="2150-01-01T00:00:00Z"), "/paid_at", "future", id="far ahead"),
        pytest.param(
            changed(items=[{"sku": "S", "quantity": 0, "price": 1}]),
            "/items/0/quantity",
            "range",
            id="no piece",
        ),
        pytest.param(
            changed(items=[{"sku": "S", "quantity": 1, "price": 1}] * 501),
            "/items",
            "too_long",
            id="too many lines",
        ),
        pytest.param(
            changed(region={"country": "XX"}), "/region/country", "unknown", id="no such country"
        ),
        pytest.param(
            changed(refunds=[{"refund_id": "r", "amount": 0, "at": "2026-01-06T08:00:00Z"}]),
            "/refunds/0/amount",
            "range",
            id="a refund of nothing",
        ),
        pytest.param({"kind": "order"}, "/order_id", "missing", id="almost nothing"),
        pytest.param({"kind": "parade"}, "/kind", "unknown_kind", id="an unknown kind"),
        pytest.param({"order_id": "A-1"}, "/kind", "missing", id="no kind"),
        pytest.param([], "", "type", id="a list"),
        pytest.param("order", "", "type", id="a text"),
        pytest.param(
            {"kind": "review", "review_id": "v", "at": "2026-01-06T08:00:00Z", "rating": 6},
            "/rating",
            "range",
            id="six stars",
        ),
        pytest.param(
            {"kind": "review", "review_id": "v", "at": "2026-01-06T08:00:00Z", "rating": 1},
            "/customer_id",
            "missing",
            id="a review of nobody",
        ),
        pytest.param(
            {
                "kind": "customer",
                "customer_id": "c",
                "version": "2026-01-06T08:00:00Z",
                "phone": "13800000001",
            },
            "/phone",
            "format",
            id="a number without its country",
        ),
        pytest.param(
            {
                "kind": "customer",
                "customer_id": "c",
                "version": "2026-01-06T08:00:00Z",
                "birthday": {"month": 2, "day": 30},
            },
            "/birthday",
            "range",
            id="a birthday that never comes",
        ),
        pytest.param(
            {"kind": "shipment", "order_id": "A", "number": " - ", "at": "2026-01-06T08:00:00Z"},
            "/number",
            "format",
            id="a waybill of nothing",
        ),
        pytest.param(
            {
                "kind": "shipment",
                "order_id": "A",
                "number": "YT1",
                "at": "2026-01-06T08:00:00Z",
                "state": "lost",
            },
            "/state",
            "unknown",
            id="an unknown state",
        ),
    ],
)
async def test_a_wrong_event_is_refused_by_its_field(
    closed: Any, event: Any, field: str, code: str
) -> None:
    answer = await closed.post(event)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    [result] = answer.json()["results"]
    assert result["status"] == "rejected"
    found = [(one["field"], one["code"]) for one in result["errors"]]
    assert (field, code) in found


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"{", 400, id="torn"),
        pytest.param(b'{"kind":"order","kind":"order"}', 400, id="a doubled key"),
        pytest.param(b'{"kind":"order","total":NaN}', 400, id="NaN"),
        pytest.param(b'{"kind":"order","total":' + b"9" * 5000 + b"}", 400, id="5000 digits"),
        pytest.param(b"[" * 200_000, 400, id="200 000 levels"),
        pytest.param(b'{"kind":"order","order_id":"\\u0000"}', 400, id="U+0000"),
        pytest.param(b'{"kind":"order","order_id":"\\ud800"}', 400, id="half a surrogate pair"),
        pytest.param(b'"\xff"', 400, id="not UTF-8"),
        pytest.param(b'{"events":[]}', 422, id="an empty batch"),
        pytest.param(b'{"events":{}}', 422, id="a batch that is no list"),
        pytest.param(b'{"events":[{}],"more":1}', 422, id="a batch with more"),
        pytest.param(b'{"events":[' + b"{}," * 500 + b"{}]}", 422, id="501 events"),
        pytest.param(b" " * (2 * 1024 * 1024 + 1), 413, id="over 2 MiB"),
    ],
)
async def test_a_body_that_is_none_is_a_problem(
    closed: Any, call: Callable[..., Any], raw: bytes, status: int
) -> None:
    answer = await call(closed, raw)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_neither_kafka_nor_postgres_is_a_503_and_when_to_come_again(closed: Any) -> None:
    answer = await closed.post(ORDER)

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert 5 <= int(answer.headers["retry-after"]) <= 30


async def test_what_needs_a_look_up_is_a_503_without_postgres(closed: Any) -> None:
    shipment = {"kind": "shipment", "order_id": "A", "number": "Y1", "at": "2026-01-06T08:00:00Z"}

    assert (await closed.post(shipment)).status_code == 503
    assert (await closed.post(ORDER, "south")).status_code == 503


async def test_another_media_type_or_encoding_is_not_read(
    closed: Any, call: Callable[..., Any]
) -> None:
    raw = json.dumps(ORDER).encode()

    assert (await call(closed, raw, **{"content-type": "text/plain"})).status_code == 415
    assert (await call(closed, raw, **{"content-encoding": "gzip"})).status_code == 415


async def test_who_may_not_is_told_so_before_the_body_is_read(
    closed: Any, call: Callable[..., Any]
) -> None:
    for shop, scopes, status in (("north", [], 403), ("south", ["events:write"], 403)):
        token = issue_local_token("a-secret-of-more-than-thirty-two-characters", shop, scopes)
        answer = await call(closed, b"{", authorization=f"Bearer {token}")
        assert answer.status_code == status
    assert (await call(closed, b"{", authorization="Bearer x")).status_code == 401


async def test_an_unknown_shop_is_not_found_and_a_new_one_works_at_once(house: Any) -> None:
    assert (await house.post(ORDER, "south")).status_code == 404

    await house.run(
        "insert into ingest.shop select 'south', 1, 'South', zone, currency, country, locale, "
        "sms_signature, escrow, same_day_cutoff, min_reminder_minor, marketing_consent_implied, "
        "email_from, settings from ingest.shop"
    )
    house.ports.directory._looked_at = float("-inf")  # noqa: SLF001 - else the test waits a second

    assert (await house.post(ORDER, "south")).status_code == 200


async def test_time_is_judged_by_business_time(house: Any) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await house.post(changed(paid_at=tomorrow))).status_code == 422

    await house.run("update clock.shift set by_interval = interval '1 day'")

    assert (await house.post(changed(paid_at=tomorrow))).status_code == 200


async def test_every_kind_becomes_its_fact(house: Any) -> None:
    at = "2026-01-05T12:00:00Z"
    shipment = {"kind": "shipment", "order_id": "A-1", "customer_id": "c-7", "number": "yt 1-00"}
    events = [
        {**shipment, "carrier": "yuantong", "state": "in_transit", "at": at, "problem": None},
        {
            "kind": "review",
            "review_id": "v1",
            "order_id": "A-1",
            "customer_id": "c-7",
            "sku": "S-1",
            "rating": 2,
            "text": "碎了",
            "at": at,
        },
        {
            "kind": "customer",
            "customer_id": "c-7",
            "version": at,
            "name": "Li",
            "phone": "+8613800000001",
            "email": None,
            "gender": "female",
            "region": {"country": "CN"},
            "birthday": {"month": 8, "day": 15, "lunar": True},
            "consent": {"sms": True, "email": False},
            "attributes": [{"name": "size", "value": "M"}],
        },
        {"kind": "customer_erased", "customer_id": "c-8", "at": at},
        {
            "kind": "cart",
            "cart_id": "k1",
            "customer_id": "c-7",
            "version": at,
            "currency": "CNY",
            "items": [{"sku": "S-1", "quantity": 1, "price": 9900}],
        },
        {
            "kind": "product",
            "sku": "S-1",
            "version": at,
            "name": "茶",
            "currency": "CNY",
            "price": 9900,
            "stock": 3,
            "launch_day": "2026-03-01",
        },
    ]

    size = {"type": "text"}
    await house.http.put("/v1/shops/north/attributes/size", json=size, headers=bearer())

    answer = await house.post({"events": events})

    assert answer.json()["accepted"] == 6, answer.text
    facts = {type(fact).__name__: fact for fact in await house.spooled()}
    assert set(facts) == {
        "ShipmentFacts",
        "ReviewFacts",
        "CustomerFacts",
        "CustomerErased",
        "CartFacts",
        "Product",
    }
    parcel, review, person = (
        facts[name] for name in ("ShipmentFacts", "ReviewFacts", "CustomerFacts")
    )
    assert isinstance(parcel, ShipmentFacts)
    assert (parcel.parcel_id, parcel.handed_over_at) == (
        "YT100",
        datetime(2026, 1, 5, 12, tzinfo=UTC),
    )
    assert isinstance(review, ReviewFacts)
    assert isinstance(person, CustomerFacts)
    assert [one.given for one in person.consents] == [True, False]
    [kept] = await house.rows("select * from ingest.review_text")
    assert "碎了".encode() not in kept["sealed"]


async def test_a_parcel_of_an_unknown_order_waits_for_it(house: Any) -> None:
    shipment = {
        "kind": "shipment",
        "order_id": "A-1",
        "customer_id": None,
        "number": "YT100",
        "state": "picked_up",
        "at": "2026-01-05T12:00:00Z",
    }

    answer = await house.post(shipment)

    assert answer.json()["accepted"] == 1
    assert await house.spooled() == []
    [waiting] = await house.rows("select wait_key from ingest.parked")
    assert waiting["wait_key"] == "order:A-1"
