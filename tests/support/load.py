"""Orders in a steady stream, and what must be made of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import SegmentChanged
from contracts.topics import SEGMENTS
from support.canonical import events_of
from support.script import Fact, insist
from support.town import MORNING, Town

BATCH = 80  # orders; each is one fact or two, and some are said twice
EVERY_S = 0.1


@dataclass(eq=False)
class Load:
    """Orders of one morning by some hundred customers; three in four are paid."""

    town: Town
    seed: int
    customers: int = 300
    pushed: int = 0  # orders
    facts: int = 0  # the repeated ones once
    _paid: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _batches: Iterator[list[Fact]] = field(init=False)

    def __post_init__(self) -> None:
        print(f"seed {self.seed}")  # noqa: T201 - so that a red run can be played again
        self._batches = self._told(Random(self.seed))  # noqa: S311 - no secret

    def draw(self) -> list[Fact]:
        """Return the next batch, which the caller pushes: from now on it counts."""
        facts = next(self._batches)
        self.pushed += BATCH
        self.facts += len({repr(fact) for fact in facts})
        return facts

    async def push(self, batches: int = 1) -> None:
        for _ in range(batches):
            await insist(self.town, *self.draw())

    async def flow(self, stop: asyncio.Event) -> None:
        """Push at a steady rate until *stop*."""
        while not stop.is_set():
            await self.push()
            try:
                async with asyncio.timeout(EVERY_S):
                    await stop.wait()
            except TimeoutError:
                pass

    def recomputed(self) -> dict[str, tuple[int, int]]:
        """Return each customer's frequency and money, added up from what was pushed."""
        return {who: (len(totals), sum(totals)) for who, totals in self._paid.items()}

    def counted(self) -> dict[str, int]:
        """Return what reporting's summary must say of the orders."""
        paid = [total for totals in self._paid.values() for total in totals]
        return {
            "events": self.facts,
            "known": self.pushed,
            "counted": len(paid),
            "net_minor": sum(paid),
        }

    def _told(self, random: Random) -> Iterator[list[Fact]]:
        number = 0
        while True:
            facts: list[Fact] = []
            for _ in range(BATCH):
                number += 1
                facts += self._order(random, number)
            random.shuffle(facts)
            yield facts

    def _order(self, random: Random, number: int) -> Iterator[Fact]:
        who = f"c-{random.randrange(self.customers)}"
        total = random.randrange(1_000, 90_000)
        placed_at = MORNING - timedelta(minutes=random.randrange(5, 300))
        order = {"kind": "order", "order_id": f"L-{number}", "customer_id": who}
        placed = {**_at("placed_at", placed_at), "currency": "CNY", "total": total}
        yield {**order, **placed}
        if random.random() < 0.75:
            self._paid[who].append(total)
            paid = {**order, **_at("paid_at", placed_at + timedelta(minutes=1))}
            yield paid
            if random.random() < 0.2:
                yield paid


def _at(name: str, at: datetime) -> dict[str, Any]:
    return {"version": at.isoformat(), name: at.isoformat()}


async def segmented(town: Town) -> dict[str, tuple[int, int]]:
    """Return what the segmenter knows of everybody who bought."""
    rows = await town.rows("select * from segmenter.customer_state where frequency > 0")
    return {row["customer_id"]: (row["frequency"], row["monetary_minor"]) for row in rows}


def differing(
    expected: Mapping[str, tuple[int, int]], found: Mapping[str, tuple[int, int]]
) -> list[str]:
    """Return the customers who count for less or more than they bought."""
    everybody = expected.keys() | found.keys()
    return sorted(who for who in everybody if expected.get(who) != found.get(who))


async def misannounced(town: Town) -> list[tuple[str, int]]:
    """Return the changes of segments that are not once in the history and once in the topic.

    A batch applied twice would tell one revision in two ways; a lost one would not be told.
    """
    rows = await town.rows("select customer_id, revision from segmenter.segment_change")
    # The relay may repeat an event; as values, repetitions are one.
    events = {one for one in await events_of(town, SEGMENTS) if isinstance(one, SegmentChanged)}
    history = Counter((row["customer_id"], row["revision"]) for row in rows)
    told = Counter((event.customer_id, event.revision) for event in events)
    changes = history.keys() | told.keys()
    return [change for change in changes if (history[change], told[change]) != (1, 1)]


async def count_again(town: Town) -> None:
    """Plant what a batch applied twice would leave: somebody bought once more."""
    await town.watch.db.execute("""
        update segmenter.customer_state set frequency = frequency + 1
        where customer_id = (select min(customer_id) from segmenter.customer_state
                             where frequency > 0)""")


async def forget_change(town: Town) -> None:
    """Plant what a lost row would leave: a change of segment that was told and is not known."""
    await town.watch.db.execute("""
        delete from segmenter.segment_change
        where (customer_id, revision) = (select customer_id, revision
                                         from segmenter.segment_change limit 1)""")
