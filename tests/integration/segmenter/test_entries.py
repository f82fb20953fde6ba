"""Entries and exits of used audiences: announced once, whatever dies, and in the day as well."""

from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from contracts.events import (
    AttributeType,
    AudienceChanged,
    CustomerProfile,
    CustomersMerged,
    CustomersUnmerged,
    Gender,
    OrderLine,
    OwnAttribute,
)
from integration.segmenter.conftest import NOON, Segmenter, paid, shop
from integration.segmenter.detailed import Details
from segmenter.edges.audience import timers
from support.bench import PARTITIONS
from support.deaths import pass_with_deaths

PATH = "/v1/shops/tea/audiences"
RECENT = {"field": "bought", "window_days": 7, "eq": True}


async def used(http: httpx.AsyncClient, **asked: Any) -> str:
    """Save an audience, have it used, and return its path."""
    answer = await http.post(PATH, json={"name": "recent", "filter": RECENT, **asked})
    path = f"{PATH}/{answer.json()['audience_id']}"
    assert (await http.post(f"{path}/use", json={"user": "rule:thanks"})).is_success
    return path


async def told(segmenter: Segmenter) -> list[tuple[int, str, bool]]:
    """Return what was announced: which judgement, who, whether in or out."""
    return [
        (one.revision, one.customer_id, one.member)
        for one in await segmenter.announced()
        if isinstance(one, AudienceChanged)
    ]


