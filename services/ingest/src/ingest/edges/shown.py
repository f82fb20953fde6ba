"""What the API's document tells of each operation beside its code: examples, and what it refuses.

All examples are of one shop, and good: `tests/e2e/test_clients.py` asks them of a running ingest.
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.errors import (
    AttributeRefused,
    EditTooOld,
    ImportEnded,
    MergeRefused,
    NotDurable,
    NotMerged,
    ShopExists,
    UnknownConnector,
    UnknownCustomer,
    UnknownShop,
)
from web.openapi import Shown
from web.problems import NotFound, TooManyRequests

_SAID: Final[Mapping[str, Any]] = {
    "name": "茶语",
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "country": "CN",
    "locale": "zh",
    "sms_signature": "茶语",
    "escrow": True,
    "same_day_cutoff": "16:00",
    "min_reminder_minor": 5000,
    "marketing_consent_implied": False,
    "email_from": "care@tea.example",
    "settings": {"events_per_minute": "6000"},
}
_SHOP: Final = {"shop_id": "tea-house", "revision": 1, **_SAID}

_CONNECTOR_ID: Final = "cn_Zk0yV1pXb3N4Y2hQcGJ0d2N2eWU5Zw"
_CONFIG: Final = {
    "verify": {
        "scheme": "hmac",
        "header": "X-Sig",
        "prefix": "sha256=",
        "algorithm": "sha256",
        "encoding": "hex",
        "signed": ["header:X-Time", ".", "body"],
        "time": "header:X-Time",
    },
    "rules": [
        {
            "when": {"/event": ["order.paid", "order.created"]},
            "kind": "order",
            "fields": {
                "order_id": {"path": "/data/id", "as": "id"},
                "customer_id": {"path": "/data/buyer/id", "as": "id"},
                "version": {"path": "/data/updated", "as": "time", "format": "epoch_ms"},
                "total": {"path": "/data/amount", "as": "money"},
                "currency": {"value": "CNY"},
            },
        }
    ],
}
_CONNECTOR: Final = {
    "connector_id": _CONNECTOR_ID,
    "kind": "shopify",
    "accept_test": False,
    "active_secrets": 1,
    "is_pulled": False,
    "config": None,
    "path": f"/v1/hooks/{_CONNECTOR_ID}",
    "created_at": "2026-01-05T02:00:00Z",
}

_ORDER: Final = {
    "kind": "order",
    "order_id": "A-1",
    "customer_id": "c-7",
    "version": "2026-01-05T10:00:00+08:00",
    "placed_at": "2026-01-05T09:58:00+08:00",
    "paid_at": "2026-01-05T10:00:00+08:00",
    "currency": "CNY",
    "total": 8900,
    "items": [{"sku": "S-1", "name": "龙井", "quantity": 1, "price": 8900}],
    "region": {"country": "CN", "province": "北京市", "city": "北京市"},
}
_SHIPMENT: Final = {
    "kind": "shipment",
    "order_id": "A-1",
    "customer_id": "c-7",
    "carrier": "yuantong",
    "number": "YT5001",
    "at": "2026-01-05T18:00:00+08:00",
    "state": "picked_up",
}
_EVENTS: Final[Mapping[str, Any]] = {
    "order": _ORDER,
    "shipment": _SHIPMENT,
    "review": {
        "kind": "review",
        "review_id": "R-1",
        "order_id": "A-1",
        "customer_id": "c-7",
        "sku": "S-1",
        "rating": 5,
        "text": "很好喝",
        "at": "2026-01-09T12:00:00+08:00",
    },
    "customer": {
        "kind": "customer",
        "customer_id": "c-7",
        "version": "2026-01-05T09:57:00+08:00",
        "name": "王芳",
        "phone": "+8613800138000",
        "email": "fang@mail.example",
        "birthday": {"month": 8, "day": 15, "lunar": True},
        "consent": {"sms": True, "email": False},
    },
    "customer_erased": {
        "kind": "customer_erased",
        "customer_id": "c-8",
        "at": "2026-01-06T10:00:00+08:00",
    },
    "cart": {
        "kind": "cart",
        "cart_id": "K-1",
        "customer_id": "c-7",
        "version": "2026-01-05T09:50:00+08:00",
        "currency": "CNY",
        "items": [{"sku": "S-1", "quantity": 2, "price": 8900}],
    },
    "product": {
        "kind": "product",
        "sku": "S-1",
        "version": "2026-01-01T00:00:00+08:00",
        "name": "龙井",
        "category": "tea",
        "currency": "CNY",
        "price": 8900,
        "stock": 120,
    },
    "batch": {"events": [_ORDER, _SHIPMENT]},
}
_EVENT_ID: Final = "0d9b5c1e-6a0f-5b7e-8f0a-7d2f1a3c4b5d"

_CUT: Final = {"name": "cut", "type": "choice", "label": "版型", "choices": ["slim", "wide"]}
_EDIT: Final = {
    "edit_id": "ed_0d9b5c1e6a0f5b7e8f0a7d2f1a3c4b5d",
    "at": "2026-01-05T02:00:00Z",
    "source": "trade fair",
    "by": "li",
    "change": {"customer_class": "wholesale"},
    "customers": 2,
    "reverted_at": None,
}
_MERGE: Final = {
    "alias_id": "c-8",
    "survivor_id": "c-7",
    "decided_at": "2026-01-05T02:00:00Z",
    "why": "phone",
}
_PERSON: Final = {"survivor_id": "c-7", "customers": ["c-7", "c-8"], "merges": [_MERGE]}
_IMPORT: Final = {
    "import_id": "im_Zk0yV1pXb3N4Y2hQcGJ0d2N2",
    "kind": "orders",
    "form": "csv",
    "encoding": "gb18030",
    "dry_run": False,
    "state": "waiting",
    "error": None,
    "columns": {},
    "size_bytes": 81230,
    "rows": 0,
    "accepted": 0,
    "rejected": 0,
    "created_at": "2026-01-05T02:00:00Z",
    "started_at": None,
    "ended_at": None,
}

SHOWN: Final[Mapping[str, Shown]] = {
    "add_shop": Shown(
        bodies={"tea house": {"shop_id": "tea-house", **_SAID}}, answer=_SHOP, refusals=[ShopExists]
    ),
    "put_shop": Shown(
        bodies={
            "all that is known": _SAID,
            "the least": {"name": "茶语", "currency": "CNY", "country": "CN"},
        },
        answer={**_SHOP, "revision": 2},
        refusals=[NotFound],
    ),
    "list_shops": Shown(answer={"shops": [_SHOP], "cursor": None}),
    "get_shop": Shown(answer=_SHOP, refusals=[NotFound]),
    "list_attributes": Shown(answer={"attributes": [_CUT]}, refusals=[UnknownShop]),
    "put_attribute": Shown(
        bodies={
            "a choice": {name: _CUT[name] for name in ("type", "label", "choices")},
            "a number": {"type": "number", "label": "身高"},
        },
        answer=_CUT,
        refusals=[UnknownShop, AttributeRefused],
    ),
    "delete_attribute": Shown(refusals=[UnknownShop, NotFound]),
    "edit_customers": Shown(
        bodies={
            "a class": {
                "customers": ["c-7", "c-8"],
                "change": {"customer_class": "wholesale"},
                "source": "trade fair",
            },
            "consents": {
                "customers": ["c-7"],
                "change": {"consent": {"sms": False, "email": True}},
                "source": "by telephone",
            },
        },
        answer=_EDIT,
        refusals=[UnknownShop],
    ),
    "list_edits": Shown(answer={"edits": [_EDIT]}),
    "revert_edit": Shown(
        answer={**_EDIT, "reverted_at": "2026-01-06T02:00:00Z"}, refusals=[NotFound, EditTooOld]
    ),
    "list_merges": Shown(answer={"merges": [_MERGE]}),
    "list_doubtful_contacts": Shown(
        answer={
            "doubtful": [
                {
                    "why": "phone",
                    "since": "2026-01-05T02:00:00Z",
                    "customers": ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6"],
                }
            ]
        }
    ),
    "merge_customers": Shown(
        bodies={"two": {"customers": ["c-7", "c-8"]}},
        answer=_PERSON,
        refusals=[UnknownCustomer, MergeRefused],
    ),
    "undo_merge": Shown(refusals=[NotMerged, MergeRefused]),
    "get_person": Shown(answer=_PERSON),
    "add_import": Shown(answer=_IMPORT, refusals=[UnknownShop, ImportEnded]),
    "list_imports": Shown(answer={"imports": [_IMPORT], "cursor": None}),
    "get_import": Shown(
        answer={
            **_IMPORT,
            "state": "done",
            "columns": {"订单号": "order_id", "买家": "customer_id", "付款时间": "paid_at"},
            "rows": 1200,
            "accepted": 1198,
            "rejected": 2,
            "started_at": "2026-01-05T02:00:01Z",
            "ended_at": "2026-01-05T02:00:03Z",
        },
        refusals=[NotFound],
    ),
    "get_import_rejects": Shown(refusals=[NotFound]),
    "cancel_import": Shown(refusals=[NotFound, ImportEnded]),
    "erase_customer": Shown(answer={"event_id": _EVENT_ID}, refusals=[UnknownShop, NotDurable]),
    "add_connector": Shown(
        bodies={
            "shopify": {"kind": "shopify", "secrets": ["shpss_0123456789abcdef"]},
            "woocommerce": {
                "kind": "woocommerce",
                "secrets": ["Zk0yV1pXb3N4Y2hQ"],
                "api": {"url": "https://shop.example", "key": "ck_0123", "secret": "cs_0123"},
            },
            "generic": {"kind": "generic", "secrets": ["0123456789abcdef"], "config": _CONFIG},
            "standard": {
                "kind": "standard",
                "secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
            },
        },
        answer=_CONNECTOR,
        refusals=[UnknownShop, NotDurable],
    ),
    "list_connectors": Shown(answer={"connectors": [_CONNECTOR]}),
    "change_connector": Shown(
        bodies={
            "a new secret": {"new_secret": "shpss_fedcba9876543210"},
            "only the newest secret": {"keep_secrets": 1},
        },
        answer={**_CONNECTOR, "active_secrets": 2},
        refusals=[NotFound, NotDurable],
    ),
    "delete_connector": Shown(refusals=[NotFound]),
    "list_last_pushes": Shown(
        answer={
            "pushes": [
                {
                    "at": "2026-01-05T02:00:00Z",
                    "outcome": "accepted",
                    "reason": "",
                    "size_bytes": 8123,
                }
            ]
        },
        refusals=[NotFound],
    ),
    "get_pull": Shown(
        answer={
            "mark": "2026-01-05T01:50:00Z",
            "done_at": "2026-01-05T02:00:00Z",
            "next_at": "2026-01-05T02:05:00Z",
            "failures": 0,
            "error": None,
            "hook_off": False,
        },
        refusals=[NotFound],
    ),
    "list_kept_pushes": Shown(
        answer={
            "pushes": [
                {
                    "id": 12,
                    "connector_id": _CONNECTOR_ID,
                    "reason": "for a person: the platform asks to erase a customer",
                    "received_at": "2026-01-05T02:00:00Z",
                    "task": "erase_customer",
                    "subject": "191167",
                }
            ],
            "cursor": None,
        }
    ),
    "put_away_kept_push": Shown(refusals=[NotFound]),
    "post_events": Shown(
        bodies=_EVENTS,
        answer={
            "accepted": 1,
            "duplicate": 0,
            "rejected": 0,
            "results": [{"index": 0, "status": "accepted", "event_id": _EVENT_ID}],
        },
        refusals=[UnknownShop, NotDurable, TooManyRequests],
        problems={
            "rejected": {
                "type": "urn:huiliu:problem:unprocessable",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "the event is not what this route takes",
                "accepted": 0,
                "duplicate": 0,
                "rejected": 1,
                "results": [
                    {
                        "index": 0,
                        "status": "rejected",
                        "errors": [
                            {
                                "field": "/currency",
                                "code": "unknown",
                                "message": "an ISO 4217 code is expected",
                            }
                        ],
                    }
                ],
            }
        },
    ),
    "receive_push": Shown(
        bodies={"of a standard connector": _ORDER, "several events": _EVENTS["batch"]},
        answer={"code": 0, "msg": "success"},
        refusals=[UnknownConnector, NotDurable],
    ),
}
