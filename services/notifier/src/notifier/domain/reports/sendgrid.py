"""SendGrid's event webhook: a list of events, of which one may come in several lists.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event. Custom arguments stand
among an event's own fields; `smtp-id` is the Message-ID that the mail came with.
"""

from functools import partial
from typing import Any, Final

from contracts.events import Channel, DeliveryState, Purpose
from notifier.domain.replies import OptOut
from notifier.domain.reports.report import (
    ALL,
    MARKETING,
    OUR_ID,
    Event,
    News,
    Report,
    Sender,
    code_of,
    gather,
    mailbox,
    maybe_id,
    text,
    unix_time,
)

_S = DeliveryState

STATES: Final = {"delivered": _S.DELIVERED, "bounce": _S.FAILED, "dropped": _S.FAILED}
OPT_OUTS: Final = {"spamreport": ALL, "unsubscribe": MARKETING, "group_unsubscribe": MARKETING}
# Why SendGrid did not even try: what it knows of the address.
DROPPED: Final = {
    "Unsubscribed Address": MARKETING,
    "Spam Reporting Address": ALL,
    "Bounced Address": ALL,
}


def read(body: Any, sender: Sender) -> Report:
    return gather(body, partial(_event, sender))


def _event(sender: Sender, event: Event) -> list[News]:
    kind, address = text(event, "event"), mailbox(event.get("email"))
    message_id = maybe_id(event.get(OUR_ID))
    news: list[News] = []
    if kind in STATES:
        receipt = sender.receipt(
            STATES[kind],
            message_id=message_id,
            provider_id=maybe_id(event.get("smtp-id")),
            address=address,
            at=unix_time(event.get("timestamp")),
            code=code_of(event.get("status"), kind),
        )
        news.append(receipt)
    purposes = _stopped(kind, event)
    if address is not None and purposes:
        news.append(OptOut(Channel.EMAIL, address, purposes, message_id))
    return news


def _stopped(kind: str, event: Event) -> tuple[Purpose, ...]:
    if kind == "bounce":  # by its type hard, or only blocked this time
        return ALL if event.get("type") == "bounce" else ()
    if kind == "dropped":
        return DROPPED.get(str(event.get("reason")), ())
    return OPT_OUTS.get(kind, ())
