"""The CDNOW sample as order facts for the native API: real purchases, 1997-01 to 1998-06."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

SHOP_ID: Final = "cdnow"
ZONE: Final = ZoneInfo("America/New_York")
LAST_DAY: Final = date(1998, 6, 30)


@dataclass(frozen=True, slots=True)
class Purchase:
    order_id: str
    customer_id: str
    day: date
    discs: int
    total_minor: int  # US cents; 8 rows of the sample are free


def purchases() -> list[Purchase]:
    """Return the sample's rows; the order id counts each customer's rows."""
    rows: list[Purchase] = []
    seen: dict[str, int] = {}
    for line in files("demo").joinpath("data/CDNOW_sample.txt").read_text("ascii").splitlines():
        _, customer, day, discs, dollars = line.split()
        seen[customer] = seen.get(customer, 0) + 1
        rows.append(
            Purchase(
                order_id=f"{customer}-{seen[customer]}",
                customer_id=customer,
                day=datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date(),
                discs=int(discs),
                total_minor=int(Decimal(dollars) * 100),
            )
        )
    return rows


def order(purchase: Purchase) -> dict[str, Any]:
    """Return the purchase as the native API takes it: placed and paid at noon of its day."""
    placed = datetime.combine(purchase.day, time(12), ZONE)
    paid = placed + timedelta(minutes=5)
    return {
        "kind": "order",
        "order_id": purchase.order_id,
        "customer_id": purchase.customer_id,
        "version": paid.isoformat(),
        "placed_at": placed.isoformat(),
        "paid_at": paid.isoformat(),
        "currency": "USD",
        "total": purchase.total_minor,
    }


def batches(size: int = 500) -> Iterator[list[dict[str, Any]]]:
    """Yield bodies for POST /v1/shops/cdnow/events, at most *size* events each."""
    events = [order(purchase) for purchase in purchases()]
    for start in range(0, len(events), size):
        yield events[start : start + size]
