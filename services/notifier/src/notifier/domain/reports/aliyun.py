"""Aliyun SMS: receipts (SmsReport) and replies (SmsUp), pushed as lists, signed by nobody.

https://help.aliyun.com/zh/sms/developer-reference/smsreport-2. One `biz_id` serves all the numbers
of a call, so it names a message only together with the number. Times are Shanghai's.
"""

from functools import partial
from typing import Any

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


def read(body: Any, sender: Sender) -> Report:
    return gather(body, partial(_event, sender))


def _event(sender: Sender, event: Event) -> list[News]:
    address = mobile(text(event, "phone_number"))
    if isinstance(event.get("content"), str):
        return [] if address is None else [_reply(event, address, sender)]
    success = event.get("success")
    if not isinstance(success, bool):
        raise Unreadable("success is missing")
    receipt = sender.receipt(
        DeliveryState.DELIVERED if success else DeliveryState.FAILED,
        message_id=maybe_id(event.get("out_id")),
        provider_id=maybe_id(event.get("biz_id")),
        address=address,
        at=china_time(event.get("report_time")),
        code=code_of(event.get("err_code")),
    )
    return [receipt]


def _reply(event: Event, address: str, sender: Sender) -> Reply:
    words = text(event, "content")
    # The number stands in the id by its keyed hash alone: a plain one could be guessed.
    told = sender.blind(f"{address}|{event.get('send_time')}|{words}").hex()
    sequence = maybe_id(event.get("sequence_id"))
    return Reply(derive("reply", sender.gateway, sequence or told), address, words)
