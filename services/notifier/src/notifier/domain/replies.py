"""What people want no more of: in their own words, in any width, case and spacing, or as told."""

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from contracts.events import Channel, Purpose
from notifier.domain.channel import PURPOSE
from notifier.domain.message import Message

STOP_MARKETING: Final = frozenset({"T", "TD", "N", "退订", "STOP", "UNSUBSCRIBE"})
STOP_ALL: Final = frozenset({"STOPALL", "全部退订"})


@dataclass(frozen=True, slots=True)
class Reply:
    reply_id: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class OptOut:
    """A gateway knows that somebody wants no more of something, or can get none of it."""

    channel: Channel
    address: str = field(repr=False)
    purposes: tuple[Purpose, ...]
    message_id: str | None = None


def stopped_purposes(text: str) -> tuple[Purpose, ...]:
    """Return what the writer of *text* wants no more of; nothing when it says something else."""
    folded = unicodedata.normalize("NFKC", text).upper()
    word = "".join(letter for letter in folded if letter.isalnum())
    if word in STOP_ALL:
        return tuple(Purpose)
    return (Purpose.MARKETING,) if word in STOP_MARKETING else ()


def is_stopped(message: Message, channel: Channel, purposes: tuple[Purpose, ...]) -> bool:
    """Tell whether a pending *message* falls with an opt-out of *purposes* by *channel*."""
    return channel in message.channels and PURPOSE.get(message.message_class) in purposes
