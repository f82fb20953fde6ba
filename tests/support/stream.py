"""A steady stream of orders, parcels and reviews, whose end does not depend on its batches.

Each customer buys once, so how records were grouped into batches leaves no trace; three of four
are without a contact, the fourth gets a parcel, a text about it, and writes a review.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any, Final

from support.script import Fact, insist
from support.town import MORNING, Town

OPENS: Final = MORNING + timedelta(minutes=60)  # texts may leave
HANDED_OVER: Final = OPENS - timedelta(minutes=20)  # so that its text is due at once
CLOSES: Final = OPENS + timedelta(hours=3)  # longer than any run takes
SAYS_TWICE: Final = 0.05
CARED_FOR: Final = 4  # every so many customers
CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Stream:
    """The same facts in the same batches for one seed; `facts` counts repeated ones once."""

    seed: int
    customers: int
    batch: int

    @property
    def facts(self) -> int:
        return self.customers + 2 * self.parcels

    @property
    def parcels(self) -> int:
        return len(range(0, self.customers, CARED_FOR))

    def paid(self) -> dict[str, tuple[int, int]]:
        """Return each customer's frequency and money."""
        return {f"c-{n}": (1, total) for n, total in enumerate(self._totals())}

    def waybills(self) -> set[str]:
        return {_waybill(n) for n in range(0, self.customers, CARED_FOR)}

    def batches(self) -> list[list[Fact]]:
        random = Random(self.seed)  # noqa: S311 - no secret
        told: list[Fact] = []
        for number, total in enumerate(self._totals()):
            told += [
                fact
                for fact in _of(number, total)
                for _ in range(1 + (random.random() < SAYS_TWICE))
            ]
        found = [told[start : start + self.batch] for start in range(0, len(told), self.batch)]
        for one in found:
            random.shuffle(one)
        return found

    async def introduce(self, town: Town) -> None:
        """Open the shop, make those known who have a contact, and go to the hour of the stream."""
        await town.open_shop()
        people = [_person(n) for n in range(0, self.customers, CARED_FOR)]
        for start in range(0, len(people), CHUNK):
            await insist(town, *people[start : start + CHUNK])
        await rest(town)
        await town.clock.advance(OPENS)

    def _totals(self) -> Iterator[int]:
        random = Random(self.seed + 1)  # noqa: S311 - no secret
        return (random.randrange(1_000, 90_000) for _ in range(self.customers))


async def rest(town: Town, within_s: float = 900) -> None:
    """Wait until all that was said has been handled, however much it is."""
    await replace(town.clock, within_s=within_s).rest()


async def close_day(town: Town) -> None:
    """Let all happen that is due by the end of the day: a slow run has come closer to it."""
    await replace(town.clock, within_s=900).advance(CLOSES)


def _of(number: int, total: int) -> Iterator[Fact]:
    about = {"order_id": f"S-{number}", "customer_id": f"c-{number}"}
    at = (OPENS - timedelta(minutes=30)).isoformat()
    order = {"kind": "order", **about, "version": at, "placed_at": at, "paid_at": at}
    yield {**order, "currency": "CNY", "total": total}
    if number % CARED_FOR == 0:
        yield {
            "kind": "shipment",
            **about,
            "carrier": "yuantong",
            "number": _waybill(number),
            "state": "picked_up",
            "at": HANDED_OVER.isoformat(),
        }
        rating = 1 + number // CARED_FOR % 5
        review = {"kind": "review", "review_id": f"V-{number}", **about, "rating": rating}
        yield {**review, "text": "收到了", "at": HANDED_OVER.isoformat()}


def _waybill(number: int) -> str:
    return f"YT{number:07}"


def _person(number: int) -> dict[str, Any]:
    return {
        "kind": "customer",
        "customer_id": f"c-{number}",
        "version": MORNING.isoformat(),
        "phone": f"+861380{number:07}",
    }
