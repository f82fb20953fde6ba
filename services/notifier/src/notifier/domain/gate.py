"""The gate: the last judgement before a message goes, in one fixed order.

The first gate that stops a message names the reason: erased, no_address, opted_out, no_consent,
recalled, repeat, quiet, capped, bad_text, expired, freshness. What may pass later is held; what
cannot pass before it expires, expires with that gate's reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from care.calendar import day_of, start_of_day
from contracts.events import Channel
from notifier.domain.caps import first_free_day
from notifier.domain.channel import Reached, reach
from notifier.domain.message import Case, Message, Receiver
from notifier.domain.render import Outlet
from notifier.domain.send_window import is_bound, quiet_until, zones_of
from notifier.domain.verdict import Draft, Expire, Go, Hold, Stop, Suppress, Verdict


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gate goes by besides the message."""

    outlets: Mapping[Channel, Outlet]
    spread: timedelta = timedelta(minutes=30)
    # A held message is woken by what it waits for; these are for the case that it is not.
    look_again: timedelta = timedelta(seconds=1)


def today(case: Case) -> date:
    """Return the day that a message sent now counts for: the shop's."""
    return day_of(case.now, case.shop.zone)


def enter(case: Case, terms: Terms) -> Reached | Stop:
    """Judge whether and how the person may be reached at all."""
    if case.erased:
        return Suppress("erased")
    found = reach(case, terms.outlets.keys())
    if not isinstance(found, Reached):
        return found
    if case.recalled is not None:
        return Suppress(case.recalled)
    if case.rule is None:
        return _wait(case, "rule_unknown", terms.look_again)
    return found


def judge(
    case: Case, reached: Reached, draft: Draft | None, terms: Terms, *, repeated: bool
) -> Verdict:
    """Judge the message itself, once `enter` let it in.

    Args:
        case: Its rule is known.
        reached: Where `enter` would send it.
        draft: The rendered message; None when the text is bad.
        terms: What holds for all messages.
        repeated: Whether the same words went to the same address today.
    """
    if repeated:
        return Suppress("repeat")
    message, day = case.message, today(case)
    stop = _quiet(case, reached, terms)
    if stop is None:
        free = first_free_day(message.message_class, reached.channel, case.sent, day)
        if free > day:
            stop = _defer(message, "capped", start_of_day(free, case.shop.zone))
    if stop is not None:
        return stop
    if draft is None:
        return Suppress("bad_text")
    if case.now >= message.expires_at:
        return Expire("expired")
    if message.needs_freshness and not case.fresh:
        return _wait(case, "freshness", terms.look_again)
    return Go(draft, day)


def _quiet(case: Case, reached: Reached, terms: Terms) -> Stop | None:
    if case.rule is None or not is_bound(case.message, reached.channel, case.rule):
        return None
    zones = zones_of(case.receiver or Receiver(), case.shop)
    until = quiet_until(case.message, case.now, zones, spread=terms.spread)
    return None if until is None else _defer(case.message, "quiet", until)


def _defer(message: Message, reason: str, until: datetime) -> Stop:
    return Hold(reason, until) if until < message.expires_at else Expire(reason)


def _wait(case: Case, reason: str, look_again: timedelta) -> Stop:
    """Hold for something that may come at any time."""
    expires_at = case.message.expires_at
    if case.now >= expires_at:
        return Expire(reason)
    return Hold(reason, min(case.now + look_again, expires_at))
