"""What shops note of customers: own attributes, and changes of many at once by staff."""

from typing import Any

import pytest

from contracts.events import (
    AttributeType,
    CustomerClass,
    CustomerErased,
    CustomerFacts,
    OwnAttribute,
)
from contracts.topics import CUSTOMERS, SHOPS
from ingest.edges.timers import sweep
from integration.ingest.conftest import add_shop, bearer
from integration.ingest.reading import consume
from integration.ingest.test_registries import AT, sent
from integration.ingest.test_shops import SETTINGS

ROOT = "/v1/shops/north"
EDITS = f"{ROOT}/customers/edits"
CUSTOMER = {"kind": "customer", "customer_id": "c-7", "version": "2026-01-05T10:00:00+08:00"}
EDIT: dict[str, Any] = {
    "customers": ["c-7", "c-8"],
    "change": {
        "customer_class": "wholesale",
        "gender": "female",
        "consent": {"sms": False},
        "attributes": [{"name": "height", "value": 172.5}],
    },
    "source": "trade fair",
}


async def define(house: Any, name: str, **said: Any) -> Any:
    return await house.http.put(f"{ROOT}/attributes/{name}", json=said, headers=bearer())


async def edit(house: Any, shop_id: str = "north", **said: Any) -> Any:
    path = f"/v1/shops/{shop_id}/customers/edits"
    return await house.http.post(path, json=EDIT | said, headers=bearer(shop_id))


async def revert(house: Any, edit_id: str, shop_id: str = "north") -> Any:
    path = f"/v1/shops/{shop_id}/customers/edits/{edit_id}/revert"
    return await house.http.post(path, headers=bearer(shop_id))


async def test_an_attribute_is_announced_with_the_shop_and_outlives_its_changes(
    house: Any,
) -> None:
    made = await define(house, "cut", type="choice", label="版型", choices=["slim", "wide"])
    await define(house, "height", type="number")
    await house.http.put(ROOT, json=SETTINGS, headers=bearer())

    listed = await house.http.get(f"{ROOT}/attributes", headers=bearer())

    assert made.json() == listed.json()["attributes"][0]
    assert [one["name"] for one in listed.json()["attributes"]] == ["cut", "height"]
    shop = (await sent(house, SHOPS))[-1]
    assert (shop.revision, shop.name) == (4, "South")
    assert shop.attributes == (
        OwnAttribute("cut", AttributeType.CHOICE, "版型", ("slim", "wide")),
        OwnAttribute("height", AttributeType.NUMBER),
    )


async def test_an_attribute_keeps_its_type(house: Any) -> None:
    await define(house, "cut", type="choice", choices=["slim"])

    wider = await define(house, "cut", type="choice", choices=["slim", "wide"])
    other = await define(house, "cut", type="text")

    assert (wider.status_code, wider.json()["choices"]) == (200, ["slim", "wide"])
    assert (other.status_code, other.json()["type"]) == (
        409,
        "urn:huiliu:problem:attribute-refused",
    )
    path = f"{ROOT}/attributes/cut"
    assert (await house.http.delete(path, headers=bearer())).status_code == 204
    assert (await house.http.delete(path, headers=bearer())).status_code == 404
    assert (await define(house, "cut", type="text")).status_code == 200


async def test_a_shop_has_at_most_a_hundred_attributes(house: Any) -> None:
    for number in range(100):
        assert (await define(house, f"a{number}", type="text")).status_code == 200

    assert (await define(house, "one_more", type="text")).status_code == 409
    assert (await define(house, "a7", type="text", label="七")).status_code == 200


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"type": "colour"}, "/type"),
        ({"type": "choice"}, "/choices"),
        ({"type": "text", "choices": ["a"]}, "/choices"),
        ({"type": "choices", "choices": ["a", "a"]}, "/choices"),
        ({"type": "choice", "choices": [""]}, "/choices/0"),
    ],
)
async def test_an_attribute_that_makes_no_sense_is_refused(
    closed: Any, said: dict[str, Any], field: str
) -> None:
    answer = await define(closed, "cut", **said)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_customers_values_are_those_that_the_shop_has_defined(house: Any) -> None:
    await define(house, "height", type="number")
    await define(house, "vip", type="boolean")
    values = [{"name": "height", "value": 172.50}, {"name": "vip", "value": True}]

    good = {**CUSTOMER, "attributes": values}
    bad = {**CUSTOMER, "attributes": [*values, {"name": "vip", "value": "yes"}]}
    strange = {**CUSTOMER, "attributes": [{"name": "13800000001", "value": 1}]}
    answer = await house.post({"events": [good, bad, strange]})

    results = answer.json()["results"]
    assert [one["status"] for one in results] == ["accepted", "rejected", "rejected"]
    assert [(one["field"], one["code"]) for one in results[1]["errors"]] == [
        ("/attributes/2/value", "type")
    ]
    assert [(one["field"], one["code"]) for one in results[2]["errors"]] == [
        ("/attributes/0/name", "unknown")
    ]
    assert "13800000001" not in answer.text
    [fact] = await house.spooled()
    assert [(one.name, one.value) for one in fact.attributes] == [
        ("height", "172.5"),
        ("vip", "true"),
    ]


