"""HTTP: explain, tasks and rules; a shop sees its own rows only."""

from datetime import timedelta
from typing import Any

import httpx

from contracts import topics
from contracts.events import (
    Channel,
    DeliveryChanged,
    DeliveryState,
    MessagePlanned,
    ReviewFacts,
    Shop,
)


async def test_explain_tells_facts_timers_decisions_and_deliveries_in_order(
    care: Any, http: httpx.AsyncClient
) -> None:
    now = await care.now()
    await care.feed(topics.ORDERS, care.placed(now))
    await care.feed(topics.REVIEWS, ReviewFacts("tea", "ann", "r1", 1, reviewed_at=now, rating=1))
    asked = "/v1/shops/tea/explain?customer_id=ann&rule_id=unpaid_first"
    (waiting,) = (await http.get(asked)).json()["timers"]
    await care.advance(timedelta(minutes=30))
    await care.fire()
    (planned,) = [one for one in await care.announced(MessagePlanned) if one.kind == "unpaid_first"]
    assert waiting["message_id"] == planned.message_id
    for revision, state in ((2, DeliveryState.SENT), (1, DeliveryState.CLAIMED)):
        changed = DeliveryChanged(
            "tea",
            "ann",
            planned.message_id,
            revision,
            state,
            "unpaid_first",
            1,
            "unpaid_first",
            channel=Channel.SMS,
            changed_at=now + timedelta(minutes=30, seconds=60 + revision),
        )
        await care.feed(topics.DELIVERIES, changed)

    answer = (await http.get(asked)).json()

    assert [(one["what"], one["result"]) for one in answer["history"]] == [
        ("decision", "planned"),
        ("delivery", "claimed"),
        ("delivery", "sent"),
    ]
    assert answer["history"][0]["facts"]["order.amount_minor"] == 12_800
    assert answer["orders"][0]["steps"][0]["status"] == "planned"
    assert answer["messages"][0]["state"] == "sent"
    assert answer["timers"] == []
    assert answer["reviews"][0]["rating"] == 1
    everything = (await http.get("/v1/shops/tea/explain?customer_id=ann")).json()
    assert {one["result"] for one in everything["history"]} >= {"task", "planned"}
    nobody = (await http.get("/v1/shops/tea/explain?customer_id=bob")).json()
    assert nobody["orders"] == nobody["history"] == []


async def test_tasks_are_listed_page_by_page_and_done_once(
    care: Any, http: httpx.AsyncClient
) -> None:
    now = await care.now()
    await care.feed(
        topics.REVIEWS,
        *(ReviewFacts("tea", f"c{n}", f"r{n}", 1, reviewed_at=now, rating=1) for n in range(3)),
    )
    first = (await http.get("/v1/shops/tea/tasks?state=open&limit=2")).json()
    rest = (
        await http.get(f"/v1/shops/tea/tasks?state=open&limit=2&cursor={first['next_cursor']}")
    ).json()
    tasks = [*first["tasks"], *rest["tasks"]]
    assert len({one["task_id"] for one in tasks}) == 3
    assert rest["next_cursor"] is None

    done = f"/v1/shops/tea/tasks/{tasks[0]['task_id']}/done"
    ended = await http.post(done, json={"outcome": "called, solved"})
    again = await http.post(done, json={"outcome": "called, solved"})

    assert (ended.status_code, ended.json()["state"]) == (200, "done")
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert (await http.post(done, json={"outcome": "x", "more": 1})).status_code == 422
    mine = (await http.get(f"/v1/shops/tea/tasks?customer_id={tasks[1]['customer_id']}")).json()
    assert [one["state"] for one in mine["tasks"]] == ["open"]
    assert (await http.get("/v1/shops/tea/tasks?cursor=WyJ4IiwieSJd")).status_code == 400


async def test_another_shops_task_is_unknown_and_another_shop_forbidden(
    care: Any, http: httpx.AsyncClient
) -> None:
    now = await care.now()
    await care.feed(topics.SHOPS, Shop("cup", 1, "Cup", "UTC", "USD", "US", "en", "Cup"))
    await care.feed(topics.REVIEWS, ReviewFacts("cup", "bob", "r9", 1, reviewed_at=now, rating=1))
    (row,) = await care.rows("select task_id from task")

    done = await http.post(f"/v1/shops/tea/tasks/{row['task_id']}/done", json={"outcome": "x"})

    assert done.status_code == 404
    assert (await http.get("/v1/shops/cup/tasks")).status_code == 403
    assert (await http.get("/v1/shops/tea/tasks")).json()["tasks"] == []
    assert (await http.get("/v1/shops/tea/explain?customer_id=bob")).json()["reviews"] == []


async def test_the_rules_are_listed_as_they_stand(http: httpx.AsyncClient) -> None:
    rules = (await http.get("/v1/shops/tea/rules")).json()["rules"]

    assert [(one["rule_id"], one["version"], one["on"]) for one in rules] == [
        ("bad_review", 1, True),
        ("birthday", 1, True),
        ("shipped", 1, True),
        ("unpaid_first", 1, True),
    ]
