"""Unpaid orders whose reminders fall due one after the other, and what became of their timers.

What is judged comes from the log: a reminder fired when Kafka was told of it, not when the service
says that it did.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from contracts.codec import decode
from contracts.events import Decision, DecisionResult, MessagePlanned
from contracts.topics import MESSAGES
from support.canonical import records_of
from support.eventually import eventually
from support.script import Fact, insist
from support.town import Town

WAIT: Final = timedelta(minutes=30)  # of the shipped rule
CHUNK: Final = 500


@dataclass(eq=False)
class Hand:
    """Moves business time, and remembers by how much it ran ahead when."""

    town: Town
    _since: list[datetime] = field(default_factory=list)
    _ahead: list[timedelta] = field(default_factory=list)

    async def read(self) -> datetime:
        """Return business time; from here on `business` knows the shift."""
        await self._note(datetime.now(UTC))
        return await self.town.watch.now()

    async def to(self, instant: datetime) -> None:
        before = datetime.now(UTC)  # what happens meanwhile may already be of the new time
        await self.town.watch.shift_to(instant)
        await self._note(before)

    def business(self, real: datetime) -> datetime:
        """Return the latest business time that it could be at *real*."""
        return real + self._ahead[bisect_right(self._since, real) - 1]

    @property
    def ahead(self) -> timedelta:
        """By how much business time runs ahead of real time now."""
        return self._ahead[-1]

    async def _note(self, since: datetime) -> None:
        [row] = await self.town.rows("select by_interval as ahead from clock.shift")
        self._since.append(since)
        self._ahead.append(row["ahead"])


@dataclass(eq=False)
class Dues:
    """The orders of one test, by when each one's reminder is due."""

    town: Town
    at: dict[str, datetime] = field(default_factory=dict)

    async def place(self, number: int, first: datetime, last: datetime) -> list[str]:
        """Push *number* more orders whose reminders fall due evenly from *first* to *last*."""
        start = len(self.at)
        step = (last - first) / max(1, number - 1)
        made = {f"D-{start + n}": first + n * step for n in range(number)}
        self.at |= made
        facts = [_order(order_id, due_at) for order_id, due_at in made.items()]
        for chunk in range(0, len(facts), CHUNK):
            await insist(self.town, *facts[chunk : chunk + CHUNK])
        return list(made)


def _order(order_id: str, due_at: datetime) -> Fact:
    placed_at = (due_at - WAIT).isoformat()
    about = {"kind": "order", "order_id": order_id, "customer_id": f"c-{order_id}"}
    return {
        **about,
        "version": placed_at,
        "placed_at": placed_at,
        "currency": "CNY",
        "total": 12_900,
    }


@dataclass(frozen=True, slots=True)
class Fired:
    """One reminder as the log has it; the relay may repeat a record, which changes nothing."""

    message_id: str
    order_id: str
    said: frozenset[MessagePlanned]
    decisions: int  # different ones
    at: datetime  # real time, of the first record


async def fired(town: Town) -> list[Fired]:
    """Return the reminders in the log; one order's may be several if it was fired in two ways."""
    said: dict[str, set[MessagePlanned]] = defaultdict(set)
    decided: dict[str, set[str]] = defaultdict(set)
    first: dict[str, datetime] = {}
    for record in await records_of(town, MESSAGES):
        event = decode(record.headers, record.value, record.key)
        if isinstance(event, MessagePlanned):
            at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            said[event.message_id].add(event)
            first[event.message_id] = min(at, first.get(event.message_id, at))
        elif isinstance(event, Decision) and event.result is DecisionResult.PLANNED:
            decided[event.message_id or ""].add(event.decision_id)
    return [
        Fired(one, _order_of(events), frozenset(events), len(decided[one]), first[one])
        for one, events in said.items()
    ]


def _order_of(events: Collection[MessagePlanned]) -> str:
    return next(iter(events)).order_id or ""


def lost(due: Collection[str], found: Sequence[Fired]) -> list[str]:
    """Return the orders whose timer never fired."""
    return sorted(set(due) - {one.order_id for one in found})


def twice(found: Sequence[Fired]) -> list[str]:
    """Return the orders with two reminders, or with one that was decided or told in two ways."""
    seen: set[str] = set()
    again = []
    for one in found:
        if one.order_id in seen or len(one.said) != 1 or one.decisions != 1:
            again.append(one.order_id)
        seen.add(one.order_id)
    return again


def early(due: Mapping[str, datetime], found: Sequence[Fired], hand: Hand) -> list[str]:
    """Return the orders whose reminder was in the log before it was due."""
    return [one.order_id for one in found if hand.business(one.at) < _floor(due[one.order_id])]


def late_s(due: Mapping[str, datetime], found: Sequence[Fired], hand: Hand) -> Iterator[float]:
    """Yield by how much each of *due* was late, in seconds, from its instant to the log."""
    for one in found:
        if one.order_id in due:
            yield (hand.business(one.at) - due[one.order_id]).total_seconds()


async def known(town: Town, number: int) -> None:
    """Wait until *number* timers wait."""
    await eventually(partial(_waiting, town, number), within_s=60 + number / 100)


async def none_waits(town: Town, number: int) -> None:
    """Wait until of *number* timers none waits any more."""
    await eventually(partial(_waiting, town, 0), within_s=60 + number / 100)


async def _waiting(town: Town, number: int) -> bool:
    [row] = await town.rows("select count(*) as n from care_triggers.timer")
    return bool(row["n"] == number)


def _floor(at: datetime) -> datetime:
    """Return *at* in whole milliseconds, which is all that the log's times have."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