async def test_the_first_use_announces_all_members_and_a_second_user_nothing(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"), paid("o2", "bob", days_ago=30), paid("o3", "cat"))
    path = await used(http)
    await segmenter.judge()
    await http.post(f"{path}/use", json={"user": "rule:other"})
    await segmenter.judge()

    assert await told(segmenter) == [(1, "ann", True), (1, "cat", True)]
    kept = (await http.get(path)).json()
    assert (kept["settled"], kept["judged_day"]) == (True, "2026-03-01")


async def test_midnight_announces_who_left_because_time_passed(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann", days_ago=6), paid("o2", "bob"))
    await used(http)
    await segmenter.judge()
    await segmenter.set_time(NOON + timedelta(days=1))
    assert await segmenter.judge() == 0  # not before the shop's own midnight pass

    await segmenter.roll()
    await segmenter.judge()
    await segmenter.judge()

    assert (await told(segmenter))[2:] == [(2, "ann", False)]


async def test_what_happens_in_the_day_is_announced_without_a_whole_judgement(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    either = {"or": [RECENT, {"field": "gender", "eq": "female"}]}
    await used(http, filter=either)
    await segmenter.judge()

    await segmenter.orders(paid("o1", "ann"), paid("o2", "bob", days_ago=30))
    await segmenter.profiles(CustomerProfile("tea", "cat", 1, gender=Gender.FEMALE))
    await segmenter.judge()
    await segmenter.orders(paid("o1", "ann", version_us=2, cancelled_at=NOON))
    await segmenter.orders(paid("o1", "ann", version_us=2, cancelled_at=NOON))
    await segmenter.judge()

    found = await told(segmenter)
    assert sorted(found[:2], key=lambda one: one[1]) == [(2, "ann", True), (2, "cat", True)]
    assert found[2:] == [(3, "ann", False)]
    assert await segmenter.rows("select * from audience_dirty") == []


async def test_articles_and_levels_are_heard_of_in_the_day_too(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    tea = {"field": "items", "sku": ["tea"], "gte": 1}
    await used(http, filter={"and": [tea, {"field": "level", "eq": "basic"}]})
    await segmenter.orders(paid("o1", "ann"), paid("o2", "bob"))
    await segmenter.judge()

    lines = (OrderLine("tea", "茶", 2, 12_00),)
    await Details(segmenter=segmenter).orders(paid("o1", "ann", lines=lines), paid("o2", "bob"))
    await segmenter.judge()

    assert [who for _, who, _ in await told(segmenter)] == ["ann"]


async def test_a_merge_takes_the_alias_out_and_an_undo_brings_it_back(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"), paid("o2", "bob"))
    await used(http)
    await segmenter.judge()

    merged = CustomersMerged("tea", "ann", "ann", "bob", NOON)
    await segmenter.records([segmenter.record(merged)])
    await segmenter.judge()
    parted = CustomersUnmerged("tea", "ann", "ann", "bob", NOON + timedelta(hours=1))
    await segmenter.records([segmenter.record(parted)])
    await segmenter.judge()

    assert [(who, member) for _, who, member in await told(segmenter)][2:] == [
        ("bob", False),
        ("bob", True),
    ]


async def test_nobody_is_noted_where_no_audience_is_used(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await http.post(PATH, json={"name": "unused", "filter": RECENT})
    await segmenter.orders(paid("o1", "ann"))

    assert await segmenter.rows("select * from audience_dirty") == []
    assert await segmenter.judge() == 0


async def test_a_new_filter_announces_the_difference(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"), paid("o2", "bob"), paid("o3", "cat", days_ago=30))
    path = await used(http)
    await segmenter.judge()

    renewed = {"field": "orders", "gte": 1}
    out = [{"field": "net_money", "gt": 1}]
    await http.put(path, json={"name": "all", "filter": renewed})
    await segmenter.judge()
    await http.put(path, json={"name": "none", "filter": renewed, "exclude": out})
    await segmenter.judge()

    found = await told(segmenter)
    assert found[2:] == [
        (2, "cat", True),
        (3, "ann", False),
        (3, "bob", False),
        (3, "cat", False),
    ]


async def test_a_released_audience_is_quiet_and_goes_on_from_what_was_told(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"))
    path = await used(http)
    await segmenter.judge()
    await http.post(f"{path}/release", json={"user": "rule:thanks"})
    await segmenter.orders(paid("o2", "bob"))
    await segmenter.judge()
    assert len(await told(segmenter)) == 1

    await http.post(f"{path}/use", json={"user": "rule:thanks"})
    await segmenter.judge()

    assert (await told(segmenter))[1:] == [(2, "bob", True)]


async def test_a_deleted_audience_is_left_by_all(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"))
    path = await used(http)
    await segmenter.judge()
    await http.post(f"{path}/release", json={"user": "rule:thanks"})
    await http.delete(path)
    await segmenter.judge()

    assert await told(segmenter) == [(1, "ann", True), (2, "ann", False)]
    assert await segmenter.rows("select * from audience") == []
    assert await segmenter.rows("select * from audience_member") == []


async def test_a_frozen_audience_is_announced_when_it_is_used(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", "ann"))
    saved = await http.post(PATH, json={"name": "f", "filter": RECENT, "kind": "frozen"})
    await segmenter.judge()
    await segmenter.orders(paid("o2", "bob"))
    await segmenter.judge()
    assert await told(segmenter) == []

    await http.post(f"{PATH}/{saved.json()['audience_id']}/use", json={"user": "campaign:1"})
    await segmenter.judge()
    await segmenter.set_time(NOON + timedelta(days=30))
    await segmenter.roll()
    await segmenter.judge()

    assert await told(segmenter) == [(1, "ann", True)]


async def test_a_filter_that_the_shop_outgrew_is_shown_and_keeps_its_members(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    own = (OwnAttribute("size", AttributeType.TEXT),)
    await segmenter.shops(shop(revision=2, attributes=own))
    await segmenter.orders(paid("o1", "ann"))
    sized = {"or": [RECENT, {"field": "attribute", "name": "size", "eq": "L"}]}
    path = await used(http, filter=sized)
    await segmenter.judge()

    await segmenter.shops(shop(revision=3))
    await segmenter.orders(paid("o2", "bob"))
    await segmenter.judge()
    await segmenter.set_time(NOON + timedelta(days=1))
    await segmenter.roll()
    await segmenter.judge()

    assert "/filter/or/1/name" in (await http.get(path)).json()["fault"]
    assert await told(segmenter) == [(1, "ann", True)]
    assert (await http.get(f"{path}/members")).status_code == 409


@pytest.mark.parametrize("dies_in", range(1, 9))
async def test_a_judgement_that_dies_anywhere_announces_each_entry_and_exit_once(
    segmenter: Segmenter, http: httpx.AsyncClient, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await segmenter.orders(*(paid(f"o{n}", f"c{n}", days_ago=6) for n in range(5)))
    await used(http, filter={"or": [RECENT, {"field": "orders", "gte": 2}]})
    await segmenter.judge()
    await segmenter.orders(*(paid(f"p{n}", f"c{n}", days_ago=6) for n in range(2)))
    await segmenter.orders(paid("q", "new", days_ago=-1))
    await segmenter.set_time(NOON + timedelta(days=1))
    await segmenter.roll()
    piece = partial(timers.judge_audiences, segmenter.engine, partitions=PARTITIONS, limit=1)
    died = await pass_with_deaths(monkeypatch, timers, piece, dies_in=dies_in, at=None)

    assert died == 1
    later = (await told(segmenter))[5:]
    assert later == [(2, "c2", False), (2, "c3", False), (2, "c4", False), (2, "new", True)]
    kept = await segmenter.rows("select customer_id from audience_member order by customer_id")
    assert [row["customer_id"] for row in kept] == ["c0", "c1", "new"]


async def test_an_order_during_a_judgement_is_not_lost(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(*(paid(f"o{n}", f"c{n}") for n in range(3)))
    await used(http)
    await timers.judge_audiences(segmenter.engine, partitions=PARTITIONS, limit=1)  # compared

    await segmenter.orders(paid("late", "zoe"))
    await segmenter.orders(paid("o2", "c2", version_us=2, cancelled_at=NOON))
    await segmenter.judge(limit=1)

    kept = await segmenter.rows("select customer_id from audience_member order by customer_id")
    assert [row["customer_id"] for row in kept] == ["c0", "c1", "zoe"]
    last = {who: member for _, who, member in sorted(await told(segmenter))}
    assert last == {"c0": True, "c1": True, "c2": False, "zoe": True}
