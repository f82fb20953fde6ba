"""What a gateway's answer makes of a message.

Only an answer that proves that nothing was accepted lets a message be sent again. In doubt the
outcome is unknown, and an unknown outcome is never repeated.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from contracts.events import DeliveryState
from notifier.domain.message import Message, moved

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=5)
LONGEST_RETRY_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Definitely not sent."""

    reason: str  # a code or a kind of error, never the gateway's own words
    retryable: bool
    retry_after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Unsure:
    reason: str


Outcome: TypeAlias = Accepted | Refused | Unsure


def settle(message: Message, attempt_no: int, outcome: Outcome, now: datetime) -> Message:
    """Return *message* after the outcome of one of its attempts; itself when nothing changes.

    The answer may be late: a receipt or the reconciler may have moved the message meanwhile.
    """
    if message.attempt_no != attempt_no:
        return message
    match outcome:
        case Accepted(provider_id):
            return _accepted(message, provider_id)
        case Refused():
            return _refused(message, outcome, now)
        case Unsure(reason):
            if message.state is DeliveryState.CLAIMED:
                return moved(message, DeliveryState.UNKNOWN, reason=reason)
            return message
        case other:
            assert_never(other)


def _accepted(message: Message, provider_id: str) -> Message:
    open_states = (DeliveryState.CLAIMED, DeliveryState.UNKNOWN, DeliveryState.CLOSED_UNKNOWN)
    if message.state in open_states:
        return moved(message, DeliveryState.SENT, provider_id=provider_id)
    if message.provider_id is None and message.state is not DeliveryState.PLANNED:
        return moved(message, message.state, reason=message.reason, provider_id=provider_id)
    return message


def _refused(message: Message, refused: Refused, now: datetime) -> Message:
    if message.state is not DeliveryState.CLAIMED:
        return message  # believed unknown meanwhile: it stays so, and is not sent again
    cleared = {"sent_at": None, "pieces": None, "price_micros": None, "currency": None}
    again_at = now + max(wait(message.attempt_no), min(refused.retry_after, LONGEST_RETRY_AFTER))
    if refused.retryable and again_at < message.expires_at:
        return moved(
            message, DeliveryState.PLANNED, reason=refused.reason, next_at=again_at, **cleared
        )
    return moved(message, DeliveryState.REJECTED, reason=refused.reason, **cleared)


def wait(attempt_no: int) -> timedelta:
    """Return how long to wait after attempt *attempt_no*, the first being 1: 1, 2, 4 ... 300 s."""
    doublings = min(attempt_no - 1, 20)  # no wait is that long
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
