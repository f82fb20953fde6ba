"""Churn risk on a real database: one warning to a change, as a batch would have it."""

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from contracts.events import ChurnChanged, OrderFacts, Variable
from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop
from integration.segmenter.past import come_to, live_through
from segmenter.app.walk_churn import walk_churn
from segmenter.edges import timers
from segmenter.edges.store import Outlet
from segmenter.edges.timers import walk_risks
from segmenter.edges.values.churn_store import ChurnStore
from support.batch_gaps import BatchOfGaps
from support.bench import PARTITIONS
from support.deaths import pass_with_deaths

TODAY = NOON.date()
URL = "/v1/shops/tea/churn"


def gaps_of_a_hundred() -> list[OrderFacts]:
    """Return orders of c1 to c100: the gap behind their first day is as long as their number."""
    return [
        paid(f"{number}-{ago}", f"c{number}", days_ago=ago)
        for number in range(1, 101)
        for ago in (400, 400 - number)
    ]


async def told(segmenter: Segmenter) -> list[ChurnChanged]:
    return await segmenter.announced(ChurnChanged)


async def risk_in(http: httpx.AsyncClient, customer: str) -> dict[str, Any]:
    found = await http.get(f"/v1/shops/tea/customers/{customer}/value")
    assert found.status_code == 200, found.text
    risk: dict[str, Any] = found.json()["churn"]
    return risk


def is_quiet(risk: str) -> bool:
    return risk in {"low", "not_enough_data"}


@pytest.mark.timeout(180)
async def test_on_every_day_the_risk_announced_is_that_of_a_batch(segmenter: Segmenter) -> None:
    batch = BatchOfGaps(await live_through(segmenter))

    for later in (0, 1, 40, 41, 300):
        day = TODAY + timedelta(days=later)
        await come_to(segmenter, day)
        await segmenter.walk(limit=1000)

        last = {one.customer_id: one.risk for one in await told(segmenter)}
        for who, risk in batch.risks(day).items():
            announced = last.get(who, "low")
            assert announced == risk or (is_quiet(announced) and is_quiet(risk)), (day, who)
    every = await told(segmenter)
    assert len({(one.customer_id, one.revision) for one in every}) == len(every)


async def test_becoming_high_publishes_one_warning(segmenter: Segmenter) -> None:
    await segmenter.orders(*gaps_of_a_hundred(), paid("o1", days_ago=79))
    await segmenter.walk()
    await segmenter.walk()
    assert [(one.customer_id, one.risk, one.revision) for one in await told(segmenter)] == [
        ("ann", "middle", 1)
    ]

    for later in (1, 2, 3):
        await come_to(segmenter, TODAY + timedelta(days=later))
        await segmenter.walk()

    _, warning = await told(segmenter)
    assert (warning.risk, warning.revision) == ("high", 2)
    assert warning.as_of == TODAY + timedelta(days=1)


async def test_nobody_is_compared_before_the_midnight_pass_is_done(segmenter: Segmenter) -> None:
    await segmenter.orders(*gaps_of_a_hundred(), paid("o1", days_ago=85))
    await segmenter.rows("update shop_day set phase = 'walk' returning 1")

    assert await segmenter.walk() == 0


