"""Any order of arrival gives one state: facts shuffled over days, and doubled, equal a batch."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from support.batch_rfm import Batch, Bought, Rfm
from support.listed import rfm_of
from support.town import MORNING, SHANGHAI, Town
from support.trial import Trial

SPAN: Final = timedelta(days=120)
LATE: Final = timedelta(hours=72)
DOUBLED: Final = 0.2
AS_OF: Final = (MORNING.date() - timedelta(days=40), MORNING.date())
WINDOWS: Final = (None, 30, 90)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, when the shop said it, and when it arrives."""

    said_at: datetime
    event: dict[str, Any]


@dataclass(eq=False)
class Shop:
    """A shop's orders, drawn: what it says of them, and what a batch makes of them."""

    shop_id: str
    random: Random
    told: list[Told]
    bought: list[Bought]

    @classmethod
    def drawn(cls, seed: int, facts: int) -> "Shop":
        random = Random(seed)  # noqa: S311 - no secret
        shop = cls(f"any-{seed}", random, [], [])
        number = 0
        while len(shop.told) < facts:
            number += 1
            shop._order(number, facts)
        return shop

    def arriving(self) -> tuple[list[dict[str, Any]], int]:
        """Return the facts as they come, and how many come after one that was said later."""
        again = [one for one in self.told if self.random.random() < DOUBLED]
        late = [
            (one.said_at + LATE * self.random.random(), n, one)
            for n, one in enumerate(self.told + again)
        ]
        order = [one for _, _, one in sorted(late, key=lambda entry: entry[:2])]
        inverted = sum(a.said_at > b.said_at for a, b in itertools.pairwise(order))
        return [one.event for one in order], inverted

    def _order(self, number: int, facts: int) -> None:
        random = self.random
        who, order_id = f"c-{random.randrange(facts // 12 + 1)}", f"A-{number}"
        placed = MORNING - timedelta(seconds=random.uniform(7_200, SPAN.total_seconds()))
        totals = [random.randrange(1_000, 90_000) for _ in range(random.choice((1, 1, 2)))]
        about = {"kind": "order", "order_id": order_id, "customer_id": who}

        def say(minutes: float, **facts: Any) -> None:
            at = placed + timedelta(minutes=minutes)
            self.told.append(Told(at, {**about, "version": at.isoformat(), **facts}))

        first = {"placed_at": placed.isoformat(), "currency": "CNY"}
        for n, total in enumerate(totals):  # the shop thinks better of the price
            say(n, **first, total=total)
        if random.random() < 0.15:
            return  # never paid
        paid = placed + timedelta(minutes=random.uniform(2, 60))
        say(61, paid_at=paid.isoformat())
        if random.random() < 0.3:  # the platform says it again, with another time
            say(62, paid_at=(paid + timedelta(minutes=1)).isoformat())
        kept = self._afterwards(totals[-1], say, placed)
        self.bought.append(Bought(order_id, who, paid.astimezone(SHANGHAI).date(), kept))

    def _afterwards(self, total: int, say: Any, placed: datetime) -> int:
        """Return what is left of *total* after cancelling or refunds."""
        roll = self.random.random()
        if roll < 0.08:
            say(80, cancelled_at=(placed + timedelta(minutes=80)).isoformat())
            return 0
        if roll < 0.12:  # cancelled, and restored
            say(80, cancelled_at=(placed + timedelta(minutes=80)).isoformat())
            say(90, restored_at=(placed + timedelta(minutes=90)).isoformat())
        back = 0
        if roll > 0.85:
            back = self.random.randrange(1, total)
            at = (placed + timedelta(minutes=100)).isoformat()
            say(100, refunds=[{"refund_id": "r-1", "amount": back, "at": at}])
        return total - back


@pytest.mark.row(16)
async def test_facts_shuffled_over_three_days_and_doubled_equal_a_batch(
    trial: Trial, town: Town
) -> None:
    facts, seeds = trial.size((2_000, 3), (50_000, 20))
    await town.start("ingest", "segmenter")
    wrong: list[Any] = []
    inverted = doubled = compared = 0
    one, batch = None, None
    for number in range(seeds):
        shop = Shop.drawn(trial.seed * 100 + number, facts)
        await town.open_shop(shop.shop_id)
        events, late = shop.arriving()
        inverted, doubled = inverted + late, doubled + len(events) - len(shop.told)
        await town.api.say(shop.shop_id, *events)
        await town.clock.rest()
        batch = Batch(shop.bought)
        for expected, found, where in await _compared(town, shop, batch):
            compared += len(expected)
            wrong += [(where, entry) for entry in expected.items() ^ found.items()]
        trial.tell(f"seed {number + 1} of {seeds}: {len(events)} facts, {compared} rows compared")
        one = shop

    trial.fired("facts that came after a later one", inverted, at_least=facts * seeds // 4)
    trial.fired("facts that came twice", doubled, at_least=facts * seeds // 10)
    trial.figure("rows compared", compared)
    trial.none("customers that differ from the batch", wrong)

    assert one is not None
    assert batch is not None
    worse = Batch([*one.bought[1:], _more(one.bought[0])])
    planted = [
        entry
        for expected, found, _ in await _compared(town, one, worse)
        for entry in expected.items() ^ found.items()
    ]
    trial.control("customers that differ from the batch", planted)


def _more(bought: Bought) -> Bought:
    return Bought(bought.order_id, bought.customer_id, bought.day, bought.minor + 1_000)


async def _compared(
    town: Town, shop: Shop, batch: Batch
) -> Sequence[tuple[dict[str, Rfm], dict[str, Rfm], tuple[date, int | None]]]:
    return [
        (batch.rfm(as_of, window), await rfm_of(town, shop.shop_id, as_of, window), (as_of, window))
        for as_of, window in _spans()
    ]


def _spans() -> Iterator[tuple[date, int | None]]:
    for as_of in AS_OF:
        for window in WINDOWS:
            yield as_of, window
