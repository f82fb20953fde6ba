"""When a message may go: 09:00 to 21:00 where its receiver is."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from care.windows import SendWindow, zones_of_receiver
from contracts.events import Channel, MessageClass
from notifier.domain.message import Message, Receiver, Rule, Shop

WINDOW = SendWindow(opens=time(9), closes=time(21))


def is_bound(message: Message, channel: Channel, rule: Rule) -> bool:
    """Tell whether the window holds for *message*."""
    if message.message_class is not MessageClass.TRANSACTIONAL:
        return True
    return channel is Channel.SMS and not rule.quiet_exempt


def zones_of(receiver: Receiver, shop: Shop) -> tuple[str, ...]:
    return zones_of_receiver(
        own=receiver.zone, region=receiver.region, phone=receiver.phone, shop=shop.zone
    )


def quiet_until(
    message: Message, now: datetime, zones: Sequence[str], *, spread: timedelta
) -> datetime | None:
    """Return None when the window is open now, else when *message* may try again.

    Zones whose windows never meet hold the message until it expires.

    Args:
        message: What waits.
        now: The instant that is judged.
        zones: Where the receiver may be: the window is open when it is in all of them.
        spread: Messages that waited for the opening leave over so long a time, each at a place
            of its own that the message's id gives.
    """
    if WINDOW.is_open(now, zones):
        return None
    opening = WINDOW.next_opening(now, zones)
    if opening is None:
        return message.expires_at
    later = opening + spread * _fraction(message.message_id)
    fits = later < message.expires_at and WINDOW.is_open(later, zones)
    return later if fits else opening


def _fraction(message_id: str) -> float:
    """Return a number in [0, 1) that belongs to the message: the same on every pod."""
    return int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:4], "big") / 2**32
