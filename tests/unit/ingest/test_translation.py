"""Somebody else's JSON to events: checked when it is described, and when it is read."""

import json
from collections import Counter
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ingest.domain.reading import Unmappable
from ingest.edges import events
from ingest.edges.kinds.described import GenericConfig
from web.bodies import field_errors
from webhooks import strict_json

CONFIG: dict[str, Any] = {
    "verify": {"scheme": "standard-webhooks"},
    "check": {"/shop": "north"},
    "dedupe": ["/event_id"],
    "rules": [
        {
            "when": {"/event": ["order.paid", "order.created"]},
            "kind": "order",
            "fields": {
                "order_id": {"path": "/data/id", "as": "id"},
                "customer_id": {"path": "/data/buyer/id", "as": "id"},
                "version": {"path": "/data/updated", "as": "time", "format": "epoch_ms"},
                "paid_at": {
                    "path": "/data/paid",
                    "as": "time",
                    "format": "%Y-%m-%d %H:%M:%S",
                    "zone": "Asia/Shanghai",
                },
                "total": {"path": "/data/amount", "as": "money"},
                "freight": {"path": "/data/post_cents", "as": "money", "unit": "minor"},
                "is_presale": {"path": "/data/presale", "as": "flag"},
                "currency": {"value": "CNY"},
                "region.country": {"value": "CN"},
                "region.city": {"path": "/data/city"},
                "items": {
                    "each": "/data/lines",
                    "fields": {
                        "sku": {"path": "/a~1b", "as": "id"},
                        "quantity": {"path": "/n", "as": "count"},
                        "price": {"path": "/each", "as": "money"},
                    },
                },
            },
        },
        {
            "when": {"/event": ["parcels"], "/test": [False]},
            "each": "/parcels",
            "kind": "shipment",
            "fields": {
                "order_id": {"path": "/order"},
                "number": {"path": "/no"},
                "at": {"path": "/at", "as": "time"},
                "state": {"path": "/state", "words": {"SIGNED": "delivered"}},
            },
        },
    ],
}
PAID: dict[str, Any] = {
    "event": "order.paid",
    "event_id": "e-1",
    "shop": "north",
    "data": {
        "id": 9007199254740993,
        "buyer": {"id": "b-7"},
        "updated": 1767578400250,
        "paid": "2026-01-05 10:00:00",
        "amount": "89.00",
        "post_cents": 500,
        "presale": False,
        "city": "",
        "lines": [{"a/b": "S-1", "n": "2", "each": Decimal("44.5")}],
    },
}
PARCELS: dict[str, Any] = {
    "event": "parcels",
    "shop": "north",
    "test": False,
    "parcels": [
        {"order": "A-1", "no": "YT1", "at": "2026-01-05T10:00:00+08:00", "state": "SIGNED"},
        {"order": "A-2", "no": "YT2", "at": "2026-01-05T10:00:00Z", "state": "LOST"},
    ],
}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with one value put at *path*, or taken out of it."""
    copy = deepcopy(document)
    *outer, last = path.strip("/").split("/")
    place: Any = copy
    for step in outer:
        place = place[int(step) if isinstance(place, list) else step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def described(config: dict[str, Any]) -> GenericConfig:
    return GenericConfig.model_validate_json(json.dumps(config))


def read(body: Any, config: dict[str, Any] = CONFIG) -> list[dict[str, Any]]:
    return described(config).events_of(body, "CNY", Counter())


def test_a_body_becomes_the_event_that_it_describes() -> None:
    [event] = read(PAID)

    assert event == {
        "kind": "order",
        "order_id": "9007199254740993",
        "customer_id": "b-7",
        "version": "2026-01-05T02:00:00.250000+00:00",
        "paid_at": "2026-01-05T02:00:00+00:00",
        "total": 8900,
        "freight": 500,
        "is_presale": False,
        "currency": "CNY",
        "region": {"country": "CN"},
        "items": [{"sku": "S-1", "quantity": 2, "price": 4450}],
    }
    assert not isinstance(events.event(event), tuple)


def test_each_element_of_a_list_may_be_an_event_and_unknown_words_say_nothing() -> None:
    first, second = read(PARCELS)

    assert (first["number"], first["state"]) == ("YT1", "delivered")
    assert (second["number"], second.get("state")) == ("YT2", None)


def test_an_amount_without_a_named_currency_is_in_the_shops() -> None:
    [event] = read(PAID, changed(CONFIG, "/rules/0/fields/currency", ...))

    assert (event["currency"], event["total"]) == ("CNY", 8900)


def test_what_is_not_there_says_nothing() -> None:
    [event] = read(changed(changed(PAID, "/data/lines", ...), "/data/post_cents", ...))

    assert event.keys() & {"items", "freight"} == set()
    with pytest.raises(Unmappable, match="no rule fits"):
        read(changed(PARCELS, "/parcels", ...))


def test_money_in_a_list_alone_has_the_shops_currency_too() -> None:
    fields = {
        name: CONFIG["rules"][0]["fields"][name]
        for name in ("order_id", "customer_id", "version", "items")
    }
    [event] = read(PAID, changed(CONFIG, "/rules/0/fields", fields))

    assert (event["currency"], event["items"][0]["price"]) == ("CNY", 4450)
    without_money = {name: fields[name] for name in fields if name != "items"}
    [event] = read(PAID, changed(CONFIG, "/rules/0/fields", without_money))
    assert "currency" not in event


@pytest.mark.parametrize(("path", "quantity"), [("/data/lines/0/n", 2), ("/data/lines/1/n", None)])
def test_a_path_may_go_through_a_list(path: str, quantity: int | None) -> None:
    config = changed(
        CONFIG, "/rules/0/fields/total", {"path": path, "as": "money", "unit": "minor"}
    )
    body = changed(PAID, "/data/lines/0/n", Decimal("2.0"))
    [event] = read(body, config)

    assert event.get("total") == quantity


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("/shop", "south", "/shop"),
        ("/shop", ..., "/shop"),
        ("/event", "order.deleted", "no rule fits"),
        ("/data/updated", "soon", "version is no time"),
        ("/data/updated", True, "version is no time"),
        ("/data/updated", 10**30, "version is no time"),
        ("/data/updated", 5, "no time that can be"),
        ("/data/paid", "2026-01-05", "paid_at is no time"),
        ("/data/amount", "1e9", "total: not an amount"),
        ("/data/amount", True, "no number"),
        ("/data/post_cents", "5.5", "freight is no whole number"),
        ("/data/post_cents", Decimal("5.5"), "freight is no whole number"),
        ("/data/id", [], "order_id is no text"),
        ("/data/lines", {}, "/data/lines is no list"),
    ],
)
def test_what_is_not_as_described_is_said_without_quoting_it(
    path: str, value: Any, why: str
) -> None:
    with pytest.raises(Unmappable, match=why) as caught:
        read(changed(PAID, path, value))
    assert "south" not in str(caught.value)


def test_true_is_not_one() -> None:
    with pytest.raises(Unmappable, match="no rule fits"):
        read(changed(PARCELS, "/test", 0))


def test_one_body_is_at_most_as_many_events_as_a_batch() -> None:
    with pytest.raises(Unmappable, match="500"):
        read(changed(PARCELS, "/parcels", PARCELS["parcels"] * 251))


def test_a_time_without_a_zone_needs_one_described() -> None:
    config = changed(CONFIG, "/rules/0/fields/paid_at", {"path": "/data/paid", "as": "time"})
    with pytest.raises(Unmappable, match="without a zone"):
        read(PAID, config)


def test_kept_bodies_are_told_apart_by_what_the_description_names() -> None:
    of = described(CONFIG).identity_of
    assert of(PAID) == of(changed(PAID, "/data/id", 1)) == b"e-1"
    assert of(changed(PAID, "/event_id", ...)) is None
    assert of([]) is None
    assert described(changed(CONFIG, "/dedupe", ...)).identity_of(PAID) is None


FIELDS = "/rules/0/fields"
HMAC = {"scheme": "hmac", "header": "X-Sig"}


@pytest.mark.parametrize(
    ("path", "value", "place", "code"),
    [
        ("/verify", {"scheme": "md5"}, "/verify", "union_tag_invalid"),
        ("/verify", {**HMAC, "algorithm": "sha1"}, "/verify/algorithm", "literal_error"),
        ("/verify", {**HMAC, "signed": ["x"]}, "/verify/signed", "missing"),
        ("/verify", {**HMAC, "time": "header:T"}, "/verify/signed", "missing"),
        ("/check", {"shop": "north"}, "/check/shop", "format"),
        ("/rules", [], "/rules", "too_short"),
        ("/rules/0/kind", "parade", "/rules/0/kind", "literal_error"),
        (f"{FIELDS}/colour", {"value": 1}, f"{FIELDS}/colour", "unknown_field"),
        (f"{FIELDS}/kind", {"value": 1}, f"{FIELDS}/kind", "unknown_field"),
        (f"{FIELDS}/region", {"value": 1}, f"{FIELDS}/region", "unknown_field"),
        (f"{FIELDS}/region.moon", {"value": 1}, f"{FIELDS}/*", "unknown_field"),
        (f"{FIELDS}/items.sku", {"value": 1}, f"{FIELDS}/*", "unknown_field"),
        (f"{FIELDS}/items", {"value": 1}, f"{FIELDS}/items", "unknown_field"),
        (
            f"{FIELDS}/total",
            {"each": "/x", "fields": {"y": {"value": 1}}},
            f"{FIELDS}/total",
            "unknown_field",
        ),
        (f"{FIELDS}/items/fields/sku", ..., f"{FIELDS}/items/fields/sku", "missing"),
        (
            f"{FIELDS}/items/fields/size",
            {"value": 1},
            f"{FIELDS}/items/fields/size",
            "unknown_field",
        ),
        (f"{FIELDS}/customer_id", ..., f"{FIELDS}/customer_id", "missing"),
        (f"{FIELDS}/total", None, f"{FIELDS}/total", "model_type"),
        (f"{FIELDS}/total", "each", f"{FIELDS}/total", "model_type"),
        (f"{FIELDS}/order_id", {"as": "id"}, f"{FIELDS}/order_id/path", "missing"),
        (f"{FIELDS}/order_id", {"path": "/x", "value": 1}, f"{FIELDS}/order_id/path", "too_many"),
        (f"{FIELDS}/order_id/path", "data/id", f"{FIELDS}/order_id/path", "format"),
        (f"{FIELDS}/paid_at/format", "unix", f"{FIELDS}/paid_at/format", "unknown"),
        (f"{FIELDS}/paid_at/format", "%Q", f"{FIELDS}/paid_at/format", "format"),
        (f"{FIELDS}/paid_at/zone", ..., f"{FIELDS}/paid_at/zone", "missing"),
        (f"{FIELDS}/paid_at/zone", "Mars", f"{FIELDS}/paid_at/zone", "unknown"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(
    path: str, value: Any, place: str, code: str
) -> None:
    raw = json.dumps(changed(CONFIG, path, value)).encode()
    with pytest.raises(ValidationError) as caught:
        GenericConfig.model_validate_json(raw)

    assert (place, code) in [(one.field, one.code) for one in field_errors(caught.value, raw)]


def test_what_is_saved_means_what_was_given() -> None:
    config = described(CONFIG)
    saved = GenericConfig.model_validate_json(config.model_dump_json(by_alias=True))

    assert saved == config
    parcels = strict_json(json.dumps(PARCELS).encode())
    assert saved.events_of(parcels, "CNY", Counter()) == read(PARCELS)
