"""Receipts only climb: claimed < unknown < sent < delivered or failed; the first final one stays.

They come early, twice, late and in any order. A receipt proves that the gateway had the message,
so it also corrects a message that was given up, and keeps one from going out again. One that
nobody signed proves less: it tells the end of a message that we know to be on its way, no more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from contracts.events import DeliveryState
from notifier.domain.message import Message, moved

_S = DeliveryState

RANK: Final = {
    _S.PLANNED: 0,
    _S.CLAIMED: 1,
    _S.UNKNOWN: 2,
    _S.CLOSED_UNKNOWN: 2,
    _S.REJECTED: 2,
    _S.SUPPRESSED: 2,
    _S.EXPIRED: 2,
    _S.SENT: 3,
    _S.DELIVERED: 4,
    _S.FAILED: 4,
}
STATES: Final = (_S.SENT, _S.DELIVERED, _S.FAILED)
# What a receipt without a signature may move, and to what.
ON_ITS_WAY: Final = (_S.SENT, _S.UNKNOWN)
ENDED: Final = (_S.DELIVERED, _S.FAILED)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gateway says of a message, under our id, its own, or both."""

    gateway: str
    state: DeliveryState  # one of STATES
    message_id: str | None
    provider_id: str | None
    at: datetime | None = None  # by the gateway's clock
    code: str = ""  # the gateway's own, of why it failed
    receiver: bytes | None = field(default=None, repr=False)  # keyed hash of the address
    is_signed: bool = True


def climb(message: Message, receipt: Receipt) -> Message:
    """Return *message* after *receipt*; itself when the receipt tells nothing new."""
    if message.attempt_no == 0 or RANK[receipt.state] <= RANK[message.state]:
        return message
    if not receipt.is_signed and (message.state not in ON_ITS_WAY or receipt.state not in ENDED):
        return message
    return moved(
        message,
        receipt.state,
        reason=receipt.code,
        provider_id=message.provider_id or receipt.provider_id,
        gateway=message.gateway or receipt.gateway,
    )
