"""Twilio: callbacks of a message's state, and what comes in to a number.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status: a form, in which only
MessageSid, MessageStatus and To are sure.
"""

from collections.abc import Mapping
from typing import Final

from contracts.events import Channel, DeliveryState
from contracts.ids import derive
from notifier.domain.replies import OptOut, Reply, stopped_purposes
from notifier.domain.reports.report import (
    MARKETING,
    News,
    Report,
    Sender,
    code_of,
    maybe_id,
    mobile,
    text,
)
from notifier.errors import Unreadable

_S = DeliveryState

STATES: Final = {
    "sent": _S.SENT,
    "delivered": _S.DELIVERED,
    "read": _S.DELIVERED,
    "undelivered": _S.FAILED,
    "failed": _S.FAILED,
    "canceled": _S.FAILED,
}
UNSUBSCRIBED: Final = "21610"  # the receiver has replied STOP to the number


def read(form: Mapping[str, str], message_id: str | None, sender: Sender) -> Report:
    """Return what a signed *form* says.

    Args:
        form: Its fields.
        message_id: Ours, if the signed address of the callback names it.
        sender: Who reports.
    """
    if "MessageStatus" in form:
        news = _status(form, message_id, sender)
    elif "Body" in form:
        news = _reply(form, sender)
    else:
        raise Unreadable("neither a state nor a message that came in")
    return Report(tuple(news), silent=int(not news))


def _status(form: Mapping[str, str], message_id: str | None, sender: Sender) -> list[News]:
    state = STATES.get(form["MessageStatus"])
    if state is None:
        return []
    address = mobile(form.get("To", ""))
    code = code_of(form.get("ErrorCode"))
    receipt = sender.receipt(
        state,
        message_id=message_id,
        provider_id=maybe_id(form.get("MessageSid")),
        address=address,
        code=code,
    )
    if address is None or code != UNSUBSCRIBED:
        return [receipt]
    return [receipt, OptOut(Channel.SMS, address, MARKETING, message_id)]


def _reply(form: Mapping[str, str], sender: Sender) -> list[News]:
    address, words = mobile(text(form, "From")), form["Body"]
    if address is None:
        return []
    reply_id = derive("reply", sender.gateway, text(form, "MessageSid"))
    reply = Reply(reply_id, address, words)
    # Twilio knows words that the shop has chosen there.
    if form.get("OptOutType") != "STOP" or stopped_purposes(words):
        return [reply]
    return [reply, OptOut(Channel.SMS, address, MARKETING)]
