"""Tencent Cloud SMS: receipts as a list, a reply as an object; signed by nobody.

https://www.tencentcloud.com/document/product/382/43547 and 43548. `sid` is the SerialNo of the
sending API; `ext`, its SessionContext, comes only where it was switched on. Times are Shanghai's.
"""

from functools import partial
from typing import Any, Final

from contracts.events import DeliveryState
from contracts.ids import derive
from notifier.domain.replies import Reply
from notifier.domain.reports.report import (
    Event,
    News,
    Report,
    Sender,
    china_time,
    code_of,
    gather,
    maybe_id,
    mobile,
    text,
)
from notifier.errors import Unreadable

STATES: Final = {"SUCCESS": DeliveryState.DELIVERED, "FAIL": DeliveryState.FAILED}


def read(body: Any, sender: Sender) -> Report:
    if isinstance(body, dict):
        return gather([body], partial(_reply, sender))
    return gather(body, partial(_receipt, sender))


def _receipt(sender: Sender, event: Event) -> list[News]:
    state = STATES.get(text(event, "report_status"))
    if state is None:
        raise Unreadable("report_status is none that we know")
    receipt = sender.receipt(
        state,
        message_id=maybe_id(event.get("ext")),
        provider_id=maybe_id(event.get("sid")),
        address=_number(event),
        at=china_time(event.get("user_receive_time")),
        code=code_of(event.get("errmsg")),
    )
    return [receipt]


def _reply(sender: Sender, event: Event) -> list[News]:
    address, words = _number(event), text(event, "text")
    if address is None:
        return []
    told = sender.blind(f"{address}|{event.get('time')}|{words}").hex()
    return [Reply(derive("reply", sender.gateway, told), address, words)]


def _number(event: Event) -> str | None:
    country = maybe_id(event.get("nationcode")) or ""
    return mobile(f"+{country}{text(event, 'mobile')}" if country else text(event, "mobile"))
