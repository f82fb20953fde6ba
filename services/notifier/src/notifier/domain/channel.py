"""By which channel a person may be reached: address, opt-out, consent; in this order."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from care.phones import is_mobile
from contracts.events import Channel, MessageClass, Purpose
from notifier.domain.message import Case, Receiver
from notifier.domain.verdict import Expire, Hold, Stop, Suppress

# What a person stops when he stops a class. Nobody stops a transaction's own messages.
PURPOSE: Final = {
    MessageClass.MARKETING: Purpose.MARKETING,
    MessageClass.SERVICE: Purpose.ORDER_NOTICES,
}


@dataclass(frozen=True, slots=True)
class Reached:
    channel: Channel
    address: str = field(repr=False)


def reach(case: Case, gateways: Collection[Channel]) -> Reached | Stop:
    """Return the first of the planned channels that is open, or the first gate that stops all.

    Args:
        case: The message and its receiver.
        gateways: Channels that have a gateway.
    """
    message = case.message
    receiver = case.receiver or Receiver()
    reached = [
        Reached(channel, found)
        for channel in message.channels
        if channel in gateways and (found := address(receiver, channel))
    ]
    if not reached:
        # The contact may yet come: it is judged again then.
        late = case.now >= message.expires_at
        return Expire("no_address") if late else Hold("no_address", message.expires_at)
    purpose = PURPOSE.get(message.message_class)
    if purpose is None:
        return reached[0]
    willing = [one for one in reached if not _opted_out(receiver, one.channel, purpose)]
    if not willing:
        return Suppress("opted_out")
    implied = purpose is not Purpose.MARKETING or case.shop.marketing_consent_implied
    agreed = [one for one in willing if _consents(receiver, one.channel, purpose, implied=implied)]
    return agreed[0] if agreed else Suppress("no_consent")


def address(receiver: Receiver, channel: Channel) -> str | None:
    """Return where *channel* reaches the person; a landline gets no SMS."""
    if channel is Channel.SMS:
        return receiver.phone if receiver.phone and is_mobile(receiver.phone) else None
    return receiver.email or None if channel is Channel.EMAIL else None


def _opted_out(receiver: Receiver, channel: Channel, purpose: Purpose) -> bool:
    stopped = (channel, purpose) in receiver.opted_out
    # "All messages off" in the shop's account reaches us as a consent withdrawn.
    withdrawn = purpose is not Purpose.MARKETING and _said(receiver, channel, purpose) is False
    return stopped or withdrawn


def _consents(receiver: Receiver, channel: Channel, purpose: Purpose, *, implied: bool) -> bool:
    said = _said(receiver, channel, purpose)
    return implied if said is None else said


def _said(receiver: Receiver, channel: Channel, purpose: Purpose) -> bool | None:
    """Return the person's latest word; where two are of one instant, the refusal."""
    words = [
        (consent.at, not consent.given)
        for consent in receiver.consents
        if consent.channel is channel and consent.purpose is purpose
    ]
    return not max(words)[1] if words else None
