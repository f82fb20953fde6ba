"""How often a person may be spoken to, in days of the shop.

Marketing is held by 1 a day, 3 in 7 days, 6 in 30, today included; what went as service counts
there too. Service is held by 3 SMS a day. Transactional messages neither count nor are held.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from contracts.events import Channel, MessageClass
from notifier.domain.message import DayCount

COUNTED: Final = (MessageClass.MARKETING, MessageClass.SERVICE)


@dataclass(frozen=True, slots=True)
class Cap:
    days: int
    most: int


MARKETING: Final = (Cap(1, 1), Cap(7, 3), Cap(30, 6))
SERVICE_SMS: Final = (Cap(1, 3),)
LONGEST_DAYS: Final = max(cap.days for cap in MARKETING)


def first_free_day(
    message_class: MessageClass, channel: Channel, sent: Sequence[DayCount], today: date
) -> date:
    """Return the first day from *today* on that has room, if nothing else is sent meanwhile."""
    caps: tuple[Cap, ...] = ()
    counts: Counter[date] = Counter()
    if message_class is MessageClass.MARKETING:
        caps = MARKETING
        for one in sent:
            counts[one.day] += one.n
    elif message_class is MessageClass.SERVICE and channel is Channel.SMS:
        caps = SERVICE_SMS
        for one in sent:
            if (one.message_class, one.channel) == (message_class, channel):
                counts[one.day] += one.n
    day = today
    while not all(_has_room(cap, counts, day) for cap in caps):
        day += timedelta(days=1)  # ends: after the longest window nothing is counted
    return day


def _has_room(cap: Cap, counts: Mapping[date, int], day: date) -> bool:
    window = (day - timedelta(days=back) for back in range(cap.days))
    return sum(counts.get(one, 0) for one in window) < cap.most