async def test_who_comes_back_is_low_in_answers_at_once_and_told_so_a_day_later(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(
        *gaps_of_a_hundred(), *(paid(f"o{who}", who, days_ago=85) for who in ("ann", "bob"))
    )
    # So that two counted days have gaps too, to be compared with.
    await segmenter.orders(*(paid(f"{n}-x", f"c{n}", days_ago=0) for n in range(1, 101)))
    await segmenter.walk()
    listed = (await http.get(URL, params={"risk": "high"})).json()
    assert [one["customer_id"] for one in listed["customers"]] == ["ann", "bob"]
    assert listed["customers"][0]["announced_on"] == str(TODAY)
    assert listed["customers"][0]["churn"] == {
        "risk": "high",
        "recency_days": 85,
        "counted_days": 1,
        "frequency_class": 1,
        "share": 0.85,
        "gaps": 100,
        "needed": 100,
        "high_from_days": 80,
    }

    await segmenter.orders(paid("again", "ann"))

    assert (await risk_in(http, "ann"))["risk"] == "low"
    listed = (await http.get(URL, params={"risk": "high"})).json()
    assert [one["customer_id"] for one in listed["customers"]] == ["bob"]
    await come_to(segmenter, TODAY + timedelta(days=1))
    await segmenter.walk()
    last = {one.customer_id: one for one in await told(segmenter)}
    assert (last["ann"].risk, last["ann"].revision) == ("low", 2)
    assert last["bob"].revision == 1


async def test_whose_orders_are_all_refunded_is_at_no_risk_any_more(segmenter: Segmenter) -> None:
    await segmenter.orders(*gaps_of_a_hundred(), paid("o1", days_ago=85))
    await segmenter.walk()

    await segmenter.orders(paid("o1", days_ago=85, version_us=2, cancelled_at=NOON))
    await come_to(segmenter, TODAY + timedelta(days=1))
    await segmenter.walk()

    assert [one.risk for one in await told(segmenter)] == ["high", "not_enough_data"]


async def test_ninety_nine_gaps_tell_no_risk(segmenter: Segmenter, http: httpx.AsyncClient) -> None:
    await segmenter.orders(*gaps_of_a_hundred()[2:], paid("o1", days_ago=300))
    await segmenter.walk()

    risk = await risk_in(http, "ann")
    known = (await http.get("/v1/shops/tea/value")).json()["churn"]

    assert await told(segmenter) == []
    assert (risk["risk"], risk["share"], risk["gaps"]) == ("not_enough_data", None, 99)
    assert [(one["state"], one["gaps"]) for one in known["classes"]] == [
        ("not_enough_data", 99),
        ("not_enough_data", 0),
        ("not_enough_data", 0),
    ]


async def test_a_shop_may_set_its_own_steps(segmenter: Segmenter, http: httpx.AsyncClient) -> None:
    steps = (Variable("churn_percents", "10,20,30"),)
    await segmenter.shops(shop(revision=2, settings=steps))
    await segmenter.orders(*gaps_of_a_hundred(), paid("o1", days_ago=25))
    await segmenter.walk()

    known = (await http.get("/v1/shops/tea/value")).json()["churn"]

    assert (known["percents"], known["as_of"]) == ([10, 20, 30], str(TODAY))
    assert known["classes"][0] == {
        "frequency_class": 1,
        "state": "known",
        "gaps": 100,
        "needed": 100,
        "middle_from_days": 10,
        "high_from_days": 20,
        "very_high_from_days": 30,
    }
    assert [one.risk for one in await told(segmenter)] == ["high"]


@pytest.mark.parametrize("dies_in", range(1, 7))
async def test_a_pass_that_dies_anywhere_announces_what_an_undisturbed_one_does(
    segmenter: Segmenter, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [paid(f"o{n}", f"s{n}", days_ago=85) for n in range(100)]
    await segmenter.orders(*gaps_of_a_hundred(), *silent)
    piece = partial(walk_risks, segmenter.engine, partitions=PARTITIONS, limit=40)
    died = await pass_with_deaths(monkeypatch, timers, piece, dies_in=dies_in)

    assert died == 1
    assert_all_once(await told(segmenter), [f"s{n}" for n in range(100)])


async def test_two_pods_share_the_shops_and_double_nothing(segmenter: Segmenter) -> None:
    await segmenter.orders(*gaps_of_a_hundred(), paid("o1", days_ago=85))
    async with segmenter.tx() as conn:
        await ChurnStore(conn, Outlet(NOON, PARTITIONS)).meet()
    async with segmenter.tx() as conn:
        assert await walk_churn(ChurnStore(conn, Outlet(NOON, PARTITIONS)), limit=10) is not None

        assert await walk_risks(segmenter.engine, partitions=PARTITIONS, limit=10) == 0

    await segmenter.walk()
    assert_all_once(await told(segmenter), ["ann"])


async def test_the_list_comes_in_pages_and_of_one_shop_alone(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.shops(shop("ink"))
    silent = [paid(f"o{n}", f"s{n}", days_ago=85) for n in range(5)]
    await segmenter.orders(*gaps_of_a_hundred(), *silent, paid("i1", "eve", shop_id="ink"))
    await segmenter.walk()
    await segmenter.rows(
        "insert into customer_churn values ('ink', 'eve', 'high', 1, '2026-03-01') returning 1"
    )

    found: list[str] = []
    query = {"limit": "2"}
    while True:
        page = (await http.get(URL, params=query)).json()
        found += [one["customer_id"] for one in page["customers"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert found == [f"s{n}" for n in range(5)]
    assert (await http.get("/v1/shops/ink/churn")).status_code == 403
    gone = await http.get("/v1/shops/gone/churn", headers=bearer("gone"))
    assert gone.status_code == 404
    assert (await http.get(URL, params={"risk": "low"})).status_code == 422


def assert_all_once(found: list[ChurnChanged], customers: Collection[str]) -> None:
    assert sorted(one.customer_id for one in found) == sorted(customers)
    assert {(one.risk, one.revision) for one in found} == {("high", 1)}
