"""A fact that is pushed twice is one fact, whoever pushes it and how often."""

import asyncio
import json
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

import httpx
import pytest

from contracts.topics import ORDERS
from demo.house import token
from simulators.shops import Line, Person, Purchase, ShopifyShop, SignedRequest
from simulators.woo import WooShop
from support.canonical import event_ids_of
from support.eventually import eventually
from support.load import Load, count_again, differing, forget_change, misannounced, segmented
from support.town import MORNING, SHOP_ID, Town
from support.trial import Trial

CLIENTS: Final = 8
COME_AGAIN: Final = 503
MOST: Final = 8  # times that one fact is pushed
TOGETHER: Final = 20  # facts a request
PLATFORM_SECRET: Final = "platformSecretOfATest"


@dataclass(eq=False)
class Pushers:
    """Several clients that push the same facts, each request again until it is answered 2xx."""

    town: Town
    left: list[Any]
    ids: set[str] = field(default_factory=set)
    duplicates: int = 0
    unanswered: int = 0

    async def run(self, meanwhile: Awaitable[None]) -> None:
        async with asyncio.TaskGroup() as under_way:
            for _ in range(CLIENTS):
                under_way.create_task(self._push_all())
            await meanwhile

    async def restart(self) -> None:
        """Kill ingest when half is pushed, and start it anew."""
        half = len(self.left) // 2
        await eventually(lambda: len(self.left) <= half, within_s=3600, every_s=0.02)
        pod = self.town.pods["ingest"]
        pod.kill()
        await pod.ended(10)
        await self.town.start("ingest")

    async def _push_all(self) -> None:
        headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
        async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as http:
            while self.left:
                mine = [self.left.pop() for _ in range(min(TOGETHER, len(self.left)))]
                await eventually(partial(self._is_taken, http, mine), within_s=60, every_s=0.1)

    async def _is_taken(self, http: httpx.AsyncClient, facts: Sequence[Any]) -> bool:
        url = f"http://127.0.0.1:{self.town.ports['ingest'][0]}/v1/shops/{SHOP_ID}/events"
        try:
            answer = await http.post(url, json={"events": facts})
        except httpx.TransportError:
            self.unanswered += 1
            return False
        if answer.status_code == COME_AGAIN:
            return False
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        self.ids.update(one["event_id"] for one in results)
        self.duplicates += sum(one["status"] == "duplicate" for one in results)
        return True


def _distinct(load: Load, batches: int) -> list[Any]:
    told = [fact for _ in range(batches) for fact in load.draw()]
    return list({json.dumps(fact, sort_keys=True): fact for fact in told}.values())


@pytest.mark.row(2)
async def test_facts_pushed_up_to_eight_times_by_eight_clients_across_a_restart_are_one_each(
    trial: Trial, town: Town
) -> None:
    load, random = Load(town, trial.seed), trial.random()
    await town.start("ingest", "segmenter")
    await town.open_shop()
    distinct = _distinct(load, trial.size(9, 90))
    pushed = [fact for fact in distinct for _ in range(random.randint(1, MOST))]
    random.shuffle(pushed)

    pushers = Pushers(town, list(pushed))
    await pushers.run(pushers.restart())
    ids = pushers.ids
    await town.clock.rest()

    logged = await event_ids_of(town, ORDERS)
    trial.fired("facts pushed again", len(pushed) - len(distinct), at_least=1_000)
    trial.fired("answers that say duplicate", pushers.duplicates, at_least=1)
    trial.fired("requests unanswered, for ingest was killed", pushers.unanswered, at_least=1)
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


@dataclass(frozen=True)
class Platform:
    """A platform's pushes of two orders that were placed in one second, and how it names a push."""

    kind: str
    orders: Mapping[str, SignedRequest]
    ids: Sequence[str]  # headers


def _shopify() -> Platform:
    shop, at = ShopifyShop(PLATFORM_SECRET), MORNING - timedelta(hours=1)
    orders = [
        Purchase(number=n, person=Person(n), lines=[Line("T-1", "茶", 9_900)], placed_at=at)
        for n in (1, 2)
    ]
    pushes = {str(order.order_id): shop.paid(order, at) for order in orders}
    return Platform("shopify", pushes, ("X-Shopify-Webhook-Id", "X-Shopify-Event-Id"))


def _woocommerce() -> Platform:
    shop = WooShop(PLATFORM_SECRET)
    for number in (1, 2):
        shop.sold(number, MORNING - timedelta(hours=1), paid=True)
    pushes = {str(number): shop.push(number) for number in (1, 2)}
    return Platform("woocommerce", pushes, ("X-WC-Webhook-Delivery-ID",))


@pytest.mark.row(2)
@pytest.mark.parametrize("platform", [_shopify(), _woocommerce()], ids=lambda one: one.kind)
async def test_two_orders_of_one_second_under_one_delivery_id_are_two_and_one_repeated_is_one(
    trial: Trial, town: Town, platform: Platform
) -> None:
    """The id of a delivery is no part of what is signed: it says nothing of the fact."""
    await town.start("ingest", "segmenter")
    await town.open_shop()
    connector = await town.api.post(
        "ingest",
        f"/v1/shops/{SHOP_ID}/connectors",
        {"kind": platform.kind, "secrets": [PLATFORM_SECRET]},
    )

    async def push(request: SignedRequest, delivery: str) -> None:
        named = dict.fromkeys(platform.ids, delivery)
        headers = {**request.headers, **named}
        await town.api.hook(connector["connector_id"], request.body, headers)

    for request in platform.orders.values():
        await push(request, "1")
    first, *_ = platform.orders.values()
    for number in range(5):
        await push(first, str(number))
    await town.clock.rest()

    known = {row["order_id"] for row in await town.rows("select * from segmenter.customer_order")}
    wanted = set(platform.orders)
    trial.fired("deliveries of one id with two contents", len(known & wanted), at_least=2)
    trial.fired("deliveries of one content with other ids", 5, at_least=5)
    trial.none("orders too many or too few", known ^ wanted)
    told = set(await event_ids_of(town, ORDERS))
    trial.none("facts told twice", miscounted(told, len(wanted)))

    trial.control("orders too many or too few", known ^ (wanted | {"9"}))
    trial.control("facts told twice", miscounted({*told, "told again"}, len(wanted)))
