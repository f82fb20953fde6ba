"""What gateways report in their own words, as what we keep: receipts, replies, opt-outs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from care.phones import normalise
from contracts.events import DeliveryState, Purpose
from notifier.domain.receipts import Receipt
from notifier.domain.replies import OptOut, Reply
from notifier.errors import Unreadable

COUNTRY: Final = "CN"  # of numbers that come without their country's code
# The name under which a gateway takes our id and gives it back, where it lets us choose one.
OUR_ID: Final = "huiliu_message_id"

MARKETING: Final = (Purpose.MARKETING,)
ALL: Final = tuple(Purpose)

News: TypeAlias = Receipt | Reply | OptOut
Event: TypeAlias = Mapping[str, Any]

_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")
_CODE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MAILBOX: Final = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,190}")
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_LATEST_S: Final = 7_258_118_400  # the year 2200


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports.

    Args:
        gateway: Whose messages it may speak of.
        blind: An address of its channel, or another text, to what stands for it.
        is_signed: Whether a signature shows that it is the gateway.
    """

    gateway: str
    blind: Callable[[str], bytes]
    is_signed: bool = True

    def receipt(
        self,
        state: DeliveryState,
        *,
        message_id: str | None,
        provider_id: str | None,
        address: str | None,
        at: datetime | None = None,
        code: str = "",
    ) -> Receipt:
        """Return a receipt; `Unreadable` when it names no message, or unsigned no receiver."""
        if message_id is None and provider_id is None:
            raise Unreadable("a receipt names no message")
        if address is None and not self.is_signed:
            raise Unreadable("an unsigned receipt names no receiver")
        return Receipt(
            gateway=self.gateway,
            state=state,
            message_id=message_id,
            provider_id=provider_id,
            at=at,
            code=code if state is DeliveryState.FAILED else "",
            receiver=None if address is None else self.blind(address),
            is_signed=self.is_signed,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What one post says.

    Args:
        news: What is kept, in the order told.
        silent: How many of its events say nothing that we keep.
        unreadable: How many could not be read; the others count all the same.
    """

    news: tuple[News, ...] = field(default=())
    silent: int = 0
    unreadable: int = 0


def gather(events: Any, read: Callable[[Event], Sequence[News]]) -> Report:
    """Return what the list *events* says, by *read*, which raises `Unreadable` for a bad one."""
    if not isinstance(events, list):
        raise Unreadable("a list of events is expected")
    news: list[News] = []
    silent = unreadable = 0
    for one in events:
        try:
            found = read(mapping(one))
        except Unreadable:
            unreadable += 1
            continue
        silent += not found
        news += found
    return Report(tuple(news), silent, unreadable)


def mapping(value: Any) -> Event:
    if not isinstance(value, dict):
        raise Unreadable("an object is expected")
    return value


def part(event: Event, name: str) -> Event:
    """Return the object *name* of *event*; an empty one when there is none."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def text(event: Event, name: str) -> str:
    """Return a text that must be there."""
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is missing")
    return value


def maybe_id(value: Any) -> str | None:
    """Return an id, which may have come as a number; None when it can be none."""
    spelled = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return spelled if isinstance(spelled, str) and _ID.fullmatch(spelled) else None


def code_of(*values: Any) -> str:
    """Return the first of *values* that is a code: free text may quote an address."""
    for value in values:
        spelled = str(value)
        if isinstance(value, str | int) and _CODE.fullmatch(spelled):
            return spelled
    return ""


def mobile(raw: str) -> str | None:
    """Return a number as E.164, with or without its plus sign; None when there is none such."""
    return normalise(raw, COUNTRY) or normalise(f"+{raw}", COUNTRY)


def mailbox(value: Any) -> str | None:
    """Return a mailbox, taken out of the angle brackets that it may stand in."""
    if not isinstance(value, str):
        return None
    bare = value.rpartition("<")[2].partition(">")[0].strip()
    return bare if _MAILBOX.fullmatch(bare) else None


def china_time(value: Any) -> datetime | None:
    """Return a time of Shanghai that names no zone; None for a bare day, which is no time."""
    try:
        at = datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
        return None if at.time() == time() else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def unix_time(value: Any) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LATEST_S:
        return None
    return datetime.fromtimestamp(value, UTC)


def iso_time(value: Any) -> datetime | None:
    """Return a time with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(str(value))
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
