"""A shop's past as it reaches us: late, again, out of order, refunded, cancelled, corrected."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from contracts.events import OrderFacts, RefundFacts

CUSTOMERS: Final = 60
ORDERS: Final = 400
ON_THE_EDGE: Final = 0.3  # orders paid within two seconds of a midnight
_SECOND: Final = timedelta(seconds=1)

Fields: TypeAlias = dict[str, Any]  # of an order's facts


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, and when it reaches us."""

    at: datetime
    fact: OrderFacts


def past(random: Random, shop_id: str, zone: str, first: date, last: date) -> list[Told]:
    """Return what is told of orders between two days of *zone*, each fact one to three times."""
    where, told = ZoneInfo(zone), list[Told]()
    for number in range(ORDERS):
        day = first + timedelta(days=random.randrange((last - first).days))
        midnight = datetime.combine(day, time(), where)
        instant = midnight + timedelta(seconds=random.randrange(86_400))
        if random.random() < ON_THE_EDGE:
            instant = midnight + random.randint(-2, 2) * _SECOND
        for happened, fact in _facts(random, shop_id, f"o{number}", instant):
            for _ in range(random.randint(1, 3)):
                late_days = random.choice([0, 0, 0, random.uniform(0, 3), random.uniform(0, 200)])
                told.append(Told(happened + timedelta(days=late_days), fact))
    return sorted(told, key=lambda one: one.at)


def _facts(
    random: Random, shop_id: str, order_id: str, paid_at: datetime
) -> Iterator[tuple[datetime, OrderFacts]]:
    """Yield what happens to an order, and when; every fact has a version of its own."""
    # The first buys for a company, the last ones once or never.
    who = f"c{min(int(random.expovariate(4 / CUSTOMERS)), CUSTOMERS - 1):02}"
    at = paid_at + timedelta(days=random.uniform(0, 40))
    said = _bought(random, paid_at)
    total = said[0][1]["total_minor"]
    said += _amended(random, at)
    said += _refunded(random, total, paid_at, at)
    for version, (happened, fields) in enumerate(said, start=1):
        yield happened, OrderFacts(**{**_names(shop_id, who, order_id, version), **fields})


def _names(shop_id: str, who: str, order_id: str, version_us: int) -> Fields:
    return {
        "shop_id": shop_id,
        "customer_id": who,
        "order_id": order_id,
        "version_us": version_us,
    }


def _bought(random: Random, paid_at: datetime) -> list[tuple[datetime, Fields]]:
    currency = "USD" if random.random() < 0.05 else "CNY"
    money: Fields = {"currency": currency, "total_minor": random.randint(1, 300_00)}
    said = [(paid_at, {"placed_at": paid_at, **money})]
    if random.random() < 0.9:
        said.append((paid_at, {"paid_at": paid_at, **money}))
    return said


def _amended(random: Random, at: datetime) -> list[tuple[datetime, Fields]]:
    said: list[tuple[datetime, Fields]] = []
    if random.random() < 0.15:
        said.append((at, {"total_minor": random.randint(0, 300_00)}))
    if random.random() < 0.15:
        said.append((at, {"cancelled_at": at}))
        restored_at = at + timedelta(hours=random.choice([-1, 1]))
        said += random.choice([[], [(at, {"restored_at": restored_at})]])
    if random.random() < 0.03:
        said.append((at, {"is_test": True}))
    if random.random() < 0.05:
        said.append((at, {"customer_id": f"c{random.randrange(CUSTOMERS):02}"}))
    return said


def _refunded(
    random: Random, total: int, paid_at: datetime, at: datetime
) -> list[tuple[datetime, Fields]]:
    said: list[tuple[datetime, Fields]] = []
    for number in range(random.choice([0, 0, 0, 0, 1, 2])):
        amount = random.choice([total, random.randint(1, total)])
        claim = RefundFacts(f"r{number}", 1, amount_minor=amount, agreed_at=at)
        # A refund may be told of before the payment is.
        said.append((random.choice([at, paid_at]), {"refunds": (claim,)}))
        if random.random() < 0.2:
            later = at + timedelta(days=1)
            gone = RefundFacts(f"r{number}", 2, withdrawn_at=later)
            said.append((later, {"refunds": (gone,)}))
    return said
