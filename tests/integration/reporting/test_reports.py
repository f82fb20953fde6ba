"""From records on Kafka's topics to the reports that the API answers, on a real Postgres."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from msgspec import structs

from contracts import topics
from contracts.events import (
    DeliveryState,
)
from integration.reporting.conftest import (
    CAMPAIGN,
    DELIVERIES,
    HOUR,
    MESSAGES,
    ORDERS,
    REMIND,
    SEGMENTS,
    SENT,
    SERVICE,
    SHIPPED,
    SHOP,
    House,
    delivery,
    open_house,
    order,
    plan,
    records,
)
from plumbing.absence import Absence
from plumbing.consume import NotReady
from plumbing.migrate import check
from reporting.edges.consumer import Consumer
from reporting.main import HOME
from support.database import Db


def rule(report: Any, rule_id: str) -> Any:
    return next(one for one in report["rules"] if one["rule_id"] == rule_id)


async def test_the_effect_report_has_the_ten_fields_per_rule(house: House) -> None:
    await house.read_all()

    report = await house.get("effect")

    campaign, remind, shipped = (
        rule(report, one) for one in ("campaign", "unpaid_first", "shipped")
    )
    assert campaign["paid_amount_minor"] == 15_000
    assert campaign["unpaid_amount_minor"] == 20_000
    assert (campaign["paid_orders"], campaign["unpaid_orders"]) == (1, 1)
    assert (campaign["paid_people"], campaign["unpaid_people"]) == (1, 0)
    assert (campaign["people_reached"], campaign["pieces_sent"]) == (1, 2)
    assert (campaign["cost_micros"], campaign["roi"]) == (90_000, "1666.67")
    assert campaign["roi_as_ratio"] == "1:1666.67"
    assert (campaign["goal"], campaign["message_class"]) == ("sales", "marketing")
    assert (remind["paid_amount_minor"], remind["unpaid_amount_minor"]) == (20_000, 20_000)
    assert (remind["order_conversion"], remind["messages_sent"]) == ("0.5000", 2)
    assert (shipped["paid_orders"], shipped["roi"], shipped["cost_micros"]) == (0, None, 90_000)
    total = report["total"]
    assert (total["paid_amount_minor"], total["cost_micros"]) == (35_000, 360_000)
    assert (report["currency"], report["exponent"], report["shop_name"]) == ("CNY", 2, "茶铺")


async def test_one_rule_and_other_days_narrow_the_report(house: House) -> None:
    await house.read_all()

    one = await house.get("effect", {"rule_id": "campaign"})
    before = await house.get("effect", {"from": "2020-01-01", "until": "2020-02-01"})

    assert [found["rule_id"] for found in one["rules"]] == ["campaign"]
    assert one["total"]["paid_amount_minor"] == 15_000
    assert before["total"]["messages_sent"] == 0
    assert len(before["rules"]) == 3


async def test_the_summary_counts_what_came_in_and_what_became_of_it(house: House) -> None:
    await house.read_all()
    await house.read(topics.ORDERS, records(topics.ORDERS, ORDERS))

    found = await house.get("summary")

    assert found["orders"] == {
        "events": 7,
        "known": 5,
        "counted": 2,
        "unpaid": 2,
        "cancelled": 0,
        "in_other_currency": 1,
        "net_minor": 35_000,
    }
    assert found["segment_changes"] == 3
    assert found["cells"] == [
        {"cell": "just_bought", "customers": 1},
        {"cell": "new_high", "customers": 1},
    ]
    assert {"kind": "shipped", "state": "delivered", "reason": "", "messages": 1} in found[
        "messages"
    ]
    assert {
        "kind": "unpaid_first", "state": "suppressed", "reason": "cancelled", "messages": 1,
    } in found["messages"]  # fmt: skip
    assert {
        "kind": "shipped", "result": "skipped", "reason": "signed", "decisions": 1,
    } in found["decisions"]  # fmt: skip
    assert found["cancelled_by_payment"] == 1
    assert found["effect"]["paid_amount_minor"] == 35_000


async def test_any_order_and_repetition_of_records_gives_the_same_reports(
    service_db: Callable[[], Awaitable[Db]], house: House
) -> None:
    await house.read_all()
    straight = [await house.get("effect"), await house.get("summary")]
    batches = [
        *((topics.ORDERS, [one]) for one in records(topics.ORDERS, ORDERS * 2)),
        *((topics.MESSAGES, [one]) for one in records(topics.MESSAGES, MESSAGES * 2)),
        *((topics.DELIVERIES, [one]) for one in records(topics.DELIVERIES, DELIVERIES * 2)),
        *((topics.SEGMENTS, [one]) for one in records(topics.SEGMENTS, SEGMENTS * 2)),
        (topics.RULES, records(topics.RULES, [CAMPAIGN])),
    ]
    Random(7).shuffle(batches)  # noqa: S311 - the same shuffle each time
    other = await service_db()
    async with open_house(other) as again:
        await again.read(topics.SHOPS, records(topics.SHOPS, [SHOP]))
        await again.read(topics.RULES, records(topics.RULES, [REMIND, SHIPPED]))
        for topic, batch in batches:
            await again.read(topic, batch)

        shuffled = [await again.get("effect"), await again.get("summary")]

    for report in (*straight, *shuffled):
        del report["as_of"]
    assert shuffled == straight


async def test_the_people_behind_a_rule_come_in_pages(house: House) -> None:
    await house.read_all()
    more = [delivery(plan(CAMPAIGN, 10 + n, f"p{n}"), 2, DeliveryState.SENT) for n in range(3)]
    await house.read(topics.DELIVERIES, records(topics.DELIVERIES, more))
    plans = [plan(CAMPAIGN, 10 + n, f"p{n}") for n in range(3)]
    await house.read(topics.MESSAGES, records(topics.MESSAGES, plans))
    receipts = [delivery(one, 3, DeliveryState.DELIVERED) for one in plans]
    await house.read(topics.DELIVERIES, records(topics.DELIVERIES, receipts))
    debts = [order(10 + n, f"p{n}", placed_at=SENT + HOUR) for n in range(3)]
    await house.read(topics.ORDERS, records(topics.ORDERS, debts))

    payers = await house.get("people", {"rule_id": "campaign"})
    wanted: dict[str, str | int] = {"rule_id": "campaign", "side": "unpaid", "limit": 2}
    first = await house.get("people", wanted)
    rest = await house.get("people", {**wanted, "cursor": first["next_cursor"]})

    assert payers["people"] == [{"customer_id": "c1", "orders": 1, "amount_minor": 15_000}]
    assert payers["next_cursor"] is None
    found = [one["customer_id"] for one in (*first["people"], *rest["people"])]
    assert (found, rest["next_cursor"]) == (["p0", "p1", "p2"], None)


async def test_a_message_of_a_version_nobody_kept_is_judged_by_the_newest(house: House) -> None:
    await house.read_all()
    newer = dataclasses.replace(CAMPAIGN, version=7, attribution_window_s=60)
    await house.read(topics.RULES, records(topics.RULES, [newer]))

    kept = await house.get("effect", {"rule_id": "campaign"})

    assert kept["total"]["paid_orders"] == 1


async def test_a_shop_or_period_that_does_not_exist_is_refused(house: House) -> None:
    await house.read_all()

    assert (await house.get("effect", shop="coffee", status=404))["detail"] == "no such shop"
    await house.get("effect", {"from": "2026-01-02", "until": "2026-01-01"}, status=422)
    await house.get("summary", {"from": "soon"}, status=422)
    await house.get("people", status=422)
    await house.get("people", {"rule_id": "campaign", "cursor": "torn"}, status=400)


async def test_a_shop_sees_its_own_figures_only(house: House) -> None:
    await house.read_all()
    other = dataclasses.replace(SHOP, shop_id="coffee", name="Coffee")
    await house.read(topics.SHOPS, records(topics.SHOPS, [other]))

    found = await house.get("summary", shop="coffee")

    assert (found["orders"]["known"], found["messages"], found["cells"]) == (0, [], [])


async def test_an_older_shop_record_replaces_no_newer(house: House) -> None:
    older = dataclasses.replace(SHOP, revision=2, name="old")
    await house.read(topics.SHOPS, records(topics.SHOPS, [SHOP, older]))
    await house.read(topics.SHOPS, records(topics.SHOPS, [older]))

    assert (await house.get("summary"))["shop_name"] == "茶铺"


async def test_an_unknown_shop_is_waited_for_and_then_put_away(house: House) -> None:
    with pytest.raises(NotReady):
        await house.read(topics.ORDERS, records(topics.ORDERS, ORDERS[:1]))
    house.consumer = Consumer(SERVICE, Absence(patience_s=0))
    await house.read(topics.ORDERS, records(topics.ORDERS, ORDERS[:1]))

    assert await house.letters() == ["unknown shop"]


async def test_what_cannot_be_read_is_put_away_and_the_rest_goes_on(house: House) -> None:
    await house.read(topics.SHOPS, records(topics.SHOPS, [SHOP]))
    good, bad, gone = records(topics.ORDERS, [ORDERS[0], ORDERS[1], ORDERS[2]])
    bad = structs.replace(bad, value=b"\xff\xff")
    gone = structs.replace(gone, value=None)
    await house.read(topics.ORDERS, [bad, gone, good])

    assert len(await house.letters()) == 2
    assert (await house.get("summary"))["orders"]["known"] == 1


async def test_two_batches_that_meet_in_one_new_order_lose_nothing(house: House) -> None:
    await house.read(topics.SHOPS, records(topics.SHOPS, [SHOP]))
    facts = [order(1, f"c{n}", placed_at=SENT, ship_by=SENT + n * HOUR) for n in range(8)]

    await asyncio.gather(
        *(house.read(topics.ORDERS, [one]) for one in records(topics.ORDERS, facts))
    )

    found = await house.get("summary")
    assert (found["orders"]["known"], found["orders"]["events"]) == (1, 8)


async def test_the_console_is_served_whole_and_loads_nothing_from_elsewhere(house: House) -> None:
    page = await house.client.get("/console")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    for name in ("console.js", "texts.js", "console.css", "icon.svg"):
        assert (await house.client.get(f"/console/files/{name}")).status_code == 200


async def test_the_migration_makes_the_tables_of_the_code(db: Db) -> None:
    assert await asyncio.to_thread(check, HOME, db.owner_url("reporting")) == []


async def test_days_are_the_shops(house: House) -> None:
    await house.read_all()

    day = (SENT + timedelta(hours=8)).date()
    found = await house.get("effect", {"from": str(day), "until": str(day + timedelta(days=1))})

    assert found["total"]["messages_sent"] == 4
    assert date.fromisoformat(found["first"]) == day
