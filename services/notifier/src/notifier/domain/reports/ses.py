"""Amazon SES by SNS: one notification of a mail and its receivers.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html; the older
form says `notificationType` for `eventType`. Tags are lists; `commonHeaders.messageId` is the
Message-ID that the mail came with.
"""

from collections.abc import Iterator
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
    iso_time,
    mailbox,
    mapping,
    maybe_id,
    part,
)
from notifier.errors import Unreadable

_S = DeliveryState

NOT_SPAM: Final = "not-spam"  # somebody took the mail out of the spam folder
UNSUBSCRIBED: Final = "UnsubscribedRecipient"


def read(notice: Any, sender: Sender) -> Report:
    event = mapping(notice)
    match event.get("eventType") or event.get("notificationType"):
        case "Delivery":
            news = _receipts(event, sender, _S.DELIVERED, _delivered(event))
        case "Bounce" if part(event, "bounce").get("bounceType") == "Permanent":
            news = [*_receipts(event, sender, _S.FAILED, _bounced(event)), *_undeliverable(event)]
        case "Reject":
            news = _receipts(event, sender, _S.FAILED, _rejected(event))
        case "Complaint" if part(event, "complaint").get("complaintFeedbackType") != NOT_SPAM:
            news = _complaints(event)
        case str():
            news = []
        case _:
            raise Unreadable("a notification without its type")
    return Report(tuple(news), silent=int(not news))


def _receipts(
    event: Event, sender: Sender, state: DeliveryState, to: Iterator[tuple[Any, str]]
) -> list[News]:
    """Return a receipt for each receiver; *to* yields addresses and codes."""
    mail = part(event, "mail")
    provider_id = maybe_id(part(mail, "commonHeaders").get("messageId"))
    kind = "delivery" if state is _S.DELIVERED else "bounce"
    return [
        sender.receipt(
            state,
            message_id=_our_id(event),
            provider_id=provider_id or maybe_id(mail.get("messageId")),
            address=mailbox(address),
            at=iso_time(part(event, kind).get("timestamp")),
            code=code,
        )
        for address, code in to
    ]


def _delivered(event: Event) -> Iterator[tuple[Any, str]]:
    for one in _list(part(event, "delivery"), "recipients"):
        yield one, ""


def _bounced(event: Event) -> Iterator[tuple[Any, str]]:
    bounce = part(event, "bounce")
    for one in map(mapping, _list(bounce, "bouncedRecipients")):
        yield one.get("emailAddress"), code_of(one.get("status"), bounce.get("bounceSubType"))


def _rejected(event: Event) -> Iterator[tuple[Any, str]]:
    for one in _list(part(event, "mail"), "destination"):
        yield one, "reject"


def _undeliverable(event: Event) -> list[News]:
    unsubscribed = part(event, "bounce").get("bounceSubType") == UNSUBSCRIBED
    told = [address for address, _ in _bounced(event)]
    return _opt_outs(event, told, MARKETING if unsubscribed else ALL)


def _complaints(event: Event) -> list[News]:
    found = _list(part(event, "complaint"), "complainedRecipients")
    return _opt_outs(event, [one.get("emailAddress") for one in map(mapping, found)], ALL)


def _opt_outs(event: Event, told: list[Any], purposes: tuple[Purpose, ...]) -> list[News]:
    addresses = [found for one in told if (found := mailbox(one))]
    return [OptOut(Channel.EMAIL, one, purposes, _our_id(event)) for one in addresses]


def _our_id(event: Event) -> str | None:
    tagged = part(part(event, "mail"), "tags").get(OUR_ID)
    return maybe_id(tagged[0]) if isinstance(tagged, list) and tagged else None


def _list(event: Event, name: str) -> list[Any]:
    found = event.get(name)
    if not isinstance(found, list) or not found:
        raise Unreadable(f"{name} is missing")
    return found
