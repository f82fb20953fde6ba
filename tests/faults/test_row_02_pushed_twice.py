"""A fact that is pushed twice is one fact, whoever pushes it and how often."""

import asyncio
import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from contracts.topics import ORDERS
from demo.house import token
from simulators.shops import Line, Person, Purchase, ShopifyShop
from support.canonical import event_ids_of
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.town import MORNING, SHOP_ID, Town
from support.trial import Trial

CLIENTS: Final = 8
MOST: Final = 8  # times that one fact is pushed
TOGETHER: Final = 20  # facts a request
PLATFORM_SECRET: Final = "platform-secret-of-a-test"


async def _push_all(town: Town, facts: Collection[Any], ids: set[str]) -> int:
    """Push *facts* by several clients at once; return how many answers said duplicate."""
    queue = list(facts)
    duplicates = 0

    async def client() -> None:
        nonlocal duplicates
        headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
        url = f"http://127.0.0.1:{town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
        async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as http:
            while queue:
                mine = [queue.pop() for _ in range(min(TOGETHER, len(queue)))]
                answer = await http.post(url, json={"events": mine})
                assert answer.status_code == 200, answer.text
                results = answer.json()["results"]
                ids.update(one["event_id"] for one in results)
                duplicates += sum(one["status"] == "duplicate" for one in results)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return duplicates


@pytest.mark.row(2)
async def test_facts_pushed_up_to_eight_times_by_eight_clients_are_one_each(
    trial: Trial, town: Town
) -> None:
    load, random = Load(town, trial.seed), trial.random()
    await town.start("ingest", "segmenter")
    await town.open_shop()
    batches = trial.size(9, 90)
    told = [fact for _ in range(batches) for fact in load.draw()]
    distinct = {json.dumps(fact, sort_keys=True): fact for fact in told}
    pushed = [fact for fact in distinct.values() for _ in range(random.randint(1, MOST))]
    random.shuffle(pushed)

    ids: set[str] = set()
    duplicates = await _push_all(town, pushed, ids)
    await town.clock.rest()

    logged = await event_ids_of(town, ORDERS)
    trial.fired("facts pushed again", len(pushed) - len(distinct), at_least=1_000)
    trial.fired("answers that say duplicate", duplicates, at_least=1)
    trial.fired("distinct facts", len(distinct), at_least=trial.size(1_000, 10_000))
    trial.figure("pushes", len(pushed))
    trial.figure("records in the log", len(logged))
    trial.none("ids too many or too few", miscounted(ids, len(distinct)))
    trial.none("ids not in the log", missing(ids, logged))
    trial.none("ids in the log that nobody pushed", missing(logged, ids))
    trial.none("wrong customers", differing(load.recomputed(), await segmented(town)))
    trial.none("changes not announced once", await misannounced(town))

    fewer = ids - {min(ids)}
    trial.control("ids too many or too few", miscounted(fewer, len(distinct)))
    trial.control("ids not in the log", missing(ids, set(logged) & fewer))
    trial.control("ids in the log that nobody pushed", missing(logged, fewer))
    await count_again(town)
    trial.control("wrong customers", differing(load.recomputed(), await segmented(town)))
    await forget_change(town)
    trial.control("changes not announced once", await misannounced(town))


def miscounted(ids: Collection[str], number: int) -> list[str]:
    """Return the ids if there are more or fewer than *number*."""
    return [] if len(ids) == number else [f"{len(ids)} for {number}", *ids]


def missing(wanted: Collection[str], found: Collection[str]) -> set[str]:
    return set(wanted) - set(found)


@pytest.mark.row(2)
async def test_two_orders_of_one_second_under_one_delivery_id_are_two_and_one_repeated_is_one(
    trial: Trial, town: Town
) -> None:
    """The id of a delivery is no part of what is signed: it says nothing of the fact."""
    shop, at = ShopifyShop(PLATFORM_SECRET), MORNING - timedelta(hours=1)
    await town.start("ingest", "segmenter")
    await town.open_shop()
    connector = await town.api.post(
        "ingest",
        f"/v1/shops/{SHOP_ID}/connectors",
        {"kind": "shopify", "secrets": [PLATFORM_SECRET]},
    )
    orders = [
        Purchase(number=n, person=Person(n), lines=[Line("T-1", "茶", 9_900)], placed_at=at)
        for n in (1, 2)
    ]
    pushes = [shop.paid(order, at) for order in orders]
    one_delivery = {"X-Shopify-Webhook-Id": "d-1", "X-Shopify-Event-Id": "e-1"}
    for push in pushes:
        await town.api.hook(connector["connector_id"], push.body, {**push.headers, **one_delivery})
    for number in range(5):
        again = {"X-Shopify-Webhook-Id": f"d-{number}", "X-Shopify-Event-Id": f"e-{number}"}
        await town.api.hook(
            connector["connector_id"], pushes[0].body, {**pushes[0].headers, **again}
        )
    await town.clock.rest()

    known = {row["order_id"] for row in await town.rows("select * from segmenter.customer_order")}
    wanted = {str(order.order_id) for order in orders}
    trial.fired("deliveries of one id with two contents", len(known & wanted), at_least=2)
    trial.fired("deliveries of one content with other ids", 5, at_least=5)
    trial.none("orders too many or too few", known ^ wanted)
    told = set(await event_ids_of(town, ORDERS))
    trial.none("facts told twice", miscounted(told, len(wanted)))

    trial.control("orders too many or too few", known ^ (wanted | {"9"}))
    trial.control("facts told twice", miscounted({*told, "told again"}, len(wanted)))
