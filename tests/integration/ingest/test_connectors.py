"""Connectors are described, changed and watched: no push is refused, no secret is shown."""

from typing import Any

import pytest

from integration.ingest.pushing import (
    BOTH_WAYS,
    GENERIC,
    NATIVE,
    ORDER,
    SECRET,
    SOLD,
    STANDARD,
    TOKEN,
    add_generic,
    hook,
    push_events,
    push_generic,
    push_order,
)
from web.auth import issue_local_token

pytestmark = BOTH_WAYS


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