async def test_an_edit_changes_all_and_is_one_entry(house: Any) -> None:
    await define(house, "height", type="number")
    await consume(house, CustomerFacts("north", "c-7", 1, name="Li"))
    await consume(house, CustomerErased("north", "c-9", AT))

    answer = await edit(house, customers=["c-7", "c-8", "c-9", "c-8"])

    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["customers"], made["source"], made["by"]) == (2, "trade fair", "local")
    assert made["change"]["attributes"] == [{"name": "height", "value": 172.5}]
    people = {one.customer_id: one for one in (await sent(house, CUSTOMERS))[-2:]}
    assert sorted(people) == ["c-7", "c-8"]
    assert people["c-7"].name == "Li"
    for one in people.values():
        assert (one.customer_class, one.gender) == ("wholesale", "female")
        assert [(a.name, a.value, a.source) for a in one.attributes] == [
            ("height", "172.5", "trade fair")
        ]
        assert [(c.channel, c.given, c.source) for c in one.consents] == [
            ("sms", False, "trade fair")
        ]
    listed = await house.http.get(EDITS, headers=bearer())
    assert listed.json() == {"edits": [made]}
    [row] = await house.rows("select change from ingest.edit")
    assert b"wholesale" not in row["change"]


async def test_an_edit_is_taken_back_as_one(house: Any) -> None:
    await define(house, "height", type="number")
    await consume(
        house, CustomerFacts("north", "c-7", 1, name="Li", customer_class=CustomerClass.RETAIL)
    )
    made = (await edit(house)).json()

    first = await revert(house, made["edit_id"])
    again = await revert(house, made["edit_id"])

    assert first.json()["reverted_at"] is not None
    assert again.json() == first.json()
    people = {one.customer_id: one for one in (await sent(house, CUSTOMERS))[-2:]}
    assert (people["c-7"].customer_class, people["c-8"].customer_class) == ("retail", None)
    assert [one.revision for one in people.values()] == [3, 2]
    for one in people.values():
        assert (one.gender, one.attributes, one.consents) == (None, (), ())
    assert await house.rows("select * from ingest.edited") == []


async def test_an_edit_that_is_old_cannot_be_taken_back_and_what_was_there_is_forgotten(
    house: Any,
) -> None:
    await define(house, "height", type="number")
    made = (await edit(house)).json()
    await house.run("update clock.shift set by_interval = interval '31 days'")

    assert (await revert(house, made["edit_id"])).status_code == 409
    assert len(await house.rows("select * from ingest.edited")) == 2
    await sweep(house.engine, house.sealer, 4, house.ports.now, limit=100)
    assert await house.rows("select * from ingest.edited") == []


async def test_an_edit_is_its_shops_own(house: Any) -> None:
    await add_shop(house, "south")
    await define(house, "height", type="number")
    made = (await edit(house)).json()

    assert (await revert(house, made["edit_id"], "south")).status_code == 404
    assert (await edit(house, "south")).status_code == 422  # it has no such attribute
    listed = await house.http.get("/v1/shops/south/customers/edits", headers=bearer("south"))
    assert listed.json() == {"edits": []}


async def test_who_is_erased_is_erased_from_edits_too(house: Any) -> None:
    await define(house, "height", type="number")
    made = (await edit(house)).json()
    await consume(house, CustomerErased("north", "c-7", AT))

    left = await house.rows("select customer_id from ingest.edited")
    before = len(await sent(house, CUSTOMERS))
    await revert(house, made["edit_id"])

    assert left == [{"customer_id": "c-8"}]
    assert [one.customer_id for one in (await sent(house, CUSTOMERS))[before:]] == ["c-8"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"customers": []}, "/customers"),
        ({"customers": ["c"] * 1_001}, "/customers"),
        ({"change": {}}, "/change/attributes"),
        ({"change": {"attributes": [{"name": "weight", "value": 1}]}}, "/change/attributes/0"),
        (
            {"change": {"attributes": [{"name": "a", "value": 1}, {"name": "a", "value": 2}]}},
            "/change/attributes",
        ),
        ({"change": {"customer_class": "friend"}}, "/change/customer_class"),
        ({"source": ""}, "/source"),
    ],
)
async def test_an_edit_that_makes_no_sense_changes_nothing(
    house: Any, said: dict[str, Any], field: str
) -> None:
    answer = await edit(house, **said)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert await house.rows("select * from ingest.edit") == []
    assert await house.rows("select * from ingest.profile") == []
