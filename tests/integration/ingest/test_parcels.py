"""Who moves parcels: warehouses by Qimen, which sign, and SF, which does not."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from contracts.events import ShipmentFacts
from integration.ingest.pushing import BOTH_WAYS, SECRET, TOKEN, add
from webhooks import top

pytestmark = BOTH_WAYS


async def call_qimen(house: Any, path: str, body: str, **changes: str) -> Any:
    said = {
        "app_key": "1023",
        "customerId": "c1",
        "format": "xml",
        "method": "deliveryorder.confirm",
        "sign_method": "md5",
        "timestamp": top.stamp(datetime.now(UTC)),
        "v": "2.0",
        **changes,
    }
    sign = top.sign(SECRET, {k.encode(): v.encode() for k, v in said.items()}, body.encode())
    return await house.http.post(
        f"{path}?{urlencode({**said, 'sign': sign})}",
        content=body.encode(),
        headers={"Content-Type": "text/xml;charset=utf-8"},
    )


LEFT = (
    "<request><deliveryOrder><deliveryOrderCode>A-1</deliveryOrderCode>"
    "<orderConfirmTime>2026-01-05 12:00:00</orderConfirmTime></deliveryOrder><packages><package>"
    "<logisticsCode>YTO</logisticsCode><expressCode>YT 100-1</expressCode></package></packages>"
    "</request>"
)


async def test_a_warehouse_tells_by_qimen_that_a_parcel_left(house: Any) -> None:
    path = await add(house, "qimen", app_key="1023", customer_id="c1")
    await house.run(
        "insert into ingest.order_ref (shop_id, ref, order_id, customer_id)"
        " values ('north', 'A-1', 'A-1', 'c-7')"
    )

    answer = await call_qimen(house, path, LEFT)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert b"<flag>success</flag>" in answer.content
    [fact] = await house.spooled()
    assert isinstance(fact, ShipmentFacts)
    assert (fact.order_id, fact.customer_id, fact.number) == ("A-1", "c-7", "YT1001")


async def test_a_call_that_qimen_repeats_with_another_time_is_kept_once(house: Any) -> None:
    path = await add(house, "qimen", app_key="1023", customer_id="c1")

    for number in range(2):
        said = {"method": "stockchange.report", "extra": str(number)}
        assert (await call_qimen(house, path, "<request/>", **said)).status_code == 200

    [kept] = await house.rows("select reason from ingest.rejected_push")
    assert kept["reason"] == "changes of stock do not say how much there is"


async def test_a_call_without_its_query_is_nobodys(house: Any) -> None:
    path = await add(house, "qimen", app_key="1023", customer_id="c1")

    assert (await house.http.post(path, content=LEFT.encode())).status_code == 401


async def add_sf(house: Any, *networks: str, secrets: Any = ()) -> Any:
    return await house.http.post(
        "/v1/shops/north/connectors",
        json={"kind": "sf", "secrets": list(secrets), "config": {"networks": list(networks)}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


def sf_route(code: str, **changes: str) -> dict[str, Any]:
    step = {"mailno": "SF 1", "orderid": "A-1", "acceptTime": "2026-01-05 12:00:00", "id": "7"}
    return {"Body": {"WaybillRoute": [{**step, "opCode": code, **changes}]}}


async def test_sf_is_believed_by_its_address_alone_and_finds_the_order(house: Any) -> None:
    # httpx' transport says that it calls from here.
    path = (await add_sf(house, "127.0.0.0/8", "2001:db8::/32")).json()["path"]
    await house.run(
        "insert into ingest.order_ref (shop_id, ref, order_id, customer_id)"
        " values ('north', 'A-1', 'A-1', 'c-7')"
    )

    answer = await house.http.post(path, json=sf_route("50"))

    assert answer.json() == {"return_code": "0000", "return_msg": "成功"}
    assert path in house.slow  # the other way does not know who calls
    [fact] = await house.spooled()
    assert (fact.order_id, fact.customer_id, fact.number) == ("A-1", "c-7", "SF1")


async def test_sf_from_another_address_is_nobody(house: Any) -> None:
    path = (await add_sf(house, "203.0.113.0/24")).json()["path"]

    assert (await house.http.post(path, json=sf_route("50"))).status_code == 401
    assert await house.spooled() == []


async def test_a_step_of_a_parcel_that_nobody_knows_waits_for_it(house: Any) -> None:
    path = (await add_sf(house, "127.0.0.0/8")).json()["path"]

    assert (await house.http.post(path, json=sf_route("50"))).status_code == 200

    [parked] = await house.rows("select wait_key from ingest.parked")
    assert parked["wait_key"] == "parcel:SF1"


@pytest.mark.parametrize(
    ("networks", "secrets", "field"),
    [
        (["127.0.0.1/8"], [], "/config/networks/0"),
        ([], [], "/config/networks"),
        (["127.0.0.0/8"], ["s"], "/secrets"),
    ],
)
async def test_sf_needs_networks_and_takes_no_secret(
    house: Any, networks: list[str], secrets: list[str], field: str
) -> None:
    refused = await add_sf(house, *networks, secrets=secrets)

    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == [field]


async def test_a_kind_without_secrets_gets_none_later(house: Any) -> None:
    path = (await add_sf(house, "127.0.0.0/8")).json()["path"]

    refused = await house.http.patch(
        f"/v1/shops/north/connectors/{path.rpartition('/')[2]}",
        json={"new_secret": "s"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )

    assert refused.json()["errors"] == [{"field": "/new_secret", "code": "unknown_field"}]
