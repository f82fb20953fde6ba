"""Shops and connectors: kept, announced, guarded."""

from typing import Any

import pytest

from contracts.events import Shop
from contracts.topics import SHOPS
from support.database import Db
from web.auth import issue_local_token

SECRET = "a-secret-of-more-than-thirty-two-characters"
SETTINGS = {"name": "South", "zone": "Europe/Berlin", "currency": "EUR", "country": "DE"}


def operator(*scopes: str, shop: str = "*") -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_local_token(SECRET, shop, scopes)}"}


WRITE = operator("shops:read", "shops:write", "connectors:read", "connectors:write")


async def test_each_change_of_a_shop_is_announced_with_its_revision(house: Any) -> None:
    put = {**SETTINGS, "locale": "en", "settings": {"aov_basis": "orders"}}

    made = await house.http.put("/v1/shops/south", json=SETTINGS, headers=WRITE)
    changed = await house.http.put("/v1/shops/south", json=put, headers=WRITE)

    assert (made.json()["revision"], changed.json()["revision"]) == (1, 2)
    told = [event for topic, event in await house.outbox() if topic == SHOPS]
    assert [(one.shop_id, one.revision) for one in told] == [
        ("north", 1),
        ("south", 1),
        ("south", 2),
    ]
    assert isinstance(told[-1], Shop)
    assert [(one.name, one.value) for one in told[-1].settings] == [("aov_basis", "orders")]
    got = await house.http.get("/v1/shops/south", headers=operator("shops:read", shop="south"))
    assert got.json() == changed.json()


async def test_a_shop_that_names_no_zone_gets_the_platforms(house: Any) -> None:
    said = {name: value for name, value in SETTINGS.items() if name != "zone"}

    made = await house.http.post("/v1/shops", json={"shop_id": "east", **said}, headers=WRITE)

    assert (made.status_code, made.json()["zone"]) == (201, "Asia/Shanghai")


async def test_a_shop_is_created_once_and_listed(house: Any) -> None:
    again = {"shop_id": "north", **SETTINGS}

    assert (await house.http.post("/v1/shops", json=again, headers=WRITE)).status_code == 409
    listed = await house.http.get("/v1/shops?limit=1", headers=WRITE)
    assert [one["shop_id"] for one in listed.json()["shops"]] == ["north"]
    rest = await house.http.get(f"/v1/shops?cursor={listed.json()['cursor']}", headers=WRITE)
    assert rest.json() == {"shops": [], "cursor": None}
    assert (await house.http.get("/v1/shops/nowhere", headers=WRITE)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Mars/Olympus"},
        {"currency": "RMB"},
        {"country": "Germany"},
        {"locale": "de"},
        {"same_day_cutoff": "25:00"},
        {"min_reminder_minor": -1},
        {"min_reminder_minor": 0.5},
        {"sms_signature": "【x】"},
        {"colour": "red"},
    ],
)
async def test_a_wrong_setting_of_a_shop_is_refused(closed: Any, wrong: dict[str, Any]) -> None:
    answer = await closed.http.put("/v1/shops/south", json={**SETTINGS, **wrong}, headers=WRITE)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/" + next(iter(wrong))


async def test_a_connectors_secrets_are_sealed_and_never_shown(house: Any) -> None:
    new = {"kind": "shopify", "secrets": ["shpss_old", "shpss_new"]}

    made = await house.http.post("/v1/shops/north/connectors", json=new, headers=WRITE)

    assert made.status_code == 201
    assert "shpss" not in made.text
    listed = await house.http.get("/v1/shops/north/connectors", headers=WRITE)
    assert listed.json() == {"connectors": [made.json()]}
    [row] = await house.rows("select secrets from ingest.connector")
    assert b"shpss" not in row["secrets"]
    path = f"/v1/shops/north/connectors/{made.json()['connector_id']}"
    assert (await house.http.delete(path, headers=WRITE)).status_code == 204
    assert (await house.http.delete(path, headers=WRITE)).status_code == 404
    assert (await house.http.post(made.json()["path"], content=b"{}")).status_code == 404


@pytest.mark.parametrize("secrets", [[], [""], [" x"], ["x\n"], ["x"] * 6])
async def test_a_secret_that_protects_nothing_is_refused(closed: Any, secrets: list[str]) -> None:
    new = {"kind": "kuaidi100", "secrets": secrets}

    answer = await closed.http.post("/v1/shops/north/connectors", json=new, headers=WRITE)

    assert answer.status_code == 422


async def test_a_secret_that_the_platform_would_sign_otherwise_with_is_refused(closed: Any) -> None:
    new = {"kind": "woocommerce", "secrets": ["good1", "a&amp;b"]}

    answer = await closed.http.post("/v1/shops/north/connectors", json=new, headers=WRITE)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/secrets"


async def test_another_pod_learns_of_shops_and_connectors(house: Any, make_house: Any) -> None:
    new = {"kind": "kuaidi100", "secrets": ["salt"]}
    made = await house.http.post("/v1/shops/north/connectors", json=new, headers=WRITE)
    other = house.ports.directory.__class__(
        engine=house.engine, sealer=house.sealer, now=house.ports.now
    )

    await other.refresh()
    found = await other.connector(made.json()["connector_id"])

    assert found.secrets == ("salt",)
    assert other.known_shop("north").currency == "CNY"


async def test_the_api_role_sees_one_shop_only(house: Any, db: Db) -> None:
    await house.http.put("/v1/shops/south", json=SETTINGS, headers=WRITE)
    new = {"kind": "kuaidi100", "secrets": ["salt"]}
    await house.http.post("/v1/shops/south/connectors", json=new, headers=WRITE)

    listed = await house.http.get("/v1/shops/north/connectors", headers=WRITE)

    assert listed.json() == {"connectors": []}
