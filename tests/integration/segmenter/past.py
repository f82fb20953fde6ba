"""The CDNOW sample as orders of the shop `tea`, its last day moved to the tests' today."""

from datetime import date, timedelta

from contracts.events import OrderFacts
from demo import cdnow
from integration.segmenter.conftest import NOON, Segmenter, paid
from support.batch_rfm import Bought

MOVED = NOON.date() - cdnow.LAST_DAY


def bought() -> list[Bought]:
    return [
        Bought(one.order_id, one.customer_id, one.day + MOVED, one.total_minor)
        for one in cdnow.purchases()
    ]


def order(one: Bought) -> OrderFacts:
    days_ago = (NOON.date() - one.day).days
    return paid(one.order_id, one.customer_id, days_ago=days_ago, total_minor=one.minor)


async def live_through(segmenter: Segmenter) -> list[Bought]:
    """Hand the service all that was bought, and return it."""
    purchases = bought()
    await segmenter.orders(*map(order, purchases))
    return purchases


async def come_to(segmenter: Segmenter, day: date) -> None:
    """Let the shop's *day* begin, and its midnight pass be done."""
    await segmenter.set_time(NOON + timedelta(days=(day - NOON.date()).days))
    await segmenter.roll()
