"""A short day in a shop, always the same: what two runs are compared by."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

import httpx

from support.eventually import eventually
from support.town import MORNING, SHOP_ID, Town

Fact: TypeAlias = Mapping[str, Any]

SEED: Final = 20270302
ENDS: Final = MORNING + timedelta(minutes=140)
BUYERS: Final = range(1, 9)  # leave their order unpaid; three pay in time, two once reminded
PAYERS: Final = range(9, 15)  # pay at once; their parcels go out, the first one's in two
CRITICS: Final = range(12, 15)  # one of them praises, one thinks better of it
CHILDREN: Final = range(17, 21)  # it is their birthday


@dataclass(frozen=True, slots=True)
class Push:
    """What the shop says at one instant."""

    name: str
    at: datetime
    facts: tuple[Fact, ...]


def short_day() -> list[Push]:
    """Return the day's pushes, in order of time."""
    print(f"seed {SEED}")  # noqa: T201 - so that a red run can be played again
    random = Random(SEED)  # noqa: S311 - no secret
    totals = {number: random.randrange(10_000, 50_000) for number in (*BUYERS, *PAYERS)}
    return [
        Push("customers", _at(0), tuple(_person(number) for number in range(1, 21))),
        Push(
            "orders",
            _at(10),
            (
                *(_order(number, totals[number]) for number in BUYERS),
                *(_order(number, totals[number], paid_at=_at(9)) for number in PAYERS),
            ),
        ),
        Push("payments", _at(25), tuple(_payment(number, _at(24)) for number in (1, 2, 3))),
        Push("parcels", _at(75), (*map(_parcel, PAYERS), _parcel(9, "YT900"))),
        Push("reviews", _at(80), tuple(_review(n, 5 if n == 14 else 1, _at(79)) for n in CRITICS)),
        Push("late payments", _at(90), tuple(_payment(number, _at(89)) for number in (4, 5))),
        Push("second thoughts", _at(100), (_review(13, 5, _at(99)),)),
    ]


def _at(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def _person(number: int) -> Fact:
    return {
        "kind": "customer",
        "customer_id": f"c-{number}",
        "version": _at(-30).isoformat(),
        "phone": f"+86138001{number:05}",
        "name": f"顾客{number}",
        "birthday": {"month": 3, "day": 2} if number in CHILDREN else None,
        "consent": {"sms": True},
    }


def _order(number: int, total: int, paid_at: datetime | None = None) -> Fact:
    return {
        "kind": "order",
        "order_id": f"T-{number}",
        "customer_id": f"c-{number}",
        "version": _at(9).isoformat(),
        "placed_at": _at(8).isoformat(),
        "currency": "CNY",
        "total": total,
        **({} if paid_at is None else {"paid_at": paid_at.isoformat()}),
    }


def _payment(number: int, at: datetime) -> Fact:
    return {
        "kind": "order",
        "order_id": f"T-{number}",
        "customer_id": f"c-{number}",
        "version": at.isoformat(),
        "paid_at": at.isoformat(),
    }


def _parcel(number: int, waybill: str = "") -> Fact:
    return {
        "kind": "shipment",
        "order_id": f"T-{number}",
        "customer_id": f"c-{number}",
        "carrier": "yuantong",
        "number": waybill or f"YT{number:03}",
        "state": "picked_up",
        "at": _at(74).isoformat(),
    }


def _review(number: int, rating: int, at: datetime) -> Fact:
    return {
        "kind": "review",
        "review_id": f"V-{number}",
        "order_id": f"T-{number}",
        "customer_id": f"c-{number}",
        "rating": rating,
        "text": "很好" if rating > 3 else "碎了",
        "at": at.isoformat(),
    }


async def insist(town: Town, *facts: Fact) -> None:
    """Push as a sender does who was promised that only a 2xx counts: again, until there is one."""

    async def taken() -> bool:
        try:
            await town.api.say(SHOP_ID, *facts)
        except httpx.TransportError:
            return False
        return True

    await eventually(taken, within_s=40, every_s=0.2)


Say: TypeAlias = Callable[[Push], Awaitable[None]]


async def play(town: Town, say: Say) -> None:
    """Let the day happen, *say* each push at its time, and wait until all is settled."""
    for push in short_day():
        await town.clock.advance(push.at)
        await say(push)
    await town.clock.advance(ENDS)
    await settled(town, within_s=30)
    await town.clock.rest()


async def settled(town: Town, within_s: float) -> None:
    """Wait until it is known, or given up, what became of every request to a gateway."""

    async def done() -> bool:
        query = "select count(*) as n from notifier.message where state in ('claimed', 'unknown')"
        return await town.rows(query) == [{"n": 0}]

    await eventually(done, within_s)
